"""Pages of a collection, forwards and backwards, with cursors."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self, TypeVar

from google.cloud.firestore import AsyncCollectionReference, FieldFilter
from google.cloud.firestore_v1.async_query import AsyncQuery

from repositories.exceptions import InvalidCursorError, ValidationError
from repositories.firestore.rpc import FirestoreRpc
from repositories.firestore.slices import map_in_turns
from repositories.firestore.stored import StoredDocument
from repositories.firestore.transactions import Transaction
from repositories.paging.cursors import OF_DOCUMENT, Cursor
from repositories.paging.orders import Order
from repositories.paging.page import MAX_PAGE_SIZE, Page, PageRequest

# The largest list that Firestore puts into one message.
MAX_LISTED = 300

T = TypeVar("T")


@dataclass(frozen=True)
class PageQuery:
    """A query for a part of a list: `limit` documents after and before the cursors, from one end."""

    order: Order
    limit: int
    after: Cursor | None
    before: Cursor | None
    from_end: bool

    @classmethod
    def parse(cls, order: Order, request: PageRequest) -> Self:
        """The query; `ValidationError` for a limit out of range, `InvalidCursorError` for another list's cursor."""
        assert_limit(request.limit)
        if type(request.from_end) is not bool:
            raise ValidationError("The value is not a boolean.", ("from_end",))
        after = None if request.after is None else Cursor.decode(request.after, order)
        before = None if request.before is None else Cursor.decode(request.before, order, path="before")
        return cls(order, request.limit, after, before, request.from_end)

    def locate(self, get_value: Callable[[Cursor], Any]) -> "PageQuery":
        """The query between places of known values; `InvalidCursorError` where `get_value` has none (KeyError)."""
        return replace(
            self, after=_locate(self.after, get_value, "cursor"), before=_locate(self.before, get_value, "before")
        )

    @property
    def cursors_of_documents(self) -> list[Cursor]:
        """Its cursors whose value stands in the document only."""
        ends = (self.after, self.before)
        return [end for end in ends if end is not None and end.value is OF_DOCUMENT]

    @property
    def fits_one_message(self) -> bool:
        """Whether the page begins at an end of the list, and fits into one message."""
        return self.after is None and self.before is None and self.limit < MAX_LISTED


@dataclass(frozen=True)
class _Found:
    """Documents of a page, in the order in which they were read."""

    documents: list[StoredDocument]
    has_more: bool
    has_nearer: bool
    read_time: datetime | None = None


def assert_limit(limit: int) -> None:
    """Raises ValidationError for a limit out of range."""
    if type(limit) is not int or not 1 <= limit <= MAX_PAGE_SIZE:
        raise ValidationError(f"The limit must be between 1 and {MAX_PAGE_SIZE:,}.", ("limit",))


def filter_equal(query: AsyncQuery, filters: Mapping[str, str | None]) -> AsyncQuery:
    """The query's documents whose fields equal the filters' values; None filters nothing."""
    for name, value in filters.items():
        if value is not None:
            query = query.where(filter=FieldFilter(name, "==", str(value)))
    return query


def filter_listed(query: AsyncQuery, filters: Mapping[str, str | None], order: Order) -> AsyncQuery:
    """The query for the documents of a list in this order: tombstones, and others without its field, are not in it."""
    return filter_equal(query, filters).order_by(order.field)


def _locate(cursor: Cursor | None, get_value: Callable[[Cursor], Any], path: str) -> Cursor | None:
    if cursor is None or cursor.value is not OF_DOCUMENT:
        return cursor
    try:
        return Cursor.of(cursor.order, get_value(cursor), cursor.document_id)
    except KeyError:
        raise InvalidCursorError((path,)) from None


async def read_page(
    rpc: FirestoreRpc,
    collection: AsyncCollectionReference,
    filters: Mapping[str, str | None],
    page_query: PageQuery,
    read: Callable[[StoredDocument], T | None],
    transaction: Transaction | None = None,
    *,
    is_timed: bool = False,
) -> Page[T]:
    """The page of the collection's documents as models; documents that `read` answers with None are left out.

    With `is_timed`, the page has the time of its read, which no list tells, but every query.
    """
    if cursors := page_query.cursors_of_documents:
        found_ends = await rpc.get_all([collection.document(one.document_id) for one in cursors], transaction)
        values = {document.id: document.fields or {} for document in found_ends}
        page_query = page_query.locate(lambda cursor: values[cursor.document_id][cursor.order.field])
    if not is_timed and transaction is None and page_query.fits_one_message and not any(filters.values()):
        found = await _list(rpc, collection, page_query)
    else:
        found = await _find(rpc, collection, filter_equal(AsyncQuery(collection), filters), page_query, transaction)
    documents = found.documents[::-1] if page_query.from_end else found.documents
    has_next, has_previous = (
        (found.has_nearer, found.has_more) if page_query.from_end else (found.has_more, found.has_nearer)
    )
    places = await map_in_turns(lambda document: make_cursor(document, page_query.order), documents)
    models = await map_in_turns(read, documents)
    page = build_page(models, places, has_next=has_next, has_previous=has_previous)
    return replace(page, read_time=found.read_time)


def build_page(models: Iterable[T | None], places: Sequence[Cursor], *, has_next: bool, has_previous: bool) -> Page[T]:
    """The page of these models at these places; where a document could not be read, the model is None."""
    readable = [(model, place) for model, place in zip(models, places, strict=True) if model is not None]
    return Page(
        items=tuple(model for model, _ in readable),
        places=tuple(place for _, place in readable),
        end=places[-1] if places and has_next else None,
        has_next=has_next,
        has_previous=has_previous,
    )


def make_cursor(document: StoredDocument, order: Order) -> Cursor:
    """The document's place in the order, by its value as it is stored."""
    return Cursor.of(order, document.get(order.field), document.id)


async def _list(rpc: FirestoreRpc, collection: AsyncCollectionReference, page_query: PageQuery) -> _Found:
    """The documents that `_find` answers without filters, in one message: each message costs 0.1 ms of CPU."""
    direction = "desc" if page_query.order.descending != page_query.from_end else "asc"
    order_by = f"{page_query.order.field} {direction}, __name__ {direction}"
    documents = await rpc.list_first(collection, order_by, page_query.limit + 1)
    return _Found(documents[: page_query.limit], len(documents) > page_query.limit, has_nearer=False)


async def _find(
    rpc: FirestoreRpc,
    collection: AsyncCollectionReference,
    query: AsyncQuery,
    page_query: PageQuery,
    transaction: Transaction | None,
) -> _Found:
    """Reads from one end: `near` is the bound at which it begins, `far` the one at which it stops."""
    near, far = (page_query.before, page_query.after) if page_query.from_end else (page_query.after, page_query.before)
    onwards = _order(query, page_query.order, is_reversed=page_query.from_end)
    bounded = onwards if near is None else onwards.start_at(_to_bound(collection, near))
    bounded = bounded if far is None else bounded.end_before(_to_bound(collection, far))
    # The document at the near bound is read to see whether it is still there, and one past the limit likewise.
    documents = await rpc.run_query(bounded.limit(page_query.limit + (1 if near is None else 2)), transaction)
    read_time = documents.read_time
    has_nearer = near is not None and bool(documents) and make_cursor(documents[0], page_query.order).key == near.key
    if has_nearer:
        del documents[0]
    elif near is not None:
        backwards = _order(query, page_query.order, is_reversed=not page_query.from_end)
        has_nearer = await _exists(rpc, backwards.start_at(_to_bound(collection, near)), transaction)
    has_more = len(documents) > page_query.limit
    if far is not None and not has_more:
        has_more = await _exists(rpc, onwards.start_at(_to_bound(collection, far)), transaction)
    return _Found(documents[: page_query.limit], has_more, has_nearer, read_time)


def _order(query: AsyncQuery, order: Order, *, is_reversed: bool) -> AsyncQuery:
    direction = "DESCENDING" if order.descending != is_reversed else "ASCENDING"
    return query.order_by(order.field, direction=direction).order_by("__name__", direction=direction)


def _to_bound(collection: AsyncCollectionReference, cursor: Cursor) -> dict[str, Any]:
    return {cursor.order.field: cursor.value, "__name__": collection.document(cursor.document_id)}


async def _exists(rpc: FirestoreRpc, query: AsyncQuery, transaction: Transaction | None) -> bool:
    return bool(await rpc.run_query(query.select([]).limit(1), transaction))
