"""The result cache: no stale result is shown, and its bound holds."""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
import strawberry

from gql.execution.executor import BreadthFirstExecutor
from gql.execution.field_metadata import cache_key
from gql.execution.result_cache import BYTES_PER_RESULT, CachedPage, ResultCache
from gql.loaders import ClipsKey, Loaders
from gql.permissions import Principal, Role
from gql.services import Services
from repositories.cache.clip_sets import ClipSet, Filter
from repositories.models import VideoMetadata
from tests.gql.conftest import Execute, make_clip_input

SECONDS_PER_WINDOW, SECONDS_PER_DAY = 900, 86_400
PAGE = "query ($u: ID) { videos(userId: $u) { nodes { clips { nodes { FIELDS } } } } }"

Show = Callable[[str], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
async def show(query: Execute, create_video: Execute, complete_clips: Execute, user_id: str) -> Show:
    """Shows these fields of two clips, which were shown before with other ones."""
    await create_video()
    await complete_clips(make_clip_input(1), make_clip_input(2))

    async def show(fields: str) -> list[dict[str, Any]]:
        answer = await query(PAGE.replace("FIELDS", fields), u=user_id)
        clips: list[dict[str, Any]] = answer["videos"]["nodes"][0]["clips"]["nodes"]
        return clips

    await show("clipId priority url")
    return show


async def test_a_page_is_made_once(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second request for a page renders no clip again, and answers the same."""
    before = await show("priority url")
    monkeypatch.setattr("gql.clips.types.Clip", lambda _: pytest.fail("made again"))
    monkeypatch.setattr("tests.gql.conftest.CheckedExecutor._run_checked", lambda _, run, arguments: run(*arguments))
    assert await show("priority url") == before


async def test_other_fields_are_shown_as_asked_for(show: Show) -> None:
    """By other names, in another order, with other arguments, and left out by a variable's value."""
    first, _ = await show("clipId priority url")
    assert [*first] == ["clipId", "priority", "url"]
    assert [*(await show("url clipId priority"))[0]] == ["url", "clipId", "priority"]
    assert (await show("priority"))[0] == {"priority": 1}
    assert (await show("rank: priority"))[0] == {"rank": 1}
    assert (await show("rank: priority __typename"))[0] == {"rank": 1, "__typename": "Clip"}
    short, long = [(await show(f"url(expiresIn: {seconds})"))[0]["url"] for seconds in (60, 3600)]
    # A minute and a window; hundredths of a second of the file's time are added to that of a new file.
    assert (0 <= read_validity(short) - 960 < 100, long) == (True, first["url"])
    assert "response-content-disposition" in (await show("url(download: true)"))[0]["url"]
    assert (await show("priority url @skip(if: true)"))[0] == {"priority": 1}


def read_validity(url: str) -> int:
    return int(url.partition("X-Amz-Expires=")[2].partition("&")[0])


async def test_a_new_key_signs_new_urls(show: Show, services: Services) -> None:
    """After a rotation of R2's token, the URLs are signed anew and cached again."""
    fields = "url thumbnailUrl"
    old = await show(fields)
    services.storage.rotate("another", "secret")
    new = await show(fields)
    assert "Credential=another" in new[0]["url"]
    assert "Credential=another" in new[1]["thumbnailUrl"]
    assert old != new == await show(fields)


@pytest.mark.parametrize("fields", ["url(expiresIn: 60)", "thumbnailUrl", "urlsExpireAt", "url(expiresIn: 604799)"])
async def test_the_next_window_has_its_own_urls(show: Show, monkeypatch: pytest.MonkeyPatch, fields: str) -> None:
    """URLs stay the same within a window, and change with the next; in that of the render from the render on."""
    window = SECONDS_PER_DAY if fields == "thumbnailUrl" else SECONDS_PER_WINDOW
    now = time.time()
    begin, rendered_at = now // window * window, now % window
    await assert_one_window(show, monkeypatch, fields, begin, (rendered_at, (rendered_at + window) / 2, window))
    await assert_one_window(show, monkeypatch, fields, begin + window, (0, 1, window - 1, window))


async def assert_one_window(
    show: Show, monkeypatch: pytest.MonkeyPatch, fields: str, begin: float, moments: Sequence[float]
) -> None:
    """The fields are the same at all moments but the last, which is in the next window."""
    shown = []
    for seconds in moments:
        monkeypatch.setattr("gql.loaders.time", SimpleNamespace(time=lambda now=begin + seconds: now))
        shown.append((await show(fields))[0])
    *within, next_ = shown
    assert next_ != within[-1]
    # The longest validity leaves a window of one second.
    assert (all(one == within[0] for one in within)) is (fields != "url(expiresIn: 604799)")


async def test_a_changed_clip_is_shown_as_it_is(show: Show, query: Execute, user_id: str) -> None:
    """A page after a clip's change shows the clips as they are."""
    before = await show("clipId priority url")
    change = {"videoId": "v1", "clipId": before[0]["clipId"], "status": "PROCESSING", "userId": user_id}
    document = "mutation ($i: UpdateClipStatusInput!) { updateClipStatus(input: $i) { __typename } }"
    await query(document, i=change)
    assert await show("clipId priority url") == before[1:]


async def test_only_who_may_see_a_page_sees_what_is_kept(show: Show, execute_as: Any, user_id: str) -> None:
    """A cached page is shown to its owner and an admin, and FORBIDDEN to another user."""
    expected = await show("priority url")
    document = PAGE.replace("FIELDS", "priority url")
    for name, role in ((user_id, Role.USER), ("somebody", Role.ADMIN), ("somebody", Role.USER)):
        answer = await execute_as(Principal(name, frozenset({role})), document, u=user_id)
        if (name, role) == ("somebody", Role.USER):
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
        else:
            assert answer["data"]["videos"]["nodes"][0]["clips"]["nodes"] == expected


async def test_costs_are_the_same_whether_or_not_a_page_is_known(show: Show, execute: Execute, user_id: str) -> None:
    """A column that is given up, and a page that is shown twice, save their reads once."""
    await show("priority")
    for fields in ("priority", "priority size", "priority", "url(expiresIn: 0)"):
        answer = await execute(PAGE.replace("FIELDS", fields), u=user_id)
        actual = answer["extensions"]["cost"]["actual"]
        assert (actual["documentReads"], actual["documentWrites"], actual["rpcs"]) == (1, 0, 1)
        assert answer["extensions"]["cost"]["saved"] == {"documentReads": 2}


def get_day(*, info: strawberry.Info) -> int:
    """The day."""
    day: int = info.context["day"]
    return day


UPDATE = """mutation ($i: UpdateClipStatusInput!) { a: updateClipStatus(input: $i) { ...Clips }
  b: updateClipStatus(input: $i) { ...Clips } }
fragment Clips on UpdateClipStatusSuccess { clip { video { clips { nodes { priority } } } } }"""


async def test_mutations_find_nothing_that_was_found_before(show: Show, execute: Execute, user_id: str) -> None:
    """Each of them asks again, and saves reads of its own."""
    clip, _ = await show("clipId")
    answer = await execute(UPDATE, i={"videoId": "v1", **clip, "status": "COMPLETED", "userId": user_id})
    assert answer["extensions"]["cost"]["saved"] == {"documentReads": 4}


async def test_videos_of_several_users_are_not_found_together(services: Services) -> None:
    """The loaders find one user's cached pages, and never those of two users at once."""
    videos = [VideoMetadata(user_id=name, video_id="v") for name in "ab"]
    cache = services.clip_cache
    assert cache is not None
    for video in videos:
        video.set_version(datetime(2026, 1, 1, tzinfo=UTC))
        cache.keep(video, ClipSet.of(Filter(), ()))
    group = ClipsKey.for_cover(videos[0]).group
    assert Loaders(services).find_clips(group, videos[:1]) is not None
    assert Loaders(services).find_clips(group, videos) is None


@strawberry.type
class Row:
    """An object of a page that is kept."""

    name: str

    @strawberry.field
    def asked(self, info: strawberry.Info) -> str:
        """Depends on the caller."""
        return str(info.context)

    @strawberry.field(metadata=cache_key(get_day))  # type: ignore[untyped-decorator]  # strawberry.field, called, is Any
    def day(self, info: strawberry.Info) -> str:
        """Depends on the day alone."""
        return f"{self.name} {info.context['day']}"


@strawberry.type
class Query:
    """The root, whose value is the page."""

    @strawberry.field
    def rows(self, info: strawberry.Info) -> list[Row]:
        """The page."""
        rows: Any = info.root_value
        return cast("list[Row]", rows)


SCHEMA = strawberry.Schema(Query, execution_context_class=BreadthFirstExecutor)


class Made(list[Row]):
    """Rows, and how often they were asked for."""

    times = 0

    def make(self) -> Sequence[Row]:
        """The rows."""
        self.times += 1
        return self


@pytest.mark.parametrize(("fields", "times"), [("name", 1), ("name day", 2), ("asked", 3)])
def test_what_depends_on_the_request_is_not_kept(fields: str, times: int) -> None:
    """A field is rendered anew whenever its cache key differs, and always if it has none."""
    made = Made([Row(name="a")])
    page = CachedPage(ResultCache(2**20), object(), made.make)
    for context in ({"day": 1, "caller": 1}, {"day": 1, "caller": 2}, {"day": 2, "caller": 2}):
        answer: Any = SCHEMA.execute_sync(f"{{ rows {{ {fields} }} }}", context_value=context, root_value=page)
        assert answer.errors is None
    assert made.times == times


def test_the_least_recently_used_goes_first() -> None:
    """The least recently used result is evicted once the limit of bytes is passed."""
    answers = ResultCache(2 * (BYTES_PER_RESULT + 10))
    for key in "ab":
        answers.put(key, b"0123456789")
    assert answers.get("a")
    answers.put("c", b"0123456789")
    assert [bool(answers.get(key)) for key in "abc"] == [True, False, True]
    assert answers.size_bytes == 2 * (BYTES_PER_RESULT + 10)


def test_what_is_larger_than_all_is_not_kept() -> None:
    """A result larger than the whole cache is not stored."""
    answers = ResultCache(BYTES_PER_RESULT)
    answers.put("a", b"1")
    assert (answers.get("a"), answers.size_bytes) == (None, 0)
