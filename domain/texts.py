"""Mending of texts that people and programs write: one rule for the import and the API."""

import re

REPLACEMENT = "\ufffd"

# They turn the text around them until another ends them, or the line does. Arabic and Hebrew do without, and their
# marks U+200E and U+200F, which turn nothing but themselves, are in many titles.
_TURNS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def mend_text(text: str) -> tuple[str, tuple[str, ...]]:
    """The text without direction marks and with U+FFFD for halves of surrogates; and the names of the mended faults.

    Control characters are left: the API refuses them, and files replace them by spaces.
    """
    mended = []
    if _SURROGATES.search(text):
        # Two halves that follow each other are one character: some programs write them one by one.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        mended.append("unpaired surrogates")
    if _TURNS.search(text):
        text = _TURNS.sub("", text)
        mended.append("bidirectional control characters")
    return text, tuple(mended)
