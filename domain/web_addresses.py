"""Web addresses: the parts of a valid one, and the completion of one without its scheme."""

import re
from urllib.parse import SplitResult, urlsplit

MAX_PORT = 65_535

_SCHEMES = frozenset({"http", "https"})
# Labels of any script, as browsers show them; urlsplit lets spaces, quotes and angle brackets pass.
_HOST = re.compile(r"(?!-)[^\W_](?:[\w.-]*\w)?\.?")
_IPV6 = re.compile(r"[0-9a-f:.]+")
_BLANKS = re.compile(r"\s")
_DOMAINS = "com|org|net|edu|gov|info|tv|be|de|at|ch|fr|es|it|nl|uk|us|eu|ca|au|in|jp|kr|cn|ru|br|se|no|pl|app|dev|video"
# Without a scheme, `talk.mp4` and `my.videos/talk` look like addresses: only a well-known end makes it one.
_BARE = re.compile(rf"(?:www\.[^/?#]+|[^/?#:@\\]+\.(?:{_DOMAINS}))(?::[0-9]+)?(?:[/?#].*)?", re.IGNORECASE)


def parse_web_address(text: str) -> SplitResult:
    """The parts of an http or https address; ValueError for file names, drives, free text and impossible ports."""
    reason = "An address must begin with `https://` or `http://` and have a host."
    if _BLANKS.search(text) or "\\" in text:
        raise ValueError(reason)
    try:
        address = urlsplit(text)
        host, _ = address.hostname or "", address.port
    except ValueError:
        raise ValueError(f"{reason} Its port is at most {MAX_PORT:,}.") from None
    if address.scheme not in _SCHEMES or not (_HOST.fullmatch(host) or (":" in host and _IPV6.fullmatch(host))):
        raise ValueError(reason)
    return address


def complete_web_address(text: str) -> str | None:
    """The address with the scheme that people leave out, as in `youtube.com/watch?v=…`; None for other text."""
    text = text.strip()
    if text.startswith("//") or ("://" not in text and _BARE.fullmatch(text)):
        text = f"https://{text.removeprefix('//')}"
    try:
        parse_web_address(text)
    except ValueError:
        return None
    return text
