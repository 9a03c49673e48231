"""All clips of a video, or all that a filter leaves, in memory: pages of them as Firestore would answer."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

from repositories.firestore.slices import map_in_turns
from repositories.firestore.stored import StoredDocument
from repositories.mapping.reader import read_clip_document, read_clip_document_fast
from repositories.mapping.value_order import normalize_value, to_sort_key
from repositories.models import ClipMetadata, ClipStatus
from repositories.paging.cursors import Cursor
from repositories.paging.orders import ClipOrder, Order
from repositories.paging.page import Page
from repositories.paging.page_query import PageQuery, build_page

# First pages that are asked for again: those of a page by style, of a wall, and of a cover.
MAX_PAGES_KEPT = 3
ORDER_FIELDS = tuple(dict.fromkeys(order.field for order in ClipOrder))


@dataclass(frozen=True)
class Filter:
    """Which clips of a video; None filters nothing."""

    status: ClipStatus | None = None
    style: str | None = None


class ClipRow(NamedTuple):
    """A clip with the stored values of the fields that queries use; `clip` is None for a tombstone."""

    id: str
    status: Any
    style: Any
    values: dict[str, Any]
    clip: ClipMetadata | None

    def check_matches(self, wanted: Filter) -> bool:
        """Whether a query by the filter would find it."""
        is_status = wanted.status is None or wanted.status == self.status
        return is_status and (wanted.style is None or wanted.style == self.style)


@dataclass(frozen=True)
class ClipSet:
    """The clips of a video that `filter` leaves: all of them, as they were at one moment."""

    filter: Filter
    rows: tuple[ClipRow, ...]
    _sorted: dict[str, list[tuple[Any, ClipRow]]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _pages: dict[tuple[Filter, PageQuery], Page[ClipMetadata]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, wanted: Filter, documents: Iterable[StoredDocument]) -> Self:
        """The set of these documents, without tombstones."""
        return cls._of_rows(wanted, map(_to_row, documents))

    @classmethod
    async def read(cls, wanted: Filter, documents: Iterable[StoredDocument]) -> Self:
        """The set of these documents, as `of` builds it; other tasks run between slices of a long list."""
        return cls._of_rows(wanted, await map_in_turns(_to_row, documents))

    @classmethod
    def _of_rows(cls, wanted: Filter, rows: Iterable[ClipRow]) -> Self:
        return cls(wanted, tuple(row for row in rows if row.clip is not None))

    def get_page(self, wanted: Filter, page_query: PageQuery) -> Page[ClipMetadata]:
        """The page that `list_clips` would read in Firestore; the set's own filter covers `wanted`."""
        if page_query.after is not None or page_query.before is not None:
            return self._make_page(wanted, page_query)
        key = (wanted, page_query)
        if key not in self._pages:
            if len(self._pages) == MAX_PAGES_KEPT:
                self._pages.clear()
            self._pages[key] = replace(self._make_page(wanted, page_query), page_key=object())
        return self._pages[key]

    def _make_page(self, wanted: Filter, page_query: PageQuery) -> Page[ClipMetadata]:
        rows = [entry for entry in self._sort(page_query.order.field) if entry[1].check_matches(wanted)]
        # Read from one end, as a query would: `near` is the bound at which it begins, `far` the one at which it stops.
        page_query = page_query.locate(self._get_value)
        near, far = page_query.after, page_query.before
        if page_query.from_end:
            near, far = far, near
        is_reversed = page_query.order.descending != page_query.from_end
        begin, stop = _compute_bounds(rows, near, far, is_reversed=is_reversed)
        if is_reversed:
            rows.reverse()
        found = rows[begin:stop][: page_query.limit]
        has_nearer = near is not None and begin > 0
        has_more = stop - begin > page_query.limit or (far is not None and stop < len(rows))
        if page_query.from_end:
            found.reverse()
            has_nearer, has_more = has_more, has_nearer
        return _build(found, page_query.order, has_next=has_more, has_previous=has_nearer)

    def _get_value(self, cursor: Cursor) -> Any:
        """The stored value of the document that the cursor points at; KeyError for a document outside of the set."""
        return {row.id: row for row in self.rows}[cursor.document_id].values[cursor.order.field]

    def _sort(self, name: str) -> list[tuple[Any, ClipRow]]:
        """The rows by a field, each with its key; a document without the field is in no list by it."""
        if name not in self._sorted:
            rows = (row for row in self.rows if name in row.values)
            keyed = [((to_sort_key(normalize_value(row.values[name])), row.id), row) for row in rows]
            self._sorted[name] = sorted(keyed, key=_get_key)
        return self._sorted[name]


def _to_row(document: StoredDocument) -> ClipRow:
    clip = read_clip_document_fast(document)
    if clip is not None:
        # Its attributes are the stored values of all fields that lists are ordered by.
        return ClipRow(clip.clip_id, clip.status, clip.style, clip.__dict__, clip)
    fields = document.fields or {}
    values = {name: fields[name] for name in ORDER_FIELDS if name in fields}
    return ClipRow(document.id, fields.get("status"), fields.get("style"), values, read_clip_document(document))


def _get_key(entry: tuple[Any, ClipRow]) -> Any:
    return entry[0]


def _compute_bounds(
    rows: list[tuple[Any, ClipRow]], near: Cursor | None, far: Cursor | None, *, is_reversed: bool
) -> tuple[int, int]:
    """The indexes at which a query from `near` to `far` begins and stops; it excludes both."""
    size = len(rows)
    begin = stop = None
    if near is not None:
        key = near.key
        begin = size - bisect_left(rows, key, key=_get_key) if is_reversed else bisect_right(rows, key, key=_get_key)
    if far is not None:
        key = far.key
        stop = size - bisect_right(rows, key, key=_get_key) if is_reversed else bisect_left(rows, key, key=_get_key)
    return begin or 0, size if stop is None else stop


def _build(found: list[tuple[Any, ClipRow]], order: Order, *, has_next: bool, has_previous: bool) -> Page[ClipMetadata]:
    places = [Cursor.of(order, row.values[order.field], row.id) for _, row in found]
    return build_page((row.clip for _, row in found), places, has_next=has_next, has_previous=has_previous)
