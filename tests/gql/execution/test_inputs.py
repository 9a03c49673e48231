"""Inputs that are made at once are what Strawberry makes of the same values."""

from collections.abc import Callable
from typing import Any

import pytest
import strawberry
from graphql import GraphQLInputObjectType, coerce_input_value
from hypothesis import given
from hypothesis import strategies as st
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types import get_object_definition
from strawberry.types.arguments import convert_argument

from gql.clips.mutations.create_clips import CreateClipInput, CreateClipsInput
from gql.clips.mutations.update_clip_statuses import ClipStatusInput, UpdateClipStatusesInput
from gql.execution.inputs import compiled_input
from gql.schema import schema
from gql.videos.mutations.inputs import HighlightsSummaryInput

TYPES = [CreateClipInput, CreateClipsInput, ClipStatusInput, UpdateClipStatusesInput]
TEXT, NUMBER, STATUS = st.text(max_size=5), st.integers(0, 9), st.sampled_from(["PROCESSING", "COMPLETED", "FAILED"])

CLIPS = st.fixed_dictionaries(
    dict.fromkeys(("filename", "title", "style", "startTime", "endTime"), TEXT)
    | dict.fromkeys(("sceneId", "priority"), NUMBER),
    optional={"description": st.none() | TEXT, "status": STATUS},
)
STEPS = st.fixed_dictionaries({"clipId": TEXT, "status": STATUS}, optional={"errorMessage": st.none() | TEXT})


def convert(cls: type, value: Any) -> Any:
    """The value that a resolver gets for a variable."""
    type_ = schema._schema.type_map[get_object_definition(cls, strict=True).name]
    assert isinstance(type_, GraphQLInputObjectType)
    return convert_argument(coerce_input_value(value, type_), cls, DEFAULT_SCALAR_REGISTRY, schema.config)


def convert_by_strawberry(cls: type, value: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for one in TYPES:
            patch.setattr(get_object_definition(one, strict=True), "from_input", None)
        return convert(cls, value)


def assert_same(cls: type, value: Any) -> None:
    """They are equal, with the same attributes in the same order, of the same types."""
    made, expected = convert(cls, value), convert_by_strawberry(cls, value)
    assert made == expected
    assert list(vars(made).items()) == list(vars(expected).items())
    assert [*map(type, vars(made).values())] == [*map(type, vars(expected).values())]


@given(
    st.fixed_dictionaries(
        {"videoId": TEXT, "clips": st.lists(CLIPS, max_size=3) | CLIPS},
        optional={"userId": st.none() | TEXT, "errorPolicy": st.sampled_from(["REJECT_ALL", "REJECT_FAILED"])},
    )
)
def test_new_clips_are_those_that_strawberry_makes(value: Any) -> None:
    """Generated values become the same CreateClipsInput, or error, as with Strawberry's own conversion."""
    assert_same(CreateClipsInput, value)


@given(
    st.fixed_dictionaries(
        {"videoId": TEXT, "clips": st.lists(STEPS, max_size=3) | STEPS}, optional={"userId": st.none() | TEXT}
    )
)
def test_steps_are_those_that_strawberry_makes(value: Any) -> None:
    """Generated values become the same UpdateClipStatusesInput, or error, as with Strawberry's own conversion."""
    assert_same(UpdateClipStatusesInput, value)


def test_what_has_no_default_and_is_left_out_is_null() -> None:
    """An omitted field without a default is None, and one with a default has its default."""

    @compiled_input
    @strawberry.input
    class Given:
        name: str | None
        other_name: str = strawberry.field(name="another")
        number: int | None = strawberry.UNSET

    made = convert_argument({"another": "a"}, Given, DEFAULT_SCALAR_REGISTRY, schema.config)

    assert made == Given(name=None, other_name="a", number=strawberry.UNSET)


@pytest.mark.parametrize(
    "make_type",
    [
        lambda: list[str],
        lambda: strawberry.Maybe[str],  # type: ignore[misc]  # mypy takes it for a type that is not generic
        lambda: strawberry.relay.GlobalID,
        lambda: CreateClipInput,
        lambda: list[HighlightsSummaryInput],
        lambda: list[CreateClipInput] | None,
    ],
)
def test_fields_that_would_need_more_are_refused(make_type: Callable[[], Any]) -> None:
    """A field of a type that the compiled conversion does not support raises TypeError."""
    cls = strawberry.input(type("Given", (), {"__annotations__": {"field": make_type()}}))

    with pytest.raises(TypeError, match="nor a list of compiled inputs"):
        compiled_input(cls)


def test_a_list_that_may_be_left_out_is_refused() -> None:
    """A list of inputs with a default raises TypeError."""

    @strawberry.input
    class Given:
        clips: list[CreateClipInput] = strawberry.field(default_factory=list)

    with pytest.raises(TypeError, match="nor a list of compiled inputs"):
        compiled_input(Given)
