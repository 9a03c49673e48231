"""Characters that a terminal obeys instead of showing them, in names and texts that others chose."""

_LINE_BREAK = ord("\n")
# C0, DEL and C1 move the cursor and rewrite what is on the screen; separators and direction marks rearrange a line;
# a lone surrogate cannot be printed at all.
_RANGES = ((0x00, 0x1F), (0x7F, 0x9F), (0x200E, 0x200F), (0x2028, 0x202E), (0x2066, 0x2069), (0xD800, 0xDFFF))
_ESCAPES = {code: f"\\u{code:04x}" for first, last in _RANGES for code in range(first, last + 1)}
_ESCAPES_BUT_LINES = {code: escape for code, escape in _ESCAPES.items() if code != _LINE_BREAK}


def escape_control_characters(text: str, *, keeps_lines: bool = False) -> str:
    r"""The text with `\u001b` for each such character; with `keeps_lines` line breaks stay.

    Of a line of JSON the result is the same JSON: its strings hold these escapes already, or may.
    """
    if text.isprintable():
        return text
    return text.translate(_ESCAPES_BUT_LINES if keeps_lines else _ESCAPES)
