"""Pages of clips in memory are the pages that Firestore answers."""

import math
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.firestore_v1.async_query import AsyncQuery

from repositories.cache.clip_sets import MAX_PAGES_KEPT, ClipSet, Filter
from repositories.clips import ClipRepository
from repositories.firestore.stored import StoredDocument
from repositories.models import ClipStatus
from repositories.paging.cursors import Cursor
from repositories.paging.orders import ClipOrder
from repositories.paging.page_query import PageQuery
from repositories.tombstones import DELETING_STATUS

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
DEFAULTS: dict[str, Any] = {
    "filename": "a.mp4",
    "scene_id": 1,
    "scene_title": "A",
    "style": "split",
    "status": "completed",
    "priority": 1,
    "created_at": MOMENT,
    "start_time": "00:00:01",
    "end_time": "00:00:02",
    "duration_seconds": 1.0,
}
PLACES = [
    *(None, False, True, 0, 1, 1.0, 2, 1.5, -0.0, 2**53, 2**53 + 1, float(2**53), -(2**63)),
    *("", "a", "B", "é", "\uffff", "\U00010000", "00:00:01", MOMENT, MOMENT.replace(year=1960)),
]
VALUES = [*PLACES, math.nan, math.inf]  # cursors have neither of these two


def draw_documents(draw: random.Random) -> dict[str, dict[str, Any]]:
    """Clips by id, among them what this version does not write."""
    choices: dict[str, list[Any]] = {
        **dict.fromkeys(("priority", "start_time", "created_at", "duration_seconds"), VALUES),
        "style": ["left", None, 7],
        "status": ["failed", "unknown", DELETING_STATUS, {"a": 1}],
        "drop": ["priority", "start_time", "scene_title", "created_at", "style"],
    }
    changes = [{name: draw.choice(choices[name]) for name in choices if draw.random() < 0.3} for _ in range(8)]
    documents = {f"c{number}": make_document(changed) for number, changed in enumerate(changes)}
    return documents | {"c8": {"status": DELETING_STATUS, "deleting_at": MOMENT}}


def draw_page_query(draw: random.Random, order: ClipOrder) -> PageQuery:
    def draw_cursor() -> Cursor | None:
        return draw.choice([None, Cursor(order, draw.choice(PLACES), f"c{draw.randrange(9)}")])

    return PageQuery(order, draw.randint(1, 5), draw_cursor(), draw_cursor(), draw.random() < 0.5)


def make_document(changes: dict[str, Any]) -> dict[str, Any]:
    document = DEFAULTS | changes
    return {name: value for name, value in document.items() if name not in {"drop", changes.get("drop")}}


@pytest.mark.parametrize("order", ClipOrder)
@pytest.mark.parametrize("seed", range(3))
async def test_every_page_is_what_firestore_answers(clips: ClipRepository, order: ClipOrder, seed: int) -> None:
    """A page out of a set in memory is the one that Firestore answers, of documents of any types."""
    draw = random.Random(f"{order}{seed}")  # noqa: S311  the same in every run
    batch = clips._rpc.client.batch()
    for clip_id, document in draw_documents(draw).items():
        batch.set(clips._clip(clip_id), document)
    await batch.commit()
    whole = ClipSet.of(Filter(), await clips._rpc.run_query(AsyncQuery(clips._clips)))
    for _ in range(20):
        page_query = draw_page_query(draw, order)
        status, style = draw.choice([None, *ClipStatus]), draw.choice([None, "split", "left", "nobody's"])
        page = await clips.list_clips(
            status=status,
            style=style,
            order_by=order,
            limit=page_query.limit,
            cursor=None if page_query.after is None else page_query.after.encode(),
            before=None if page_query.before is None else page_query.before.encode(),
            from_end=page_query.from_end,
        )
        assert repr(whole.get_page(Filter(status, style), page_query)) == repr(page)


@pytest.mark.parametrize("value", [b"a", [1], {"a": 1}])
def test_values_of_types_behind_texts_come_last(value: Any) -> None:
    """Bytes, lists and maps are ordered behind numbers and texts."""

    def make(name: str, priority: Any) -> StoredDocument:
        path = f"users/u/videos/v/clips/{name}"
        return StoredDocument(path, make_document({"priority": priority}), MOMENT, MOMENT)

    clips = ClipSet.of(Filter(), [make("a", value), make("b", "text"), make("c", 1)])
    page_query = PageQuery(ClipOrder.PRIORITY_ASC, 10, None, None, from_end=False)
    assert [clip.clip_id for clip in clips.get_page(Filter(), page_query)] == ["c", "b", "a"]


def test_first_pages_that_are_asked_for_again_are_there() -> None:
    """The last few of them; pages at cursors are made each time, of which there is no end."""
    clips = ClipSet.of(
        Filter(), [StoredDocument(f"users/u/videos/v/clips/c{at}", DEFAULTS, MOMENT, MOMENT) for at in range(9)]
    )
    first, at_cursor = (
        PageQuery(ClipOrder.PRIORITY_ASC, 2, after, None, from_end=False)
        for after in (None, Cursor(ClipOrder.PRIORITY_ASC, 1, "c1"))
    )
    assert clips.get_page(Filter(), first) is clips.get_page(Filter(), first)
    assert clips.get_page(Filter(), at_cursor) is not clips.get_page(Filter(), at_cursor)
    for limit in range(1, 2 * MAX_PAGES_KEPT):
        clips.get_page(Filter(), PageQuery(ClipOrder.PRIORITY_ASC, limit, None, None, from_end=False))
    assert len(clips._pages) <= MAX_PAGES_KEPT
