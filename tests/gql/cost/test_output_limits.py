"""The output of a request is bounded while it runs, and the event loop runs on, however long the list."""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from gql.execution import checkpoints, time_slices
from gql.execution.time_slices import SECONDS_PER_ROUND
from gql.services import Services
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from tests.gql.conftest import Execute, MakeClient

CLIPS = 400
# From the moment at which time is up until the answer is there, where it is 2,600.
MAX_CALLS_PAST_DEADLINE = 20_000
PAGE = f'query ($u: ID) {{ video(videoId: "v", userId: $u) {{ clips(first: {CLIPS}) {{ SELECTED }} }} }}'
MANY_URLS = "nodes { " + " ".join(f"a{number}: url(expiresIn: {1000 + number})" for number in range(30)) + " }"
UNLIMITED = {"max_field_values": 10**12, "max_response_bytes": 10**12}
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def make_clip(user_id: str, number: int) -> ClipMetadata:
    return ClipMetadata(
        user_id=user_id,
        video_id="v",
        filename=f"clip_01_{number:02d}_a-title-of-some-length_split.mp4",
        scene_id=number,
        scene_title=f"Title {number}",
        style="split",
        priority=1,
        start_time="00:00:00",
        end_time="00:00:30",
        file_size_bytes=10,
        has_thumbnail=True,
        status=ClipStatus.COMPLETED,
        created_at=BEGIN,
    )


@pytest.fixture
async def clips(services: Services, user_id: str) -> None:
    """A video with a thousand completed clips, in Firestore alone."""
    video = VideoMetadata(
        user_id=user_id,
        video_id="v",
        video_url="https://youtu.be/dQw4w9WgXcQ",
        video_title="A video",
        status=VideoStatus.COMPLETED,
        created_at=BEGIN,
    )
    await services.videos(user_id).create_or_update_video(video)
    for start in range(0, CLIPS, 200):
        batch = [make_clip(user_id, number) for number in range(start + 1, start + 201)]
        await services.clips(user_id, "v").create_clips_batch(batch)


async def send(client: httpx.AsyncClient, selected: str, user_id: str) -> httpx.Response:
    request = {"query": PAGE.replace("SELECTED", selected), "variables": {"u": user_id}}
    return await client.post("/graphql", json=request)


async def ask(client: httpx.AsyncClient, selected: str, user_id: str) -> Any:
    return (await send(client, selected, user_id)).json()


def get_services(client: httpx.AsyncClient) -> Any:
    """The services of the app that this client asks."""
    transport: Any = client._transport
    return transport.app.state.services


def get_refusal(answer: Any) -> tuple[str, str]:
    """The code and the measure of an answer that is refused as a whole."""
    (error,) = answer["errors"]
    assert answer.get("data") is None
    return error["extensions"]["code"], error["extensions"]["measure"]


async def test_many_signed_urls_are_refused_before_anything_is_read(execute: Any) -> None:
    """A page with too many signed URLs is QUERY_TOO_EXPENSIVE by field values, and sends no RPC."""
    document = PAGE.replace(str(CLIPS), "10000").replace("SELECTED", MANY_URLS)
    answer = await execute(document)
    assert get_refusal(answer) == ("QUERY_TOO_EXPENSIVE", "fieldValues")
    assert answer["errors"][0]["extensions"]["path"][:3] == ["video", "clips", "nodes"]
    assert answer["extensions"]["cost"]["requested"]["fieldValues"] == 0
    assert answer["extensions"]["cost"]["actual"]["rpcs"] == 0


@pytest.mark.parametrize(
    ("selected", "values"),
    [
        ("nodes { id }", 1 + 1 + 50 * (1 + 1)),
        ("nodes { id url }", 1 + 1 + 50 * (1 + 1 + 20)),
        ("nodes { a: url b: thumbnailUrl }", 1 + 1 + 50 * (1 + 20 + 20)),
        ("totalCount nodes { id } pageInfo { hasNextPage }", 1 + 1 + 1 + 2 + 50 * 2),
        ("edges { cursor node { id } }", 1 + 1 + 50 * (1 + 1 + 2)),
        ("nodes { video { clipsByStyle { style } } }", 1 + 1 + 50 * (1 + 1 + 1 + 20)),
    ],
)
async def test_requested_values_are_objects_times_fields(execute: Any, selected: str, values: int) -> None:
    """Once for what a page has once, and a signed URL for twenty."""
    document = PAGE.replace(str(CLIPS), "50").replace("SELECTED", selected)
    assert (await execute(document))["extensions"]["cost"]["requested"]["fieldValues"] == values


@pytest.mark.parametrize(
    ("document", "calls"),
    [
        ("{ videos(first: 7) { nodes { highlights { sceneId } } } }", 7),
        ("{ videos(first: 7) { nodes { a: highlights { sceneId } b: highlights { sceneId } } } }", 14),
        ("{ videos(first: 7) { edges { node { ...F } } } } fragment F on Video { highlights { sceneId } }", 7),
        ("{ videos(first: 7) { nodes { clips { nodes { url } } } } }", 0),
    ],
)
async def test_requested_calls_to_r2_follow_the_pages(execute: Any, document: str, calls: int) -> None:
    """Highlights are read from R2 for each video; what is signed is asked of nobody."""
    assert (await execute(document))["extensions"]["cost"]["requested"]["r2Calls"] == calls


async def test_highlights_of_too_many_videos_are_refused(execute: Any) -> None:
    """The highlights of 1,500 videos are QUERY_TOO_EXPENSIVE by R2 calls, and none is made."""
    answer = await execute("{ videos(first: 1500) { nodes { highlights { sceneId } } } }")
    assert get_refusal(answer) == ("QUERY_TOO_EXPENSIVE", "r2Calls")
    assert answer["errors"][0]["extensions"]["path"] == ["videos", "nodes", "highlights"]
    assert answer["extensions"]["cost"]["actual"]["r2Calls"] == 0


async def test_actual_calls_to_r2_are_counted(
    execute: Any, create_video: Execute, complete_clips: Execute, clip_input: Any, services: Services, user_id: str
) -> None:
    """Files that are not there included: R2 is asked for them as well."""
    await create_video("v1")
    await create_video("v2")
    await services.storage.put(f"{user_id}/v1/highlights.json", b'{"highlights": [{"id": 1, "title": "A"}]}')
    answer = await execute("query ($u: ID) { videos(userId: $u) { nodes { highlights { sceneId } } } }", u=user_id)
    assert [video["highlights"] for video in answer["data"]["videos"]["nodes"]] == [None, [{"sceneId": 1}]]
    assert answer["extensions"]["cost"]["actual"]["r2Calls"] == 2
    await complete_clips(clip_input(1))
    clip = {"videoId": "v1", "userId": user_id, "clipId": clip_input(1)["filename"][:-4], "status": "COMPLETED"}
    document = "mutation ($i: UpdateClipStatusInput!) { updateClipStatus(input: $i) { __typename } }"
    assert (await execute(document, i=clip))["extensions"]["cost"]["actual"]["r2Calls"] == 2


@pytest.mark.usefixtures("clips")
async def test_an_answer_that_is_too_large_is_never_whole(make_client: MakeClient, user_id: str) -> None:
    """It is given up when the limit is reached, which is long before its end, and the next answer is as ever."""
    client = await make_client(**UNLIMITED | {"max_response_bytes": 1_000_000})
    answer = await ask(client, MANY_URLS, user_id)
    assert get_refusal(answer) == ("QUERY_TOO_EXPENSIVE", "responseBytes")
    assert answer["errors"][0]["extensions"]["bound"] < 3_000_000
    assert len((await ask(client, "nodes { url }", user_id))["data"]["video"]["clips"]["nodes"]) == CLIPS


@pytest.mark.usefixtures("clips")
async def test_what_was_kept_counts_as_bytes(make_client: MakeClient, user_id: str) -> None:
    """A page from memory is as long as it was when it was made."""
    client = await make_client(**UNLIMITED)
    # The second is made of clips in memory, the third of the JSON that the second was.
    first, _, again = [await ask(client, "nodes { title }", user_id) for _ in range(3)]
    costs = [answer["extensions"]["cost"]["actual"] for answer in (first, again)]
    assert costs[0]["responseBytes"] == costs[1]["responseBytes"] == len(orjson.dumps(first["data"]))
    assert costs[0]["fieldValues"] > CLIPS > costs[1]["fieldValues"]
    services = get_services(client)
    narrow = services.settings.model_copy(update={"max_response_bytes": 1_000})
    object.__setattr__(services, "settings", narrow)
    assert get_refusal(await ask(client, "nodes { title }", user_id)) == ("QUERY_TOO_EXPENSIVE", "responseBytes")


@pytest.mark.usefixtures("clips")
async def test_errors_without_end_are_given_up(make_client: MakeClient, user_id: str) -> None:
    """A response with too many errors is QUERY_TOO_EXPENSIVE by errors."""
    client = await make_client(**UNLIMITED)
    answer = await ask(client, "nodes { a: url(expiresIn: 0) b: url(expiresIn: 0) c: url(expiresIn: 0) }", user_id)
    assert get_refusal(answer) == ("QUERY_TOO_EXPENSIVE", "errors")


async def test_lists_without_pages_are_counted_while_they_are_made(
    make_client: MakeClient, create_video: Execute, services: Services, user_id: str
) -> None:
    """How many highlights a file has is in no document."""
    await create_video("v1")
    body = orjson.dumps({"highlights": [{"id": number, "title": "A"} for number in range(1, 2_001)]})
    await services.storage.put(f"{user_id}/v1/highlights.json", body)
    client = await make_client(max_field_values=3_000)
    document = 'query ($u: ID!) { video(videoId: "v1", userId: $u) { highlights { sceneId title } } }'
    answer = (await client.post("/graphql", json={"query": document, "variables": {"u": user_id}})).json()
    assert get_refusal(answer) == ("QUERY_TOO_EXPENSIVE", "fieldValues")
    assert answer["extensions"]["cost"]["requested"]["fieldValues"] < 100


class Stalls:
    """The calls of functions in this thread between two rounds of the event loop: work that no machine does faster."""

    def __init__(self) -> None:
        self.calls = 0
        self.longest = 0
        self._begun_at = 0
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Counts until the end, which the fixture calls at the latest."""
        sys.setprofile(self._count)
        self._watching = asyncio.create_task(self._watch())

    def end(self) -> None:
        """Counts no more; the round that is under way counts, too."""
        sys.setprofile(None)
        self._end_round()
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            self._end_round()
            await asyncio.sleep(0)

    def _end_round(self) -> None:
        self.longest = max(self.longest, self.calls - self._begun_at)
        self._begun_at = self.calls

    def _count(self, _frame: Any, event: str, _argument: Any) -> None:
        self.calls += event in {"call", "c_call"}


@pytest.fixture
async def stalls(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stalls]:
    """The stalls of the loop since the test asked to watch; each look at the slice's clock finds its time up."""
    readings = itertools.count()
    for module in (time_slices, checkpoints):
        monkeypatch.setattr(module, "perf_counter", lambda: next(readings) * SECONDS_PER_ROUND)
    stalls = Stalls()
    yield stalls
    stalls.end()


# With the most calls in a round. Firestore's message takes 7,500 to 10,500 in one, and all errors together 41,000;
# without checkpoints a list took 17,000 (edges), 80,000 (coroutines) or 200,000.
LONG = {
    "columns": (MANY_URLS, 20_000),
    "edges": ("edges { cursor node { title } }", 15_000),
    "coroutines": ("nodes { title url video { id } }", 20_000),
    "errors": ("nodes { a: url(expiresIn: 0) b: url(expiresIn: 0) }", 60_000),
}


@pytest.mark.parametrize(("selected", "most"), LONG.values(), ids=LONG)
@pytest.mark.usefixtures("clips", "without_checks")
async def test_others_are_served_while_a_long_list_is_made(
    make_client: MakeClient, user_id: str, stalls: Stalls, selected: str, most: int
) -> None:
    """No round of the loop makes more than so many calls, however long the list."""
    client = await make_client(**UNLIMITED, request_timeout_seconds=100, clip_cache_mb=0)
    await ask(client, selected, user_id)
    stalls.begin()
    response = await send(client, selected, user_id)
    # What a client does with it is no server's time either.
    stalls.end()
    assert len(response.content) > CLIPS
    assert stalls.longest < most


@pytest.mark.usefixtures("clips", "without_checks")
async def test_a_deadline_holds_within_a_long_list(
    make_client: MakeClient, user_id: str, stalls: Stalls, monkeypatch: Any
) -> None:
    """From the moment at which time is up, few calls are made until the answer is there."""
    client = await make_client(**UNLIMITED, request_timeout_seconds=100, clip_cache_mb=0)
    await ask(client, "nodes { id }", user_id)
    up_at: list[int] = []
    services = get_services(client)
    signed: Callable[..., str] = services.storage.presign_get

    keys: list[str] = []

    def sign_and_run_out(key: str, **given: Any) -> str:
        """Time is up when the thousandth of all the URLs is signed."""
        if len(keys) == 1_000:
            deadlines[-1].reschedule(asyncio.get_running_loop().time())
            up_at.append(stalls.calls)
        keys.append(key)
        return signed(key, **given)

    deadlines: list[asyncio.Timeout] = []
    make_timeout = asyncio.timeout_at

    def note_timeout(when: float | None) -> asyncio.Timeout:
        deadlines.append(make_timeout(when))
        return deadlines[-1]

    monkeypatch.setattr("gql.cost.extension.asyncio.timeout_at", note_timeout)
    monkeypatch.setattr(services.storage, "presign_get", sign_and_run_out)
    stalls.begin()
    answer = await ask(client, MANY_URLS, user_id)
    stalls.end()
    assert answer["errors"][0]["extensions"]["code"] == "TIMEOUT"
    assert len(keys) < 30 * CLIPS / 2
    assert stalls.calls - up_at[0] < MAX_CALLS_PAST_DEADLINE


async def test_counts_beyond_the_bound_are_counted_anew(
    make_client: MakeClient, create_video: Execute, monkeypatch: pytest.MonkeyPatch, user_id: str
) -> None:
    """With a read a single object, a list of five is a long one: what it read is charged, bounded and said."""
    for number in range(5):
        await create_video(f"v{number}")
    for module in ("gql.cost.counts", "repositories.firestore.metering"):
        monkeypatch.setattr(f"{module}.INDEX_ENTRIES_PER_READ", 1)
    monkeypatch.setattr("gql.cost.counts.COUNT_READS", 3)
    document = "query ($u: ID) { videos(first: 1, userId: $u) { totalCount } }"
    request = {"query": document, "variables": {"u": user_id}}
    answer = (await (await make_client(max_document_reads=18)).post("/graphql", json=request)).json()
    assert answer["data"]["videos"]["totalCount"] == 5
    cost = answer["extensions"]["cost"]
    assert (cost["requested"]["documentReads"], cost["actual"]["documentReads"]) == (12 + 5, 2 + 3 + 5)
    answer = (await (await make_client(max_document_reads=17)).post("/graphql", json=request)).json()
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
    assert answer["extensions"]["cost"]["actual"]["documentReads"] <= 17


@pytest.fixture
def without_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns the comparison with graphql-core off, as its time is not the server's."""
    monkeypatch.setattr("tests.gql.conftest.CheckedExecutor._run_checked", lambda _, run, arguments: run(*arguments))
