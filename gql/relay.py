"""Relay's types and arguments: nodes with global ids, connections, edges, and page requests."""

from binascii import b2a_base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar, cast

import strawberry
from graphql import FieldNode, FragmentSpreadNode, VariableNode
from strawberry.relay import from_base64

from gql.context import Info
from gql.errors import bad_user_input
from gql.execution.checkpoints import checkpoint
from gql.execution.result_cache import CachedPage, ResultCache
from repositories.paging.page import MAX_PAGE_SIZE, Page, PageRequest

T = TypeVar("T")
M = TypeVar("M")
V = TypeVar("V")

NOT_AN_ID = "The value is not an id of this API."


@strawberry.interface(description="An object with a global id, which `node(id:)` resolves.")
class Node:
    """A type that `Query.node` resolves."""

    id: strawberry.ID = strawberry.field(description="The opaque, globally unique id of the object.")


def encode_global_id(type_name: str, *path: str) -> strawberry.ID:
    """The opaque id of a document: its type, and the ids on its path (which hold no `/`)."""
    return strawberry.ID(b2a_base64(f"{type_name}:{'/'.join(path)}".encode(), newline=False).decode())


def parse_global_id(global_id: str, argument_path: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The type's name and the ids on the path; BAD_USER_INPUT where `encode_global_id` did not make `global_id`."""
    try:
        type_name, path = from_base64(global_id)
    except ValueError:
        raise bad_user_input(NOT_AN_ID, path=argument_path) from None
    return type_name, tuple(path.split("/"))


@strawberry.type(description="The position of a page in its list.")
class PageInfo:
    """Relay's type, described as the rest of the schema is."""

    has_next_page: bool = strawberry.field(description="Whether more objects follow the page.")
    has_previous_page: bool = strawberry.field(description="Whether more objects precede the page.")
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first object, to pass as `before`; null on an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last object, to pass as `after`; null on an empty page."
    )


@strawberry.type(description="An object of a page, with its cursor.")
class Edge(Generic[T]):
    """A node and the cursor that points at it."""

    cursor: str = strawberry.field(description="The opaque position of the object. Pass it as `after` or `before`.")
    node: T = strawberry.field(description="The object.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """A page, and a count of the whole list that runs only if `totalCount` is selected."""

    page: strawberry.Private[Page[Any]]
    to_node: strawberry.Private[Callable[[Any], Any]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    answers: strawberry.Private[ResultCache | None]
    make_version: strawberry.Private[Callable[[], str]]

    @strawberry.field(description="The objects of the page.")
    def nodes(self) -> list[T]:
        """Built on first access, unless the rendered page is cached."""
        return self._keep(self._make_nodes)

    @strawberry.field(description="The position of the page in the list.")
    def page_info(self) -> PageInfo:
        """The cursors of the ends, encoded on access."""
        return PageInfo(
            has_next_page=self.page.has_next,
            has_previous_page=self.page.has_previous,
            start_cursor=self.page.first_cursor,
            end_cursor=self.page.last_cursor,
        )

    @strawberry.field(description="The objects of the page with their cursors.")
    def edges(self) -> list[Edge[T]]:
        """Built on first access, unless the rendered page is cached: a cursor costs more than the rest of an edge."""
        return self._keep(self._make_edges)

    @strawberry.field(description="The number of objects in the whole list. It is counted only if it is selected.")
    async def total_count(self) -> int:
        """The number of objects on all pages."""
        return await self.count()

    @strawberry.field(
        description="The position of the page's read among all changes of the list's objects. Pass it as `after` of a"
        " subscription to get the changes since then."
    )
    def version(self) -> str:
        """The version of a client that has this page."""
        return self.make_version()

    def _keep(self, make: Callable[[], list[V]]) -> list[V]:
        """The objects; for a cached page, a lazy list whose rendered JSON comes from the result cache."""
        if self.answers is None or self.page.page_key is None:
            return make()
        kept: Any = CachedPage(self.answers, self.page.page_key, make)
        return cast("list[V]", kept)

    def _make_nodes(self) -> list[T]:
        return [self.to_node(item) for item in self.page.items]

    def _make_edges(self) -> list[Edge[T]]:
        edges = list[Edge[T]]()
        for node, place in zip(self._make_nodes(), self.page.places, strict=True):
            checkpoint()
            edges.append(Edge(cursor=place.encode(), node=node))
        return edges


def parse_page_request(
    info: Info, *, first: int | None, after: str | None, last: int | None, before: str | None
) -> PageRequest:
    """The request for a page; BAD_USER_INPUT for sizes out of range, or `first` together with `last`."""
    if last is None:
        return PageRequest(_parse_page_size("first", first), after, before, from_end=False)
    if first is not None and _is_argument_given(info, "first"):
        raise bad_user_input("Pass `first` or `last`, not both.", path=["last"])
    return PageRequest(_parse_page_size("last", last), after, before, from_end=True)


def _parse_page_size(name: str, size: int | None) -> int:
    if size is None or not 1 <= size <= MAX_PAGE_SIZE:
        raise bad_user_input(f"`{name}` must be between 1 and {MAX_PAGE_SIZE}.", path=[name])
    return size


def _is_argument_given(info: Info, name: str) -> bool:
    """Whether the document or its variables name the argument, rather than the schema's default."""
    raw_info: Any = info._raw_info  # noqa: SLF001  strawberry's own Info has no view of unset arguments
    field: FieldNode = raw_info.field_nodes[0]
    value = next((argument.value for argument in field.arguments or () if argument.name.value == name), None)
    if isinstance(value, VariableNode):
        return info.variable_values.get(value.name.value) is not None
    return value is not None


def check_selects(info: Info, name: str) -> bool:
    """Whether the document has a field of this name anywhere below the resolved one."""
    raw_info: Any = info._raw_info  # noqa: SLF001  as above
    fragments = raw_info.fragments
    waiting: list[Any] = [node.selection_set for node in raw_info.field_nodes]
    spread = set[str]()
    while waiting:
        for selection in getattr(waiting.pop(), "selections", ()):
            if isinstance(selection, FragmentSpreadNode):
                if selection.name.value not in spread:
                    spread.add(selection.name.value)
                    waiting.append(fragments[selection.name.value].selection_set)
                continue
            if isinstance(selection, FieldNode) and selection.name.value == name:
                return True
            waiting.append(selection.selection_set)
    return False


def connect(
    page: Page[M],
    to_node: Callable[[M], T],
    count: Callable[[], Awaitable[int]],
    make_version: Callable[[], str],
    answers: ResultCache | None = None,
) -> Connection[T]:
    """The connection of a repository's page; `answers` may hold the rendered JSON of a cached page."""
    return Connection(page=page, to_node=to_node, count=count, make_version=make_version, answers=answers)
