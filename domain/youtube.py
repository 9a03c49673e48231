"""YouTube's id of a video, out of every form of its addresses."""

import re
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_HOST = re.compile(
    r"(?:(?:www|m|music|gaming|consent|accounts)\.)?youtube(?:-nocookie|kids|education)?\.com|youtube\.googleapis\.com"
)
_SHORT_HOSTS = frozenset({"youtu.be", "www.youtu.be", "y2u.be"})
_IMAGE_HOST = re.compile(r"(?:i[0-9]{0,2}|img)\.(?:ytimg|youtube)\.com|s\.ytimg\.com")
# Their pages lead to others: consent, sign-in and the links of search results.
_GOOGLE_HOST = re.compile(r"(?:(?:www|consent|accounts|m)\.)?google\.[a-z]{2,3}(?:\.[a-z]{2})?")
_FOLDERS = frozenset({"watch", "shorts", "embed", "live", "v", "e", "vi"})
_IMAGE_FOLDERS = frozenset({"vi", "vi_webp", "vi_lc", "an", "an_webp"})
# Players of a list or of a channel: eleven letters each, and no ids.
_NOT_IDS = frozenset({"videoseries", "live_stream"})
# Parameters that hold an address of its own, of shared links, of consent and of sign-in pages.
_NESTED = ("u", "url", "q", "continue", "next")
_DEEPEST = 5


def extract_youtube_id(url: str) -> str | None:
    """The eleven characters by which YouTube knows the video, or None where `url` is not a video there."""
    return _extract(url, 0)


def parse_youtube_id(value: str) -> str:
    """`value`, which has the form of a YouTube id; ValueError otherwise."""
    if _as_id(value) is None:
        raise ValueError("A YouTube id must have eleven letters, digits, `-` or `_`.")
    return value


def _extract(url: str, depth: int) -> str | None:
    address = _split(url)
    if address is None or depth > _DEEPEST:
        return None
    host = (address.hostname or "").rstrip(".")
    segments = [segment for segment in address.path.split("/") if segment]
    if _IMAGE_HOST.fullmatch(host):
        return _find_in_path(segments, _IMAGE_FOLDERS)
    if host in _SHORT_HOSTS:
        return _as_id(segments[0]) if segments and segments != ["watch"] else _find_in_query(address.query)
    if _HOST.fullmatch(host):
        found = _find_in_path(segments, _FOLDERS) or _find_in_query(address.query) or _find_in_fragment(address)
        return found or _find_nested(address.query, depth)
    return _find_nested(address.query, depth) if _GOOGLE_HOST.fullmatch(host) else None


def _split(url: str) -> SplitResult | None:
    # HTML writes `&` as `&amp;`, and copies of its source keep that.
    text = url.strip().replace("&amp;", "&")
    if "://" not in text:
        text = "https://" + text.removeprefix("//")
    try:
        address = urlsplit(text)
        _ = address.hostname
    except ValueError:
        return None
    return address if address.scheme in {"http", "https"} else None


def _find_in_path(segments: list[str], folders: frozenset[str]) -> str | None:
    match segments:
        case [folder, found, *_] if folder in folders:
            return _as_id(found)
        case [escaped] if "%3f" in escaped.lower():
            return _find_in_query(unquote(escaped).partition("?")[2])
    return None


def _find_in_query(query: str) -> str | None:
    parameters = parse_qs(query)
    found = (_as_id(parameters[name][0]) for name in ("v", "vi") if name in parameters)
    return next(found, None)


def _find_in_fragment(address: SplitResult) -> str | None:
    """The id of old addresses, `watch#!v=…`, and of script-made ones, `#/watch?v=…`."""
    fragment = address.fragment.removeprefix("!")
    return _find_in_query(fragment.partition("?")[2] or fragment)


def _find_nested(query: str, depth: int) -> str | None:
    parameters = parse_qs(query)
    for name in _NESTED:
        for value in parameters.get(name, []):
            inner = f"https://www.youtube.com{value}" if value.startswith("/") else value
            if inner.startswith("http") and (found := _extract(inner, depth + 1)):
                return found
    return None


def _as_id(text: str) -> str | None:
    return text if _ID.fullmatch(text) and text not in _NOT_IDS else None
