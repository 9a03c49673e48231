"""Deletes that are interrupted at every step: no document points at nothing, and the next call finishes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.exceptions import ClipBeingDeletedError, ClipNotFoundError, VideoBeingDeletedError, VideoNotFoundError
from repositories.model.fields import utc_now
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata
from repositories.paging.orders import ClipOrder, VideoOrder
from repositories.tombstones import TOMBSTONE_FIELDS, check_is_deleting, mark_video_deleted
from repositories.videos import VideoRepository

if TYPE_CHECKING:
    from tests.repositories.conftest import FirestoreProxy

MakeClip = Callable[..., ClipMetadata]
MakeVideo = Callable[..., VideoMetadata]
AssertExact = Callable[..., Awaitable[None]]


class Files(set[str]):
    """Keys of files. With `dies`, the first delete does only its first half."""

    dies = False

    async def delete(self, keys: Iterable[str], /) -> None:
        """None of the keys is left; a `ConnectionError` when half of them is."""
        wanted = sorted(self & set(keys))
        if self.dies:
            self.difference_update(wanted[: len(wanted) // 2])
            raise ConnectionError
        self.difference_update(wanted)

    async def delete_prefix(self, prefix: str, /) -> int:
        """No key with the prefix is left."""
        wanted = [key for key in self if key.startswith(prefix)]
        await self.delete(wanted)
        return len(wanted)


@pytest.fixture
async def files(clips: ClipRepository, make_clip: MakeClip) -> Files:
    """The files of five completed clips, which are created, and one of a foreign video."""
    created = await clips.create_clips_batch([make_clip(number, has_thumbnail=True) for number in range(5)])
    keys = {key for clip, _ in created for key in (clip.r2_key, str(clip.thumbnail_r2_key))}
    return Files({*keys, f"{clips.user_id}/v10/clips/stays.mp4"})


async def assert_nothing_points_at_nothing(clips: ClipRepository, files: Files) -> None:
    """Every clip that can be read has its files, whichever way it is read."""
    for order in ClipOrder:
        for clip in await clips.list_clips(order_by=order):
            assert {clip.r2_key, clip.thumbnail_r2_key} <= files
            assert await clips.get_clip(clip.clip_id) == clip
    assert await clips.count_clips() == len(await clips.list_clips())


async def interrupt(proxy: "FirestoreProxy", nth_rpc: int, work: Callable[[], Awaitable[object]]) -> bool:
    """Whether the work was killed, which it is before its RPC of this number reaches Firestore."""
    reached = asyncio.Event()

    async def hold(name: str, _nth: int) -> None:
        # Locks of who dies without a rollback end with Firestore's idle time, for which no test can wait.
        if len(proxy.rpcs) > nth_rpc and name != "Rollback":
            reached.set()
            await asyncio.sleep(60)

    proxy.before = hold
    working, waiting = asyncio.ensure_future(work()), asyncio.ensure_future(reached.wait())
    await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not reached.is_set():
        await working
        return False
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return True


async def test_a_clips_delete_killed_at_each_rpc(
    clips: ClipRepository,
    proxied: FirestoreClient,
    proxy: "FirestoreProxy",
    files: Files,
    make_clip: MakeClip,
    assert_exact_statistics: AssertExact,
) -> None:
    """A clip's delete that is killed at any RPC leaves exact statistics, no dangling document, and can be finished."""
    shaky = ClipRepository(clips.user_id, "v", proxied)
    videos = VideoRepository(clips.user_id, clips._client)
    for nth_rpc in range(20):
        clip_id = make_clip(nth_rpc % 5).clip_id
        proxy.rpcs.clear()
        was_killed = await interrupt(proxy, nth_rpc, partial(shaky.delete_clip_with_files, clip_id, files))
        await assert_nothing_points_at_nothing(clips, files)
        await assert_exact_statistics()
        if not was_killed:
            break
        for unfinished in await videos.list_unfinished_deletes():
            assert (unfinished.video_id, unfinished.clip_id) == ("v", clip_id)
            await videos.finish_delete(unfinished, files)
            assert await clips.get_clip(clip_id) is None
    else:
        pytest.fail("it never came to an end")
    assert nth_rpc > 3
    assert await videos.list_unfinished_deletes() == []
    assert len(files) == 2 * await clips.count_clips() + 1


async def test_a_videos_delete_killed_at_each_rpc(
    videos: VideoRepository,
    clips: ClipRepository,
    proxied: FirestoreClient,
    proxy: "FirestoreProxy",
    make_video: MakeVideo,
    make_clip: MakeClip,
) -> None:
    """A video's delete that is killed at any RPC leaves no dangling document, and the same call finishes it."""
    shaky = VideoRepository(videos.user_id, proxied)
    for nth_rpc in range(30):
        await videos.create_video(make_video())
        created = await clips.create_clips_batch([make_clip(number, has_thumbnail=True) for number in range(3)])
        files = Files(key for clip, _ in created for key in (clip.r2_key, str(clip.thumbnail_r2_key)))
        proxy.rpcs.clear()
        was_killed = await interrupt(proxy, nth_rpc, partial(shaky.delete_video, "v", files))
        await assert_nothing_points_at_nothing(clips, files)
        if not was_killed:
            break
        if await videos.get_video("v") is not None or await videos.list_unfinished_deletes():
            await videos.delete_video("v", files)
        assert (files, await clips.count_clips(), await videos.list_unfinished_deletes()) == (set(), 0, [])
    else:
        pytest.fail("it never came to an end")
    assert nth_rpc > 8
    with pytest.raises(VideoNotFoundError):
        await videos.delete_video("v", files)


async def test_a_delete_whose_files_fail_is_finished_by_the_same_call(
    clips: ClipRepository, make_clip: MakeClip, files: Files, assert_exact_statistics: AssertExact
) -> None:
    """A clip whose files cannot be deleted is gone from lists and statistics until the same call finishes."""
    clip_id = make_clip(1).clip_id
    files.dies = True
    with pytest.raises(ConnectionError):
        await clips.delete_clip_with_files(clip_id, files)
    await assert_nothing_points_at_nothing(clips, files)
    assert await clips.count_clips(ClipStatus.COMPLETED) == 4
    await assert_exact_statistics()
    with pytest.raises(ClipNotFoundError):
        await clips.update_clip_status(clip_id, ClipStatus.PROCESSING)
    with pytest.raises(ClipBeingDeletedError):
        await clips.create_clip(make_clip(1))
    files.dies = False
    await clips.delete_clip_with_files(clip_id, files)
    with pytest.raises(ClipNotFoundError):
        await clips.delete_clip_with_files(clip_id, files)
    _, created = await clips.create_clip(make_clip(1))
    assert created


@pytest.mark.parametrize("named", [{}, {"file_keys": 5}, {"file_keys": [5, "{user_id}/v10/clips/stays.mp4"]}], ids=str)
async def test_another_programs_tombstone_leads_to_no_other_folder(
    client: FirestoreClient, clips: ClipRepository, files: Files, named: dict[str, Any]
) -> None:
    """A document that says it is being deleted, and was written by hand, is deleted, and no file of another video."""
    before = set(files)
    if isinstance(keys := named.get("file_keys"), list):
        named = {"file_keys": [key.format(user_id=clips.user_id) if isinstance(key, str) else key for key in keys]}
    document = client.document(f"users/{clips.user_id}/videos/v/clips/foreign")
    await document.set({"status": "deleting", "deleting_at": utc_now(), **named})
    await clips.delete_clip_with_files("foreign", files)
    assert not (await document.get()).exists
    assert files == before


async def test_a_video_that_is_being_deleted_is_nowhere(
    videos: VideoRepository, clips: ClipRepository, files: Files, make_video: MakeVideo, make_clip: MakeClip
) -> None:
    """A video whose delete has begun is in no list, count or read, and takes neither itself nor clips anew."""
    await videos.create_video(make_video(video_id="stays"))
    files.dies = True
    with pytest.raises(ConnectionError):
        await videos.delete_video("v", files)
    for order in VideoOrder:
        assert [video.video_id for video in await videos.list_videos(order_by=order)] == ["stays"]
    assert await videos.get_video("v") is None
    assert await videos.count_videos() == 1
    with pytest.raises(VideoBeingDeletedError):
        await videos.create_video(make_video())
    with pytest.raises(VideoNotFoundError):
        await clips.create_clip(make_clip(9))
    files.dies = False
    (unfinished,) = await videos.list_unfinished_deletes()
    assert unfinished.deleting_at is not None
    await videos.finish_delete(unfinished, files)
    assert files == {f"{videos.user_id}/v10/clips/stays.mp4"}
    assert (await videos.create_video(make_video()))[1]
    await videos.finish_delete(unfinished, files)
    assert await videos.get_video("v") is not None


def test_a_tombstone_lacks_the_fields_of_every_order() -> None:
    """The time of the last update alone may be written on it, by a commit that counts a clip."""
    listed = {order.field for order in (*VideoOrder, *ClipOrder)}
    assert set(TOMBSTONE_FIELDS) == {"status", "deleting_at"} | listed - {"updated_at"}
    tombstone = mark_video_deleted("u", "v")
    assert check_is_deleting(tombstone | {"updated_at": utc_now()})
    for name in listed - {"updated_at"}:
        assert not check_is_deleting(tombstone | {name: 1})
