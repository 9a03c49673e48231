"""Pages: their order, their ends, and what lies between cursors."""

from collections.abc import Callable
from typing import Any

import pytest

from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.exceptions import InvalidCursorError, ValidationError
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from repositories.paging.orders import ClipOrder, VideoOrder
from repositories.paging.page import Page
from repositories.tombstones import mark_clip_deleted
from repositories.videos import VideoRepository

MakeClip = Callable[..., ClipMetadata]
MakeVideo = Callable[..., VideoMetadata]


@pytest.fixture
async def ten(clips: ClipRepository, make_clip: MakeClip) -> ClipRepository:
    """A video's clips of the priorities 0 to 9."""
    await clips.create_clips_batch([make_clip(number) for number in range(10)])
    return clips


def priorities(page: Page[ClipMetadata]) -> list[int]:
    return [clip.priority for clip in page]


async def test_pages_forwards(ten: ClipRepository) -> None:
    """Pages after one another have every clip once, and know whether others precede and follow."""
    seen: list[int] = []
    cursor, ends = None, []
    while True:
        page = await ten.list_clips(limit=4, cursor=cursor)
        seen += priorities(page)
        ends.append((page.has_previous, page.has_next))
        assert len(page.cursors) == len(page)
        if page.next_cursor is None:
            break
        assert page.next_cursor == page.cursors[-1]
        cursor = page.next_cursor
    assert seen == list(range(10))
    assert ends == [(False, True), (True, True), (True, False)]


async def test_pages_backwards(ten: ClipRepository) -> None:
    """Pages from the end have every clip once, and know whether others precede and follow."""
    seen: list[int] = []
    before, ends = None, []
    while True:
        page = await ten.list_clips(limit=4, before=before, from_end=True)
        seen = priorities(page) + seen
        ends.append((page.has_previous, page.has_next))
        if not page.has_previous:
            break
        before = page.cursors[0]
    assert seen == list(range(10))
    assert ends == [(True, False), (True, True), (False, True)]


async def test_between_two_cursors(ten: ClipRepository) -> None:
    """A page between two cursors has what lies between them, from either end."""
    cursors = (await ten.list_clips()).cursors
    inner: dict[str, Any] = {"cursor": cursors[2], "before": cursors[7]}
    for limit, from_end, expected, ends in (
        (10, False, [3, 4, 5, 6], (True, True)),
        (2, False, [3, 4], (True, True)),
        (2, True, [5, 6], (True, True)),
        (10, True, [3, 4, 5, 6], (True, True)),
    ):
        page = await ten.list_clips(limit=limit, from_end=from_end, **inner)
        assert priorities(page) == expected
        assert (page.has_previous, page.has_next) == ends
    assert priorities(await ten.list_clips(cursor=cursors[7], before=cursors[2])) == []


async def test_a_page_knows_its_ends_where_the_cursors_document_is_gone(
    ten: ClipRepository, make_clip: MakeClip
) -> None:
    """A page knows whether others precede and follow, also after its cursor's document was deleted."""
    cursors = (await ten.list_clips()).cursors
    for number in (0, 9):
        await ten.delete_clip(make_clip(number).clip_id)
    first = await ten.list_clips(limit=3, cursor=cursors[0])
    assert (priorities(first), first.has_previous) == ([1, 2, 3], False)
    last = await ten.list_clips(limit=3, before=cursors[9], from_end=True)
    assert (priorities(last), last.has_next) == ([6, 7, 8], False)
    await ten.delete_clip(make_clip(3).clip_id)
    middle = await ten.list_clips(limit=2, cursor=cursors[3])
    assert (priorities(middle), middle.has_previous, middle.has_next) == ([4, 5], True, True)


async def test_cursors_survive_inserts(ten: ClipRepository, make_clip: MakeClip) -> None:
    """A cursor keeps its place while documents are inserted around it."""
    page = await ten.list_clips(limit=5)
    await ten.create_clips_batch([make_clip(100, priority=2), make_clip(101, priority=6)])
    assert priorities(await ten.list_clips(limit=5, cursor=page.next_cursor)) == [5, 6, 6, 7, 8]


async def test_ties_are_ordered_by_id_in_the_same_direction(clips: ClipRepository, make_clip: MakeClip) -> None:
    """Clips of one priority are ordered by id, ascending or descending as the list is."""
    await clips.create_clips_batch([make_clip(number, priority=1) for number in range(5)])
    ids = [make_clip(number).clip_id for number in range(5)]
    page = await clips.list_clips(limit=3)
    rest = await clips.list_clips(cursor=page.next_cursor)
    assert [clip.clip_id for clip in [*page, *rest]] == ids
    assert [clip.clip_id for clip in await clips.list_clips(order_by=ClipOrder.PRIORITY_DESC)] == ids[::-1]


@pytest.mark.parametrize("order_by", ClipOrder)
@pytest.mark.parametrize("status", [None, ClipStatus.COMPLETED])
@pytest.mark.parametrize("style", [None, "split"])
async def test_every_order_and_filter_of_clips_has_its_index(
    ten: ClipRepository, videos: VideoRepository, order_by: ClipOrder, status: ClipStatus | None, style: str | None
) -> None:
    """Every order, filter and direction of a list of clips is answered, and its pages agree."""
    forwards = await ten.list_clips(status=status, style=style, order_by=order_by)
    assert len(forwards) == 10
    from_end = await ten.list_clips(status=status, style=style, order_by=order_by, limit=3, from_end=True)
    assert from_end.items == forwards.items[-3:]
    after = await ten.list_clips(status=status, style=style, order_by=order_by, cursor=forwards.cursors[4])
    assert after.items == forwards.items[5:]
    grouped = await videos.list_clips_of_videos(["v"], status=status, style=style, order_by=order_by)
    assert (grouped["v"].items, grouped["v"].cursors) == (forwards.items, forwards.cursors)


@pytest.mark.parametrize("order_by", VideoOrder)
@pytest.mark.parametrize("status", [None, VideoStatus.PROCESSING])
async def test_every_order_and_filter_of_videos_has_its_index(
    videos: VideoRepository, make_video: MakeVideo, order_by: VideoOrder, status: VideoStatus | None
) -> None:
    """Every order, filter and direction of a list of videos is answered, and its pages agree."""
    for number in range(4):
        await videos.create_video(make_video(video_id=f"v{number}", video_title=f"Title {number}"))
    forwards = await videos.list_videos(status=status, order_by=order_by)
    expected = ["v0", "v1", "v2", "v3"]
    assert [video.video_id for video in forwards] == (expected[::-1] if order_by.descending else expected)
    after = await videos.list_videos(status=status, order_by=order_by, cursor=forwards.cursors[1])
    assert after.items == forwards.items[2:]
    last = await videos.list_videos(status=status, order_by=order_by, limit=1, from_end=True)
    assert last.items == forwards.items[-1:]


async def test_newest_videos_come_first_by_default(videos: VideoRepository, make_video: MakeVideo) -> None:
    """A list of videos begins with the one that was created last."""
    for number in range(3):
        await videos.create_video(make_video(video_id=f"v{number}"))
    assert [video.video_id for video in await videos.list_videos(limit=2)] == ["v2", "v1"]


@pytest.mark.parametrize("limit", [0, -1, 10_001])
async def test_bad_limits_are_refused(clips: ClipRepository, videos: VideoRepository, limit: int) -> None:
    """A limit out of range raises `ValidationError` at `limit`, in every list."""
    for call in (
        clips.list_clips(limit=limit),
        videos.list_videos(limit=limit),
        videos.list_clips_of_videos(["v"], limit=limit),
    ):
        with pytest.raises(ValidationError) as caught:
            await call
        assert caught.value.path == ("limit",)


@pytest.mark.parametrize("style", ["", "\ud800", "a\0", "a" * 1501])
async def test_styles_that_no_clip_can_have_are_refused(
    clips: ClipRepository, videos: VideoRepository, style: str
) -> None:
    """A style that is invalid raises `ValidationError` at `style`, in lists and counts."""
    for call in (
        clips.list_clips(style=style),
        clips.count_clips(style=style),
        videos.list_clips_of_videos(["v"], style=style),
    ):
        with pytest.raises(ValidationError) as caught:
            await call
        assert caught.value.path == ("style",)


async def test_a_cursor_of_another_order_is_refused(ten: ClipRepository) -> None:
    """A cursor of another order or of no list raises `InvalidCursorError` at its argument."""
    page = await ten.list_clips(limit=1)
    with pytest.raises(InvalidCursorError):
        await ten.list_clips(order_by=ClipOrder.PRIORITY_DESC, cursor=page.next_cursor)
    with pytest.raises(InvalidCursorError) as caught:
        await ten.list_clips(before="nonsense")
    assert caught.value.path == ("before",)


async def test_clips_of_many_videos(
    videos: VideoRepository, client: FirestoreClient, make_video: MakeVideo, make_clip: MakeClip
) -> None:
    """The first clips of 32 videos are pages by video id, whose cursors continue each video's list."""
    ids = [f"v{number}" for number in range(32)]
    for video_id in ids:
        await videos.create_video(make_video(video_id=video_id))
    for video_id in (ids[0], ids[31]):
        own = ClipRepository(videos.user_id, video_id, client)
        await own.create_clips_batch([make_clip(number, video_id=video_id) for number in range(5)])
    pages = await videos.list_clips_of_videos(ids, limit=3)
    assert list(pages) == ids
    assert [len(page) for page in pages.values()] == [3, *[0] * 30, 3]
    first = pages[ids[0]]
    assert (first.has_next, first.has_previous, pages[ids[1]].has_next) == (True, False, False)
    rest = await ClipRepository(videos.user_id, ids[0], client).list_clips(cursor=first.next_cursor)
    assert priorities(rest) == [3, 4]


async def test_clips_of_other_users_are_never_found(
    ten: ClipRepository, client: FirestoreClient, make_video: MakeVideo
) -> None:
    """A query over many videos finds no clip of another user's video of the same id."""
    other = VideoRepository(f"{ten.user_id}-other", client)
    await other.create_video(make_video(user_id=other.user_id))
    assert list((await other.list_clips_of_videos(["v"]))["v"]) == []


@pytest.mark.parametrize("path", ["clips/{clip_id}", "archive/x/clips/{clip_id}", "users/x/videos/v/clips/{clip_id}"])
async def test_clips_that_lie_elsewhere_are_not_of_the_video(
    ten: ClipRepository, videos: VideoRepository, client: FirestoreClient, make_clip: MakeClip, path: str
) -> None:
    """Another program's copies, in collections of the same name: a collection group has them all."""
    copy = make_clip(77)
    reference = client.document(path.format(clip_id=copy.clip_id))
    await reference.set(copy.to_document())
    assert priorities((await videos.list_clips_of_videos(["v"]))["v"]) == priorities(await ten.list_clips())
    await reference.set(mark_clip_deleted(copy))
    assert await videos.list_unfinished_deletes() == []
    await reference.delete()


async def test_a_document_with_an_odd_field_is_in_every_list(
    ten: ClipRepository,
    videos: VideoRepository,
    client: FirestoreClient,
    make_clip: MakeClip,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A clip with an invalid key is listed with an empty one, and logged once."""
    broken = make_clip(3).clip_id
    path = f"users/{ten.user_id}/videos/v/clips/{broken}"
    await client.document(path).update({"r2_key": "somebody/else/clips/a.mp4"})
    assert priorities(await ten.list_clips()) == [*range(10)]
    page = await ten.list_clips(limit=4)
    assert priorities(page) == [0, 1, 2, 3]
    assert priorities(await ten.list_clips(limit=4, cursor=page.next_cursor)) == [4, 5, 6, 7]
    assert priorities((await videos.list_clips_of_videos(["v"]))["v"]) == [*range(10)]
    clip = await ten.get_clip(broken)
    assert clip is not None
    assert clip.r2_key == ""
    assert capsys.readouterr().out.count(path) == 1


async def test_a_document_of_an_older_version_is_listed(
    ten: ClipRepository, client: FirestoreClient, videos: VideoRepository
) -> None:
    """A clip of few fields is listed with defaults, and counted under its shown style."""
    await client.document(f"users/{ten.user_id}/videos/v/clips/old").set({"priority": 50, "status": "completed"})
    listed = (await ten.list_clips(limit=1, from_end=True))[0]
    assert (listed.clip_id, listed.video_id, listed.style) == ("old", "v", "unknown")
    assert listed == await ten.get_clip("old")
    assert (await videos.update_clip_statistics("v")).clips_by_style == {"split": 10, "unknown": 1}
