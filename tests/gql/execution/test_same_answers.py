"""Columns answer what graphql-core answers, to the byte: over generated documents, and values that are all wrong.

The same few at each run; CLIPGRAPH_EXECUTION_EXAMPLES=5000 makes so many other ones.
"""

import copy
import dataclasses
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import queries
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql.context import Context
from gql.execution.executor import BreadthFirstExecutor
from gql.execution.result_cache import CachedPage, ResultCache
from gql.loaders import Loaders
from gql.permissions import Principal, Role
from gql.schema import create_schema
from gql.services import Services
from tests.gql.conftest import Execute, make_clip_input, to_json
from tests.gql.execution.decorations import VARIABLES, decorate
from tests.gql.execution.odd_schema import THINGS, WRONG, Thing, create_odd_schema, make_thing

pytestmark = pytest.mark.prove

GIVEN_EXAMPLES = os.environ.get("CLIPGRAPH_EXECUTION_EXAMPLES")
several = settings(
    max_examples=int(GIVEN_EXAMPLES or 60),
    deadline=None,
    database=None,
    derandomize=GIVEN_EXAMPLES is None,
    phases=[Phase.generate, Phase.shrink] if GIVEN_EXAMPLES else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)

ODD, ODD_BY_CORE = (create_odd_schema(each) for each in (BreadthFirstExecutor, StrawberryGraphQLCoreExecutionContext))
OURS, OURS_BY_CORE = (create_schema(each) for each in (BreadthFirstExecutor, StrawberryGraphQLCoreExecutionContext))


def show(result: Any) -> bytes:
    """Data and errors as they are sent, but for versions, which have the time of each read."""
    sent = to_json({"data": result.data, "errors": [error.formatted for error in result.errors or ()]})
    return re.sub(rb'"[0-9a-f]{40}"', b'"<version>"', sent)


def decode(data: Any) -> Any:
    """The response as a client reads it."""
    return orjson.loads(to_json(data))


@several
@given(document=decorate(queries(ODD._schema)), things=THINGS)
async def test_odd_values_and_errors_are_answered_alike(document: str, things: Any) -> None:
    """Generated documents over odd values have the same response in both executors."""
    ours, core = [show(await schema.execute(document, VARIABLES, root_value=things)) for schema in (ODD, ODD_BY_CORE)]
    assert ours == core


@several
@given(documents=st.lists(decorate(queries(ODD._schema, fields=["things"])), min_size=2, max_size=3), things=THINGS)
async def test_what_is_kept_is_answered_alike(documents: list[str], things: Any) -> None:
    """Each document of a page twice, the second time with what the first left of it."""
    page = CachedPage(ResultCache(2**20), object(), lambda: things)
    for document in documents * 2:
        ours = show(await ODD.execute(document, VARIABLES, root_value=page))
        assert ours == show(await ODD_BY_CORE.execute(document, VARIABLES, root_value=things))


EVERYTHING = """
query {
  things { ...All place children { ...All } maybeChildren { ...All } child { ...All } }
  thingsLater { ...All kin: children { __typename name } maybeKin: maybeChildren { __typename } one: child { name } }
}
fragment All on Thing {
  __typename name number ratio isGood color maybeColor moment key tags maybeTags grid shout(times: 1, color: GREEN)
}
"""


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Thing) if field.init])
async def test_each_wrong_value_is_answered_alike(field: str) -> None:
    """In each field, of one object among others and below another."""
    for number in range(len(WRONG)):
        answers = []
        for schema in (ODD, ODD_BY_CORE):
            odd = make_thing(**{field: copy.copy(WRONG[number])})
            root = [make_thing(), odd, make_thing(children=[odd, make_thing()], child=odd)]
            answers.append(show(await schema.execute(EVERYTHING, root_value=root)))
        assert answers[0] == answers[1], WRONG[number]


PAGES = """
query ($none: Int = 0) {
  videos(userId: "USER") {
    totalCount pageInfo { hasNextPage startCursor } edges { cursor node { ...OfVideo } }
    nodes {
      ...OfVideo
      all: clips(status: null, orderBy: CREATED_AT_DESC) { totalCount edges { cursor node { ...OfClip video { id } } } }
      clips { nodes { ...OfClip ...OfNode tooShort: url(expiresIn: $none) } pageInfo { endCursor } }
      cover { ...OfClip } highlights { title }
    }
  }
  missing: video(videoId: "none", userId: "USER") { ...OfVideo }
  notAnId: node(id: "nonsense") { id }
  viewer { userId roles __typename }
}
fragment OfNode on Node { __typename id ... on Clip { title } ... on Video { youtubeId } }
fragment OfVideo on Video {
  ...OfNode id videoId userId videoUrl title youtubeId status createdAt completedAt failedAt errorMessage
  highlightsCount customPrompt stylesProcessed cropMode targetAspect clipsCount updatedAt createdBy
  clipsByStyle { style count } highlightsSummary { totalDuration categories }
}
fragment OfClip on Clip {
  id clipId videoId userId sceneId title description filename style priority startTime endTime durationSeconds
  fileSizeBytes fileSizeMb hasThumbnail status createdAt completedAt failedAt errorMessage createdBy size
  url(expiresIn: 60, download: true) thumbnailUrl urlsExpireAt
}
"""
NODES = """
query ($video: ID!, $clip: ID!) { video: node(id: $video) { ...All } clip: node(id: $clip) { ...All } }
fragment All on Node { __typename id ... on Clip { title status } ... on Video { title clips { nodes { id url } } } }
"""

Compare = Callable[..., Awaitable[Any]]


@pytest.fixture
def compare(services: Services, user_id: str) -> Compare:
    """Runs a document with both executors, and answers what both say."""

    async def compare(document: str, **variables: Any) -> Any:
        principal = Principal(user_id, frozenset({Role.WORKER}))
        ours, core = [
            await schema.execute(
                document.replace("USER", user_id),
                variables,
                context_value=Context(principal, services, Loaders(services), request_id="test"),
            )
            for schema in (OURS, OURS_BY_CORE)
        ]
        assert show(ours) == show(core)
        return ours

    return compare


@pytest.fixture
async def seeded(create_video: Execute, create_clips: Execute, complete_clips: Execute) -> None:
    """A video with clips of every status, and one without."""
    await create_video("v1")
    await create_video("v2", title="Nothing yet")
    await complete_clips(*(make_clip_input(number, style) for number in (1, 2) for style in ("split", "original")))
    await create_clips(make_clip_input(3), make_clip_input(4, description="More", status="FAILED"))


@pytest.mark.usefixtures("seeded")
async def test_all_fields_of_pages_are_answered_alike(compare: Compare) -> None:
    """With nulls, errors within lists and beside them, unions, fragments and aliases."""
    answer = await compare(PAGES)
    assert {error.path[0] for error in answer.errors} == {"videos", "notAnId"}
    clips = decode(answer.data)["videos"]["nodes"][1]["clips"]["nodes"]
    assert [clip["tooShort"] for clip in clips] == [None] * 4
    assert all(clip["url"] for clip in clips)


async def test_errors_that_leave_nothing_are_answered_alike(compare: Compare) -> None:
    """An error that nulls the whole response is the same in both executors."""
    answer = await compare('{ viewer { userId } videos(first: 20000, userId: "USER") { nodes { id } } }')
    assert answer.data is None


@pytest.mark.usefixtures("seeded")
async def test_nodes_are_answered_alike(compare: Compare) -> None:
    """`node` of a video and of a clip is the same in both executors."""
    video = decode((await compare(PAGES)).data)["videos"]["nodes"][1]
    answer = await compare(NODES, video=video["id"], clip=video["clips"]["nodes"][0]["id"])
    data = decode(answer.data)
    assert [data[name]["__typename"] for name in ("video", "clip")] == ["Video", "Clip"]


@pytest.mark.usefixtures("seeded")
async def test_generated_documents_are_answered_alike(compare: Compare, user_id: str) -> None:
    """Ids are those of this test, as often as the strategy likes."""

    @st.composite
    def documents(draw: Any) -> str:
        document: str = draw(decorate(queries(OURS._schema, fields=["videos", "video", "viewer", "node", "clip"])))
        name = draw(st.sampled_from(["v1", "v2"]))
        document = re.sub(r'\b(userId|videoId|clipId): "(?:[^"\\]|\\.)*"', rf'\1: "{name}"', document)
        return document.replace(f'userId: "{name}"', f'userId: "{user_id}"')

    found: list[str] = []

    @several
    @given(documents())
    def collect(document: str) -> None:
        found.append(document)

    collect()
    answers = [await compare(document, **VARIABLES) for document in found]
    assert sum(answer.data is not None for answer in answers) > len(found) / 4
