"""URLs follow files: the same for as long as the file is, and others right after a render."""

import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from gql.services import Services

Execute = Callable[..., Awaitable[Any]]
CLIP_ID = "clip_01_01_a-title_split"
DOCUMENT = """query ($u: ID, $s: Int! = 3600) { video(videoId: "v1", userId: $u) { clips(first: 1) { nodes {
  url(expiresIn: $s) download: url(expiresIn: $s, download: true)
  thumbnailUrl(expiresIn: $s) urlsExpireAt(expiresIn: $s)
} } } }"""
STATUS = "mutation ($input: UpdateClipStatusInput!) { updateClipStatus(input: $input) { __typename } }"
URLS = ("url", "download", "thumbnailUrl")


@pytest.fixture
async def show(query: Execute, create_video: Any, complete_clips: Any, clip_input: Any, user_id: str) -> Execute:
    """The URLs of a completed clip."""
    await create_video()
    await complete_clips(clip_input(1))

    async def show(seconds: int = 3600) -> Any:
        return (await query(DOCUMENT, u=user_id, s=seconds))["video"]["clips"]["nodes"][0]

    return show


@pytest.fixture
def render(query: Execute, services: Services, user_id: str) -> Execute:
    """Renders the clip again, to the same keys."""

    async def render(content: bytes) -> None:
        named = {"videoId": "v1", "userId": user_id, "clipId": CLIP_ID}
        await query(STATUS, input={**named, "status": "PROCESSING"})
        for extension in ("mp4", "jpg"):
            await services.storage.put(f"{user_id}/v1/clips/{CLIP_ID}.{extension}", content, "video/mp4")
        await query(STATUS, input={**named, "status": "COMPLETED"})

    return render


def parse_expiry(url: str) -> datetime:
    """The moment until which a URL is valid."""
    parameters = httpx.URL(url).params
    signed_at = datetime.strptime(parameters["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed_at + timedelta(seconds=int(parameters["X-Amz-Expires"]))


async def test_urls_are_others_right_after_a_render_and_stay_until_the_next(show: Execute, render: Execute) -> None:
    """Each render of a clip has URLs of its own for the file, the download and the thumbnail; each reads its bytes."""
    seen = [await show()]
    for content in (b"second", b"third"):
        await render(content)
        shown = await show()
        assert await show() == shown
        seen.append(shown)
        async with httpx.AsyncClient(trust_env=False) as client:
            for name in URLS:
                assert (await client.get(shown[name])).content == content
    for name in URLS:
        assert len({shown[name] for shown in seen}) == len(seen), name


@pytest.mark.parametrize("extension", ["mp4", "jpg"])
async def test_a_file_that_is_only_reported_again_has_other_urls(
    query: Execute, show: Execute, services: Services, user_id: str, extension: str
) -> None:
    """A worker that replaces a completed clip's file, of equal size, and reports COMPLETED once more is believed.

    Reported again without another file, nothing is written, and the URLs stay.
    """
    named = {"videoId": "v1", "userId": user_id, "clipId": CLIP_ID, "status": "COMPLETED"}
    key = f"{user_id}/v1/clips/{CLIP_ID}.{extension}"
    repository = services.clips(user_id, "v1")
    before, content = await show(), await services.storage.get(key, max_bytes=1_000_000)
    completed_at = (await repository.get_clips([CLIP_ID]))[CLIP_ID].completed_at
    assert completed_at is not None
    # R2 tells whole seconds.
    while (stored := await services.storage.head(key)) is None or stored.last_modified <= completed_at:
        await services.storage.put(key, content[::-1], "video/mp4")
    await query(STATUS, input=named)
    after = await show()
    assert all(after[name] != before[name] for name in URLS)
    version = (await services.videos(user_id).get_video("v1")).version  # type: ignore[union-attr]  # it is there
    await query(STATUS, input=named)
    assert await show() == after
    assert (await services.videos(user_id).get_video("v1")).version == version  # type: ignore[union-attr]


async def test_a_clip_that_is_rendered_again_has_no_urls_meanwhile(
    query: Execute, show: Execute, services: Services, user_id: str
) -> None:
    """While its files may change at any moment, a clip shows neither of them: a browser would keep what it read."""
    assert (await show())["thumbnailUrl"] is not None
    await query(STATUS, input={"videoId": "v1", "userId": user_id, "clipId": CLIP_ID, "status": "PROCESSING"})
    document = """query ($u: ID, $c: ID!) { clip(videoId: "v1", clipId: $c, userId: $u) {
      hasThumbnail url thumbnailUrl
    } }"""
    shown = (await query(document, u=user_id, c=CLIP_ID))["clip"]
    assert shown == {"hasThumbnail": True, "url": None, "thumbnailUrl": None}
    assert await services.storage.head(f"{user_id}/v1/clips/{CLIP_ID}.jpg") is not None


async def test_urls_of_one_clip_follow_that_clip_only(
    query: Execute, show: Execute, render: Execute, complete_clips: Any, clip_input: Any, user_id: str
) -> None:
    """A render leaves other clips' URLs as they are: browsers keep their files."""
    await show()
    await complete_clips(clip_input(2))
    document = 'query ($u: ID) { video(videoId: "v1", userId: $u) { clips { nodes { url thumbnailUrl } } } }'
    before = (await query(document, u=user_id))["video"]["clips"]["nodes"]
    await render(b"again")
    after = (await query(document, u=user_id))["video"]["clips"]["nodes"]
    assert after[1] == before[1]
    assert set(after[0].values()).isdisjoint(before[0].values())


@pytest.mark.parametrize("seconds", [1, 3600, 604_000, 604_800])
async def test_the_expiry_is_that_of_the_first_url(show: Execute, seconds: int) -> None:
    """`urlsExpireAt` is the earlier end of both URLs with the same `expiresIn`, also where that is the maximum."""
    before = datetime.now(UTC)
    shown = await show(seconds)
    expires_at = datetime.fromisoformat(shown["urlsExpireAt"])
    assert expires_at == min(parse_expiry(shown[name]) for name in URLS)
    assert expires_at >= before.replace(microsecond=0) + timedelta(seconds=seconds)
    assert expires_at <= datetime.now(UTC) + timedelta(days=7)


@pytest.mark.parametrize("window", [900, 86_400])
async def test_all_urls_of_a_request_are_signed_at_one_time(
    show: Execute, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    """Where each look at the clock is in another window, a request still has one; the next request has its own."""
    times = itertools.count(time.time() + window, window)
    for module in ("gql.loaders", "storage.signing"):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(time=lambda: next(times)))
    seen = [await show() for _ in range(3)]
    for shown in seen:
        assert datetime.fromisoformat(shown["urlsExpireAt"]) == min(parse_expiry(shown[name]) for name in URLS)
        assert parse_expiry(shown["url"]) == parse_expiry(shown["download"])
    ends = [parse_expiry(shown["url"]) for shown in seen]
    assert [later - end for end, later in itertools.pairwise(ends)] == [timedelta(seconds=window)] * 2


@pytest.mark.parametrize("seconds", [0, -1, 604_801])
async def test_bad_validity_of_the_expiry_is_bad_input(
    execute: Execute, show: Execute, user_id: str, seconds: int
) -> None:
    """`urlsExpireAt` refuses what no URL can be signed for, as the URLs do."""
    del show
    document = """query ($u: ID, $s: Int!) {
      clip(videoId: "v1", clipId: "clip_01_01_a-title_split", userId: $u) { urlsExpireAt(expiresIn: $s) }
    }"""
    (error,) = (await execute(document, u=user_id, s=seconds))["errors"]
    assert (error["extensions"]["code"], error["extensions"]["argumentPath"]) == ("BAD_USER_INPUT", ["expiresIn"])


async def test_thumbnails_have_a_window_of_their_own(show: Execute, services: Services) -> None:
    """A thumbnail's URL is valid for a day longer than asked, the clip's for a quarter of an hour."""
    shown = await show()
    validities = [int(httpx.URL(shown[name]).params["X-Amz-Expires"]) for name in ("url", "thumbnailUrl")]
    settings = services.settings
    assert (settings.url_window_seconds, settings.thumbnail_url_window_seconds) == (900, 86_400)
    # Hundredths of a second of the clip's own time are added.
    assert [validity // 100 for validity in validities] == [45, 900]
