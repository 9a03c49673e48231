"""A schema with all that an executor meets, over values that need not be what their fields say."""

from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Annotated, Any, cast

import strawberry
from graphql import GraphQLError
from graphql.execution import Executor
from hypothesis import strategies as st
from strawberry.types import ExecutionContext

from gql.execution.result_cache import CachedPage

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 600, UTC)


@strawberry.enum
class Color(Enum):
    """An enum whose names are not its values."""

    RED = 1
    GREEN = "green"


class Text(StrEnum):
    """A text that is no plain one."""

    SOME = "some"


class OddError(Exception):
    """One that a text could be made of: built-in ones could not."""


@strawberry.interface
class Named:
    """An interface of the odd types."""

    name: str


@strawberry.type
class Thing(Named):
    """An object with values of all kinds."""

    number: int
    ratio: float | None
    is_good: bool
    color: Color
    maybe_color: Color | None
    moment: datetime
    key: strawberry.ID
    tags: list[str]
    maybe_tags: list[str | None] | None
    grid: list[list[int]]
    child: "Thing | None"
    children: list["Thing"]
    maybe_children: list["Thing | None"] | None

    @strawberry.field
    def shout(self, times: int = 2, color: Color = Color.RED) -> str:
        """Raises for some names, and is null, which it may not be, for others."""
        if self.name == "raises":
            raise ValueError("boom")
        return None if self.name == "null" else f"{self.name}{color}" * (times % 4)  # type: ignore[return-value]  # on purpose

    @strawberry.field
    def place(self, info: strawberry.Info) -> str | None:
        """Asks where it is."""
        return ".".join(map(str, info.path.as_list())) if self.number else None

    @strawberry.field
    async def later(self, info: strawberry.Info, than: int = 1) -> str | None:
        """Raises for some names."""
        if self.name == "raises":
            raise ValueError("later")
        return f"{'.'.join(map(str, info.path.as_list()))} {than}"

    @strawberry.field
    async def copy(self) -> "Thing":
        """Itself."""
        return self


@strawberry.type
class Other(Named):
    """Another type of the interface and the union."""

    ratio: float


Either = Annotated[Thing | Other, strawberry.union("Either")]


def _get_things(info: strawberry.Info) -> list[Thing]:
    things: Any = info.root_value
    return list(things)


@strawberry.type
class Query:
    """The root, whose values are the root value's."""

    @strawberry.field
    def thing(self, info: strawberry.Info) -> Thing | None:
        """The first."""
        return _get_things(info)[0]

    @strawberry.field
    def things(self, info: strawberry.Info) -> list[Thing]:
        """All; where they are those of a page that is kept, as they are."""
        things: Any = info.root_value
        return cast("list[Thing]", things) if isinstance(things, CachedPage) else list(things)

    @strawberry.field
    async def things_later(self, info: strawberry.Info) -> list[Thing | None] | None:
        """All, by a coroutine."""
        return [*_get_things(info)]

    @strawberry.field
    def named(self, info: strawberry.Info) -> list[Named]:
        """All, by their interface."""
        return [*_get_things(info), Other(name="other", ratio=0.5)]

    @strawberry.field
    async def either(self, info: strawberry.Info) -> list[Either | None]:
        """All, by their union."""
        return [None, *_get_things(info), Other(name="other", ratio=1)]


class _QuietSchema(strawberry.Schema):
    """Logs no errors: they are what is looked for."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Logs no error."""


def create_odd_schema(executor: type[Executor[Any]]) -> strawberry.Schema:
    """The schema, run by this executor."""
    return _QuietSchema(Query, types=[Thing, Other], execution_context_class=executor)


WRONG: list[Any] = [None, True, 1.0, 1.5, float("nan"), float("inf"), -0.0, 7, 2**31, -(2**31) - 1, 2**53 + 1, 10**400]
WRONG += ["", "text", Text.SOME, Color.GREEN, MOMENT, MOMENT.date(), OddError("a value"), [], (), ["x"], [None], {}]
WRONG += [object, Other(name="other", ratio=1), [Other(name="other", ratio=1)], [OddError("an item")], iter("ab")]
_WRONG = st.sampled_from(WRONG)


def make_thing(**values: Any) -> Thing:
    """A thing with nothing wrong but what is given."""
    right: dict[str, Any] = {
        "name": "a",
        "number": 1,
        "ratio": 0.5,
        "is_good": True,
        "color": Color.RED,
        "maybe_color": None,
        "moment": MOMENT,
        "key": "k",
        "tags": ["t"],
        "maybe_tags": None,
        "grid": [[1], []],
        "child": None,
        "children": [],
        "maybe_children": None,
    }
    return Thing(**right | values)


def _mostly(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 40).flatmap(lambda number: strategy if number else _WRONG)


def _make_things(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(children, max_size=3)
    return st.builds(
        Thing,
        name=_mostly(st.sampled_from(["a", "b", "", "raises", "null"])),
        number=_mostly(st.integers(-(2**31), 2**31 - 1)),
        ratio=_mostly(st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9)),
        is_good=_mostly(st.booleans()),
        color=_mostly(st.sampled_from(Color)),
        maybe_color=_mostly(st.none() | st.sampled_from(Color)),
        moment=_mostly(st.just(MOMENT)),
        key=_mostly(st.text(max_size=3)),
        tags=_mostly(st.lists(_mostly(st.text(max_size=2)), max_size=2)),
        maybe_tags=_mostly(st.none() | st.lists(st.none() | st.text(max_size=2), max_size=2)),
        grid=_mostly(st.lists(st.lists(st.integers(-9, 9), max_size=2), max_size=2)),
        child=_mostly(st.none() | children),
        children=_mostly(some | some.map(tuple)),
        maybe_children=_mostly(st.none() | st.lists(st.none() | children, max_size=2)),
    )


_LEAF = _make_things(st.none())
THINGS = st.lists(st.recursive(_LEAF, _make_things, max_leaves=5), min_size=1, max_size=3)
"""Trees of things, in which one value of forty is a wrong one."""
