"""The Content-Disposition header that makes browsers save a file under a name of ours (RFC 6266)."""

import re
from urllib.parse import quote

# Characters that a quoted string cannot hold, or that browsers change; and all that are not ASCII.
_NOT_PLAIN = re.compile(r'[^\x20-\x7e]|["\\/%]')
_ATTR_CHAR = "!#$&+-.^_`|~"
"""The characters that RFC 8187 leaves unencoded in `filename*`, besides letters and digits."""


def format_attachment(filename: str) -> str:
    """An attachment with the filename in UTF-8, and in ASCII for clients that read no more."""
    plain = _NOT_PLAIN.sub("_", filename)
    if plain == filename:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe=_ATTR_CHAR)}"
