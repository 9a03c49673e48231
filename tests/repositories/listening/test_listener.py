"""Subscribers get the present state, then every change, in the order of commits, over shared targets."""

import asyncio
import secrets
from functools import partial

import pytest

from repositories.clips import ClipRepository
from repositories.exceptions import ValidationError
from repositories.listening.changes import ChangeKind
from repositories.listening.listener import Listener
from repositories.model.statuses import ClipStatusChange
from repositories.models import ClipMetadata, ClipStatus
from repositories.videos import VideoRepository
from tests.repositories.conftest import MakeClip, MakeVideo
from tests.repositories.listening.conftest import OpenListener
from tests.repositories.listening.proxies import ListenProxy
from tests.repositories.listening.watchers import Mirror, Told, assert_silent, wait_until


class NoFiles:
    """A store without any file."""

    async def delete(self, keys: object, /) -> None:
        """There is none."""

    async def delete_prefix(self, _prefix: str, /) -> int:
        """There is none."""
        return 0


def check_holds(mirror: Mirror, stored: dict[str, ClipMetadata]) -> bool:
    """Whether the client has just what is stored."""
    return mirror.models == stored


async def test_the_present_state_comes_first_then_changes(
    listener: Listener, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A subscriber receives the clips that exist in the order of commits, then each change."""
    for number in (2, 1):
        await clips.create_clip(make_clip(number, status="processing"))
    async with listener.watch_clips(clips.user_id, "v") as subscription:
        assert await told.take(subscription, 2) == ["added 02", "added 01"]
        await clips.create_clip(make_clip(3))
        await clips.update_clip_status(make_clip(1).clip_id, ClipStatus.COMPLETED)
        await clips.delete_clip(make_clip(2).clip_id)
        assert await told.take(subscription, 3) == ["added 03", "modified 01", "removed 02"]


async def test_a_change_brings_the_model_and_its_commits_time(
    listener: Listener, videos: VideoRepository, make_video: MakeVideo, told: Told
) -> None:
    """A change holds the stored model, and a version that begins with its commit's time."""
    async with listener.watch_video(videos.user_id, "v") as subscription:
        await videos.create_video(make_video(video_title="A"))
        change = await told.next(subscription)
        stored = await videos.get_video("v")
        assert stored is not None
        assert stored.version is not None
        assert change.model == stored
        assert int(change.version[:16], 16) == int(stored.version.timestamp() * 1_000_000)
        assert len(change.version) == 32


async def test_a_commit_of_many_is_told_as_one(
    listener: Listener, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """Changes of one commit share its time, and keep one order within it."""
    async with listener.watch_clips(clips.user_id, "v") as subscription:
        await clips.create_clip(make_clip(41))
        # It listens from here on: what is there before may have the time at which it was found.
        await told.next(subscription)
        await clips.create_clips_batch([make_clip(number, status="processing") for number in range(1, 41)])
        changes = [await told.next(subscription) for _ in range(40)]
        assert len({change.version[:16] for change in changes}) == 1
        await clips.update_clip_statuses(
            [ClipStatusChange(change.id, ClipStatus.COMPLETED) for change in reversed(changes)]
        )
        again = [await told.next(subscription) for _ in range(40)]
        # Within a commit the order is that of the digests, which documents keep.
        assert [change.id for change in again] == [change.id for change in changes]
        assert {change.kind for change in again} == {ChangeKind.MODIFIED}


async def test_videos_of_a_user(
    listener: Listener, videos: VideoRepository, make_video: MakeVideo, make_clip: MakeClip, told: Told
) -> None:
    """A subscriber to a user's videos receives creations, statistics that change, and deletes."""
    await videos.create_video(make_video())
    async with listener.watch_videos(videos.user_id) as subscription:
        assert await told.take(subscription) == ["added v"]
        await videos.create_video(make_video(video_id="w"))
        assert await told.take(subscription) == ["added w"]
        await videos._clip_repository("w").create_clip(make_clip(video_id="w"))
        change = await told.next(subscription)
        assert change.model is not None
        assert change.model.clips_by_style == {"split": 1}  # type: ignore[union-attr]  # it is a video
        await videos.delete_video("v")
        assert await told.take(subscription) == ["removed v"]
        await assert_silent(subscription)


async def test_a_deleted_video_ends_its_subscriptions(
    listener: Listener, clips: ClipRepository, videos: VideoRepository, make_clip: MakeClip
) -> None:
    """A video's delete removes its clips from each subscription, and ends it."""
    await clips.create_clips_batch([make_clip(number) for number in range(1, 4)])
    subscriptions = [listener.watch_video(videos.user_id, "v"), listener.watch_clips(videos.user_id, "v")]
    subscriptions.append(listener.watch_clips(videos.user_id, "v", style="other"))
    readers = [Told(), Told(), Told()]
    assert await readers[0].take(subscriptions[0]) == ["added v"]
    await readers[1].take(subscriptions[1], 3)
    await videos.delete_video("v")
    assert await readers[0].rest(subscriptions[0]) == ["removed v"]
    assert sorted(await readers[1].rest(subscriptions[1])) == ["removed 01", "removed 02", "removed 03"]
    assert await readers[2].rest(subscriptions[2]) == []


async def test_a_video_deleted_outright_ends_its_subscriptions(
    listener: Listener, clips: ClipRepository, videos: VideoRepository, make_clip: MakeClip, told: Told
) -> None:
    """Also where another program deletes the document without marking it first."""
    await clips.create_clip(make_clip())
    subscription = listener.watch_clips(videos.user_id, "v")
    await told.take(subscription)
    await videos._video("v").delete()
    assert await told.rest(subscription) == ["removed 01"]


async def test_what_is_being_deleted_is_gone(
    listener: Listener, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """From the commit on that marks it, and only once."""
    await clips.create_clips_batch([make_clip(1), make_clip(2)])
    async with listener.watch_clips(clips.user_id, "v") as subscription:
        await told.take(subscription, 2)
        await clips._run_deleting(lambda unit: clips._mark_deleted(unit, make_clip(1).clip_id))
        assert await told.take(subscription) == ["removed 01"]
        async with listener.watch_clips(clips.user_id, "v") as later:
            assert await Told().take(later) == ["added 02"]
        await clips.finish_delete(make_clip(1).clip_id, NoFiles())
        await clips.create_clip(make_clip(3))
        assert await told.take(subscription) == ["added 03"]


async def test_a_clip_with_an_odd_field_stays(
    listener: Listener, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A clip whose field becomes invalid is told as modified, and again once it is valid."""
    await clips.create_clip(make_clip(1))
    async with listener.watch_clips(clips.user_id, "v") as subscription:
        await told.take(subscription)
        await clips._clip(make_clip(1).clip_id).update({"file_size_bytes": "many"})
        assert await told.take(subscription) == ["modified 01"]
        await clips._clip(make_clip(1).clip_id).update({"file_size_bytes": 1})
        assert await told.take(subscription) == ["modified 01"]


async def test_a_video_that_is_not_there_yet_is_waited_for(
    listener: Listener, videos: VideoRepository, make_video: MakeVideo, make_clip: MakeClip, told: Told
) -> None:
    """A subscription to a missing video tells the clips that are created with it."""
    async with listener.watch_clips(videos.user_id, "v") as subscription:
        await videos.create_video(make_video())
        clip, _ = await videos._clip_repository("v").create_clip(make_clip())
        assert (await told.next(subscription)).model == clip


async def test_the_clips_of_a_video_that_is_being_deleted_are_not_shown(
    listener: Listener, clips: ClipRepository, videos: VideoRepository, make_clip: MakeClip, make_video: MakeVideo
) -> None:
    """Though they are still there. One that is created anew has its own."""
    await clips.create_clip(make_clip(1))
    await videos._run_locked(lambda unit: videos._mark_deleted(unit, "v"), None)
    async with listener.watch_clips(clips.user_id, "v") as subscription:
        await wait_until(lambda: listener.documents_read == 2)
        await videos.delete_video("v")
        await assert_silent(subscription)
        await videos.create_video(make_video())
        await clips.create_clip(make_clip(2))
        assert await Told().take(subscription) == ["added 02"]


async def test_a_style_is_filtered(listener: Listener, clips: ClipRepository, make_clip: MakeClip) -> None:
    """A clip that gets another style leaves those who watch the first one, and comes to the others."""
    await clips.create_clips_batch([make_clip(1, style="split"), make_clip(2, style="fast")])
    split, fast, every = [listener.watch_clips(clips.user_id, "v", style=style) for style in ("split", "fast", None)]
    readers = {subscription: Told() for subscription in (split, fast, every)}
    assert await readers[split].take(split) == ["added 01"]
    assert await readers[fast].take(fast) == ["added 02"]
    assert len(await readers[every].take(every, 2)) == 2
    await clips._clip(make_clip(1).clip_id).update({"style": "fast"})
    assert await readers[split].take(split) == ["removed 01"]
    assert await readers[fast].take(fast) == ["added 01"]
    assert await readers[every].take(every) == ["modified 01"]
    await clips.delete_clip(make_clip(2).clip_id)
    assert await readers[fast].take(fast) == ["removed 02"]
    await assert_silent(split)


async def test_subscribers_share_targets_and_targets_share_streams(
    open_listener: OpenListener, listen_proxy: ListenProxy, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """Three hundred subscribers of a video and its clips are two targets on one stream, and read each document once."""
    await clips.create_clips_batch([make_clip(1), make_clip(2, style="fast")])
    listener = open_listener(listen_proxy.host_port)
    subscriptions = [listener.watch_video(clips.user_id, "v") for _ in range(100)]
    for style in ("split", None):
        subscriptions += [listener.watch_clips(clips.user_id, "v", style=style) for _ in range(100)]
    subscriptions += [listener.watch_videos(clips.user_id)]
    for subscription in subscriptions:
        await Told().take(subscription)
    added = [request for request in listen_proxy.requests if request.HasField("add_target")]
    assert len(added) == listener.targets_count == 3
    assert listen_proxy.open_streams == listener.streams_count == 1
    assert listener.documents_read == 4
    await clips.delete_clip(make_clip(1).clip_id)
    assert await Told().take(subscriptions[100]) == ["removed 01"]
    assert listener.documents_read == 6  # the video, as itself and as one of the user's; deletes are not billed


async def test_full_streams_are_followed_by_others(
    listener: Listener, videos: VideoRepository, make_video: MakeVideo
) -> None:
    """A video counts as two targets, whether its clips are watched or not: they are always on its stream."""
    watched = [listener.watch_video(videos.user_id, f"v{number}") for number in range(51)]
    assert listener.streams_count == 2
    for number in (0, 50):
        await videos.create_video(make_video(video_id=f"v{number}"))
        assert await Told().take(watched[number]) == [f"added v{number}"]
    clips = listener.watch_clips(videos.user_id, "v0")
    assert (listener.streams_count, listener.targets_count) == (2, 52)
    assert len([key for videos_of_stream in listener._streams._streams.values() for key in videos_of_stream]) == 51
    for subscription in (*watched, clips):
        await subscription.close()


async def test_a_target_outlives_its_subscribers_for_a_while(
    open_listener: OpenListener, listen_proxy: ListenProxy, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """A target stays open for the linger time, and is read again after it."""
    await clips.create_clip(make_clip())
    listener = open_listener(listen_proxy.host_port, linger_seconds=0.3)
    for _ in range(2):
        async with listener.watch_clips(clips.user_id, "v") as subscription:
            await Told().take(subscription)
    assert (listener.targets_count, listener.documents_read) == (2, 2)
    await wait_until(lambda: not listener.targets_count and not listen_proxy.open_streams)
    assert listener.streams_count == 0
    async with listener.watch_clips(clips.user_id, "v") as subscription:
        await Told().take(subscription)
    assert listener.documents_read == 4


async def test_whoever_comes_back_in_time_stays(
    open_listener: OpenListener, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A subscriber that returns within the linger time keeps the target open after it."""
    listener = open_listener(linger_seconds=0.2)
    await clips.create_clip(make_clip(1))
    async with listener.watch_clips(clips.user_id, "v") as first:
        await Told().take(first)
    async with listener.watch_clips(clips.user_id, "v") as second:
        await told.take(second)
        await asyncio.sleep(0.4)
        await clips.create_clip(make_clip(2))
        assert await told.take(second) == ["added 02"]


async def test_one_target_of_many_ends_alone(
    open_listener: OpenListener, listen_proxy: ListenProxy, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """The stream goes on with the others."""
    listener = open_listener(listen_proxy.host_port, linger_seconds=0.0)
    video = listener.watch_video(clips.user_id, "v")
    async with listener.watch_clips(clips.user_id, "v"):
        await Told().take(video)
    await wait_until(lambda: listener.targets_count == 1)
    told = Told()
    await clips.create_clip(make_clip())
    assert await told.take(video) == ["modified v"]
    assert len([request for request in listen_proxy.requests if request.remove_target]) == 1


async def test_close_ends_everything(listener: Listener, clips: ClipRepository, make_clip: MakeClip) -> None:
    """A closed listener ends all subscriptions, those that wait, those unread and later ones."""
    await clips.create_clip(make_clip())
    reading, unread = [listener.watch_clips(clips.user_id, "v") for _ in range(2)]
    told = Told()
    await told.take(reading)
    waiting = asyncio.create_task(told.rest(reading))
    await asyncio.sleep(0)
    await listener.close()
    assert await waiting == []
    assert await Told().rest(unread) == []
    assert await Told().rest(listener.watch_video(clips.user_id, "v")) == []
    await reading.close()
    await reading.close()


@pytest.mark.parametrize(
    ("arguments", "path"),
    [(("u/v", "v"), "user_id"), (("u", "a/b"), "video_id"), (("u", "v", ""), "style")],
)
async def test_invalid_arguments_are_told_by_the_subscription(
    listener: Listener, arguments: tuple[str, ...], path: str
) -> None:
    """An invalid argument is raised by the subscription, with its path, and opens no target."""
    subscription = listener.watch_clips(*arguments)
    with pytest.raises(ValidationError) as caught:
        await anext(subscription)
    assert caught.value.path == (path,)
    assert listener.targets_count == 0


async def test_any_writes_lead_to_the_state_that_is_stored(
    listener: Listener, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """Three writers at once; every subscriber ends with what a read finds, whichever style it watches."""
    styles = ("split", "fast")
    rounds = 20

    async def write(worker: int) -> None:
        for number in range(rounds):
            clip = make_clip(worker * 100 + number + 1, status="processing", style=secrets.choice(styles))
            await clips.create_clip(clip)
            await clips.update_clip_status(clip.clip_id, ClipStatus.COMPLETED)
            if number % 3:
                await clips.delete_clip(clip.clip_id)

    subscriptions = {style: listener.watch_clips(clips.user_id, "v", style=style) for style in (None, *styles)}
    mirrors = {style: Mirror() for style in subscriptions}
    tasks = [asyncio.create_task(mirrors[style].follow(subscriptions[style])) for style in subscriptions]
    await asyncio.gather(*map(write, range(3)))
    await clips.create_clips_batch([make_clip(998, style="split"), make_clip(999, style="fast")])
    for style, mirror in mirrors.items():
        stored = {clip.clip_id: clip for clip in await clips.list_clips(style=style, limit=1_000)}
        await wait_until(partial(check_holds, mirror, stored))
    for subscription in subscriptions.values():
        await subscription.close()
    await asyncio.gather(*tasks)
