"""That columns are used at all, and what must not run as one."""

from collections.abc import AsyncGenerator
from typing import Any, ClassVar

import orjson
import strawberry
from graphql import GraphQLObjectType, parse
from graphql.pyutils import is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql.execution.executor import BreadthFirstExecutor
from gql.schema import create_schema
from tests.gql.conftest import Execute, to_json


class CountingExecutor(BreadthFirstExecutor):
    """Notes what graphql-core is asked for."""

    asked: ClassVar[list[str]] = []

    def execute_collected_subfields(self, parent_type: GraphQLObjectType, *args: Any) -> Any:
        """The fields of one object, run by graphql-core."""
        self.asked.append(parent_type.name)
        return super().execute_collected_subfields(parent_type, *args)


async def test_clips_are_columns(
    execute: Execute, create_video: Execute, complete_clips: Execute, clip_input: Any, monkeypatch: Any, user_id: str
) -> None:
    """graphql-core runs no object below a page but those with coroutines among their fields."""
    await create_video()
    await complete_clips(clip_input(1), clip_input(2))
    monkeypatch.setattr("gql.schema.schema.execution_context_class", CountingExecutor)
    CountingExecutor.asked.clear()
    document = """query ($user: ID) { videos(userId: $user) { pageInfo { hasNextPage } nodes { title
        clipsByStyle { count } clips { edges { cursor node { id status createdAt url(expiresIn: 60) size } } } } } }"""
    answer = await execute(document, user=user_id)
    assert len(answer["data"]["videos"]["nodes"][0]["clips"]["edges"]) == 2
    assert CountingExecutor.asked == ["VideoConnection", "Video", "ClipConnection"]


class Told(SchemaExtension):
    """Wraps resolvers."""

    fields: ClassVar[list[str]] = []

    def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        """The value, which is noted."""
        self.fields.append(info.field_name)
        return _next(root, info, *args, **kwargs)


@strawberry.type
class Query:
    """A root."""

    @strawberry.field
    def names(self) -> list[str]:
        """Some."""
        return ["a", "b"]


TIMES: list[int] = []


@strawberry.type
class Mutation:
    """A root that changes something."""

    @strawberry.mutation
    def change(self) -> int | None:
        """An error."""
        TIMES.append(1)
        raise ValueError("no")


def decode(data: Any) -> Any:
    """The response as a client reads it."""
    return orjson.loads(to_json(data))


def test_extensions_that_resolve_see_every_field() -> None:
    """An extension with `resolve` is called for each field, so nothing runs as a batch."""
    Told.fields.clear()
    schema = strawberry.Schema(Query, extensions=[Told], execution_context_class=BreadthFirstExecutor)
    assert decode(schema.execute_sync("{ names }").data) == {"names": ["a", "b"]}
    assert Told.fields == ["names"]


def test_mutations_that_fail_run_once() -> None:
    """A failing mutation is not run a second time by graphql-core."""
    schema = strawberry.Schema(Query, Mutation, execution_context_class=BreadthFirstExecutor)
    assert schema.execute_sync("mutation { change }").errors
    assert TIMES == [1]


@strawberry.type
class Event:
    """An event of the subscription."""

    number: int

    @strawberry.field
    def root(self, info: strawberry.Info) -> str:
        """The number of the root value."""
        root: Any = info.root_value
        return str(root.number)


@strawberry.type
class Subscription:
    """A root of events."""

    @strawberry.subscription
    async def events(self) -> AsyncGenerator[Event, None]:
        """Two."""
        for number in (1, 2):
            yield Event(number=number)


async def test_each_event_of_a_subscription_has_its_own_root_value() -> None:
    """A plan compiled for one event does not serve the next, which has another root value."""
    answers = []
    for executor in (BreadthFirstExecutor, StrawberryGraphQLCoreExecutionContext):
        schema = strawberry.Schema(Query, subscription=Subscription, execution_context_class=executor)
        events: Any = await schema.subscribe("subscription { events { number root } }")
        answers.append([decode(event.data) async for event in events])
    assert answers[0] == answers[1] == [{"events": {"number": number, "root": str(number)}} for number in (1, 2)]


async def test_events_leave_nothing_behind() -> None:
    """graphql-core's own memory of selections grows with every event, as long as a subscription lasts."""
    first = BreadthFirstExecutor.build(
        strawberry.Schema(Query, subscription=Subscription)._schema, parse("subscription { events { number } }")
    )
    assert isinstance(first, BreadthFirstExecutor)
    for number in (1, 2):
        event = first.build_per_event_executor(Event(number=number))
        result: Any = event.execute_operation(False)
        answer = await result if is_awaitable(result) else result
        assert decode(answer.data) == {"events": {"number": number}}
        assert not event._plans
    assert [*first._plans, *first._starters, *first._relevant_sub_fields] == []


def test_graphql_core_has_what_the_executor_overrides() -> None:
    """All of these are marked as private there: a release may move them."""
    for name in ("execute_field", "complete_list_value", "build_per_event_executor"):
        assert name in vars(BreadthFirstExecutor)
        assert callable(getattr(StrawberryGraphQLCoreExecutionContext, name))


def test_ours_is_the_executor() -> None:
    """The schema executes with BreadthFirstExecutor."""
    assert create_schema().execution_context_class is BreadthFirstExecutor
