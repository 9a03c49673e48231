"""YouTube's id of a video, out of every form of its addresses."""

import re
from urllib.parse import SplitResult, parse_qs, urlsplit

_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_HOST = re.compile(r"(?:(?:www|m|music|gaming)\.)?youtube(?:-nocookie)?\.com")
_SHORT_HOSTS = frozenset({"youtu.be", "www.youtu.be"})
_FOLDERS = frozenset({"watch", "shorts", "embed", "live", "v", "e", "vi"})
# Players of a list or of a channel: eleven letters each, and no ids.
_NOT_IDS = frozenset({"videoseries", "live_stream"})


def extract_youtube_id(url: str) -> str | None:
    """The eleven characters by which YouTube knows the video, or None where `url` is not a video there."""
    address = _split(url)
    if address is None:
        return None
    host = (address.hostname or "").rstrip(".")
    segments = [segment for segment in address.path.split("/") if segment]
    if host in _SHORT_HOSTS:
        return _as_id(segments[0]) if segments else None
    if not _HOST.fullmatch(host):
        return None
    return _find_in_path(segments) or _find_in_query(address)


def check_youtube_id(value: str) -> str:
    """`value`, which has the form of a YouTube id; ValueError otherwise."""
    if _as_id(value) is None:
        raise ValueError("A YouTube id has eleven letters, digits, `-` or `_`.")
    return value


def _split(url: str) -> SplitResult | None:
    text = url.strip()
    if "://" not in text:
        text = "https://" + text.removeprefix("//")
    try:
        address = urlsplit(text)
        _ = address.hostname
    except ValueError:
        return None
    return address if address.scheme in {"http", "https"} else None


def _find_in_path(segments: list[str]) -> str | None:
    match segments:
        case [folder, found, *_] if folder in _FOLDERS:
            return _as_id(found)
    return None


def _find_in_query(address: SplitResult) -> str | None:
    parameters = parse_qs(address.query)
    for name in ("v", "vi"):
        if name in parameters:
            return _as_id(parameters[name][0])
    # Shared links and consent pages hold the real address in another one.
    for name in ("u", "url", "q"):
        for value in parameters.get(name, []):
            inner = f"https://www.youtube.com{value}" if value.startswith("/") else value
            if inner.startswith("http"):
                return extract_youtube_id(inner)
    return None


def _as_id(text: str) -> str | None:
    return text if _ID.fullmatch(text) and text not in _NOT_IDS else None
