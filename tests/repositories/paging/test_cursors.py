"""Cursors."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repositories.exceptions import InvalidCursorError
from repositories.paging.cursors import Cursor
from repositories.paging.orders import ClipOrder, VideoOrder


def encode(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "value", [0, -(2**63), 1.5, "", "é😀", None, datetime(2026, 1, 1, 1, 2, 3, 456789, tzinfo=UTC)]
)
def test_cursors_come_back_as_they_were(value: Any) -> None:
    """A cursor is decoded to the place that it was encoded from."""
    cursor = Cursor(VideoOrder.TITLE_ASC, value, "a b")
    assert Cursor.decode(cursor.encode(), VideoOrder.TITLE_ASC) == cursor


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "%%%",
        "é",
        "a" * 10_000,
        encode([]),
        encode({}),
        encode(["PRIORITY_ASC", 1]),
        encode(["PRIORITY_DESC", 1, "a"]),
        encode(["PRIORITY_ASC", 1, "a/b"]),
        encode(["PRIORITY_ASC", 1, 5]),
        encode(["PRIORITY_ASC", [1], "a"]),
        encode(["PRIORITY_ASC", 2**63, "a"]),
        encode(["PRIORITY_ASC", {"time": "yesterday"}, "a"]),
        encode(["PRIORITY_ASC", {"time": "2026-01-01T00:00:00"}, "a"]),
        encode(["PRIORITY_ASC", {"date": "2026-01-01T00:00:00+00:00"}, "a"]),
        encode(["PRIORITY_ASC", {}, "a"]),
        encode(["PRIORITY_ASC", 1, "a"]) + "=",
        encode(["PRIORITY_ASC", float("nan"), "a"]),
        encode(["PRIORITY_ASC", "\ud800", "a"]),
        base64.urlsafe_b64encode(b'["PRIORITY_ASC", 1, "a"]').decode(),
        encode([[]] * 5_000),
    ],
)
def test_foreign_cursors_are_refused(token: str) -> None:
    """A token of another order, form, type or encoding raises `InvalidCursorError`."""
    with pytest.raises(InvalidCursorError) as caught:
        Cursor.decode(token, ClipOrder.PRIORITY_ASC, path="before")
    assert caught.value.path == ("before",)


@given(st.text())
def test_any_text_is_a_cursor_or_refused(token: str) -> None:
    """A text that no list issued raises `InvalidCursorError` and nothing else."""
    with pytest.raises(InvalidCursorError):
        Cursor.decode(token, ClipOrder.PRIORITY_ASC)
