from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.disposition import format_attachment


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_filename_is_read_back(filename: str) -> None:
    """A client that knows RFC 6266 gets the very name; the header is plain ASCII on one line."""
    header = format_attachment(filename)
    assert header.isascii()
    assert header.isprintable()
    _, is_extended, encoded = header.partition("filename*=UTF-8''")
    plain = header.split('"')[1]
    assert (unquote(encoded) if is_extended else plain) == filename
    assert len(plain) == len(filename)


@pytest.mark.parametrize("filename", ["a\r\nSet-Cookie: x", 'a"; filename="b', "a\x00b"])
def test_no_filename_breaks_out_of_the_header(filename: str) -> None:
    """A filename with quotes, line ends or NUL stays within its quotes, on one line."""
    header = format_attachment(filename)
    assert header.isprintable()
    assert header.count('"') == 2
