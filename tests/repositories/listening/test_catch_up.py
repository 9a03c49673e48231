"""A subscriber that resumes from a version gets all later changes, in the same process or in another one."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition

from repositories.clips import ClipRepository
from repositories.exceptions import InvalidVersionError, SubscriberTooSlowError, VersionTooOldError
from repositories.firestore.metering import Meter, metered
from repositories.listening import fan_out, removal_log
from repositories.listening.changes import Model
from repositories.listening.listener import Listener
from repositories.listening.past_reader import PastReader
from repositories.listening.subscriptions import Subscription
from repositories.listening.targets import AnyTarget
from repositories.listening.versions import Version
from repositories.model.statuses import ClipStatusChange
from repositories.models import ClipStatus
from repositories.videos import VideoRepository
from tests.repositories.conftest import MakeClip, MakeVideo
from tests.repositories.listening.conftest import OpenListener
from tests.repositories.listening.proxies import ListenProxy
from tests.repositories.listening.watchers import Mirror, Told, assert_silent, wait_until

States = list[tuple[str, dict[str, Model]]]

HOUR_MICROS = 3_600_000_000


@pytest.fixture(params=["here", "elsewhere"])
def returned_to(request: pytest.FixtureRequest, listener: Listener, open_listener: OpenListener) -> Listener:
    """The listener that a subscriber comes back to: the one it was at, or another process's, which knows nothing."""
    return listener if request.param == "here" else open_listener()


async def change_much(clips: ClipRepository, make_clip: MakeClip) -> None:
    """Clips come and go, alone and in commits of many, get another style, are marked, and come again."""
    ids = [make_clip(number).clip_id for number in range(1, 13)]
    await clips.create_clips_batch([make_clip(number, status="processing") for number in range(1, 9)])
    await clips.update_clip_statuses([ClipStatusChange(clip_id, ClipStatus.COMPLETED) for clip_id in ids[:5]])
    await clips.delete_clip(ids[0])
    await clips._run_deleting(lambda unit: clips._mark_deleted(unit, ids[1]))
    batch = clips._rpc.client.batch()
    for clip_id in ids[2:5]:
        batch.update(clips._clip(clip_id), {"style": "fast"})
    batch.delete(clips._clip(ids[5]))
    batch.delete(clips._clip(ids[6]))
    batch.create(clips._clip(ids[8]), make_clip(9).to_document())
    batch.create(clips._clip(ids[9]), make_clip(10).to_document())
    await batch.commit()
    await clips._clip(ids[1]).delete()
    await clips.create_clip(make_clip(1, style="fast"))
    await clips.delete_clip(ids[8])
    await clips._clip(ids[3]).update({"style": "split"})
    await clips.create_clips_batch([make_clip(11), make_clip(12, style="fast")])


async def record(subscription: Subscription, last_id: str, has_begun: asyncio.Event) -> States:
    """The state after each change, up to the one of this document."""
    mirror = Mirror()
    states: States = [("", {})]
    while last_id not in mirror.models:
        mirror.apply(await mirror.told.next(subscription))
        states.append((mirror.told.version, dict(mirror.models)))
        has_begun.set()
    return states


@pytest.mark.parametrize("style", [None, "split"])
async def test_from_every_version_there_is_a_way_to_the_present(
    style: str | None,
    listener: Listener,
    returned_to: Listener,
    clips: ClipRepository,
    make_clip: MakeClip,
) -> None:
    """From any last change, also within a commit, nothing is lost, and nothing told that was known."""
    subscription = listener.watch_clips(clips.user_id, "v", style)
    has_begun = asyncio.Event()
    await clips.create_clip(make_clip(13))
    recording = asyncio.create_task(record(subscription, make_clip(11).clip_id, has_begun))
    await has_begun.wait()
    await change_much(clips, make_clip)
    states = await recording
    assert len(states) > 15
    stored = {clip.clip_id: clip for clip in await clips.list_clips(style=style)}
    for version, models in states[1:]:
        mirror = Mirror()
        mirror.models, mirror.told = dict(models), Told(version)
        async with returned_to.watch_clips(clips.user_id, "v", style, after=version) as again:
            await mirror.follow(again, stored)
            while mirror.models != stored:
                await mirror.follow(again, count=1)
            await assert_silent(again)


async def test_nothing_is_read_for_those_who_are_remembered(
    listener: Listener, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A subscriber that returns to the same process learns of a delete without a read."""
    subscription = listener.watch_clips(clips.user_id, "v")
    for number in range(1, 4):
        await clips.create_clip(make_clip(number))
    await told.take(subscription, 3)
    await clips.delete_clip(make_clip(2).clip_id)
    await Told().take(subscription, 1)
    before = listener.documents_read
    async with listener.watch_clips(clips.user_id, "v", after=told.version) as again:
        assert await told.take(again) == ["removed 02"]
    assert listener.documents_read == before


async def test_many_who_come_back_cost_one_look_into_the_past(
    listener: Listener, open_listener: OpenListener, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A hundred subscribers that return with one version cost one read of the past."""
    async with listener.watch_clips(clips.user_id, "v") as subscription:
        await clips.create_clip(make_clip())
        await told.take(subscription)
    await clips.delete_clip(make_clip().clip_id)
    restarted = open_listener()
    again = [restarted.watch_clips(clips.user_id, "v", after=told.version) for _ in range(100)]
    for one in again:
        assert await Told(told.version).take(one) == ["removed 01"]
    # The video, now and as a target; the clip twice in the past, at the version and just before it.
    assert restarted.documents_read <= 6


async def test_what_is_forgotten_is_looked_up(
    listener: Listener, clips: ClipRepository, make_clip: MakeClip, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the latest removals are logged."""
    monkeypatch.setattr(removal_log.RemovalLog.__init__, "__defaults__", (2,))
    subscription = listener.watch_clips(clips.user_id, "v")
    await clips.create_clips_batch([make_clip(number) for number in range(1, 6)])
    await told.take(subscription, 5)
    for number in range(1, 5):
        await clips.delete_clip(make_clip(number).clip_id)
    reader = Told(told.version)
    await reader.take(subscription, 4)
    before = listener.documents_read
    with metered(meter := Meter()):
        again = listener.watch_clips(clips.user_id, "v", after=told.version)
    async with again:
        assert sorted(await told.take(again, 4)) == [f"removed 0{number}" for number in range(1, 5)]
    # Counted for whoever came back.
    assert meter.document_reads == listener.documents_read - before > 0


async def delete_video(videos: VideoRepository) -> None:
    """By the repository: marked first, then the clips, then the document."""
    await videos.delete_video("v")


async def mark_video(videos: VideoRepository) -> None:
    """Only marked: its clips are still there."""
    await videos._run_locked(lambda unit: videos._mark_deleted(unit, "v"), None)


@pytest.mark.parametrize("delete", [delete_video, mark_video])
async def test_a_video_deleted_meanwhile_is_told_to_those_who_come_back(
    delete: Callable[[VideoRepository], Awaitable[None]],
    listener: Listener,
    returned_to: Listener,
    videos: VideoRepository,
    clips: ClipRepository,
    make_clip: MakeClip,
) -> None:
    """A subscriber that returns to a deleted video is told its removal and that of the clips it knew."""
    await clips.create_clips_batch([make_clip(1), make_clip(2), make_clip(3, style="fast")])
    video, split = Told(), Told()
    async with listener.watch_video(clips.user_id, "v") as subscription:
        await video.take(subscription)
    async with listener.watch_clips(clips.user_id, "v", "split") as subscription:
        await split.take(subscription, 2)
    await delete(videos)
    assert await video.rest(returned_to.watch_video(clips.user_id, "v", after=video.version)) == ["removed v"]
    again = returned_to.watch_clips(clips.user_id, "v", "split", after=split.version)
    assert sorted(await split.rest(again)) == ["removed 01", "removed 02"]


async def test_half_of_the_removals_are_followed_by_the_rest(
    listener: Listener, returned_to: Listener, videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """A connection may break between the last changes of a deleted video."""
    await clips.create_clips_batch([make_clip(number) for number in range(1, 5)])
    told = Told()
    subscription = listener.watch_clips(clips.user_id, "v")
    await told.take(subscription, 4)
    await videos.delete_video("v")
    first = await told.take(subscription, 2)
    second = await told.rest(returned_to.watch_clips(clips.user_id, "v", after=told.version))
    assert sorted(first + second) == [f"removed 0{number}" for number in range(1, 5)]
    assert await told.rest(returned_to.watch_clips(clips.user_id, "v", after=told.version)) == []


async def test_a_video_that_was_not_there_is_waited_for(
    listener: Listener, videos: VideoRepository, make_video: MakeVideo
) -> None:
    """Coming with a version of another moment makes no difference."""
    after = str(Version(time.time_ns() // 1000, 0))
    async with listener.watch_video(videos.user_id, "v", after=after) as subscription:
        await asyncio.sleep(0.3)
        before = listener.documents_read
        async with listener.watch_video(videos.user_id, "v"):
            await asyncio.sleep(0.3)
            assert listener.documents_read == before  # the past is looked at once
        await videos.create_video(make_video())
        assert await Told(after).take(subscription) == ["added v"]


async def test_an_old_version_is_refused(listener: Listener, clips: ClipRepository, make_clip: MakeClip) -> None:
    """A version from before Firestore's hour raises `VersionTooOldError`."""
    await clips.create_clip(make_clip())
    old = str(Version(time.time_ns() // 1000 - HOUR_MICROS - 1_000_000, 0))
    for after in (old, "0" * 32):
        with pytest.raises(VersionTooOldError):
            await anext(listener.watch_clips(clips.user_id, "v", after=after))


async def test_malformed_versions_and_those_of_the_future_are_refused(listener: Listener) -> None:
    """A version that was never issued raises `InvalidVersionError`."""
    for after in ("", "x", "f" * 32, str(Version(time.time_ns() // 1000 + HOUR_MICROS, 0))):
        with pytest.raises(InvalidVersionError):
            await anext(listener.watch_clips("u", "v", after=after))


@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_version_is_judged_by_firestores_clock(
    listener: Listener, clips: ClipRepository, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Ours may be two hours off: a version of now is taken, and one of in an hour is not."""
    await clips.create_clip(make_clip())
    now, real = time.time_ns() // 1000, time.time_ns
    await clips.create_clip(make_clip(2))
    with monkeypatch.context() as turned:
        turned.setattr(time, "time_ns", lambda: real() + hours * HOUR_MICROS * 1000)
        with pytest.raises(InvalidVersionError):
            await anext(listener.watch_clips(clips.user_id, "v", after=str(Version(now + HOUR_MICROS, 0))))
        after = str(Version(now, 0))
        async with listener.watch_clips(clips.user_id, "v", after=after) as subscription:
            assert await Told(after).take(subscription) == ["added 02"]


async def test_a_version_that_is_a_little_ahead_is_waited_for(
    listener: Listener, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """As of a machine whose clock is: what comes after it is told."""
    await clips.create_clip(make_clip(1))
    for number, seconds in ((2, 0.5), (4, 5), (6, 50)):
        ahead = int((time.time() + seconds) * 1e6)
        async with listener.watch_clips(clips.user_id, "v", after=str(Version(ahead, 0))) as subscription:
            await clips.create_clip(make_clip(number))
            written = await clips._clip(make_clip(number).clip_id).get()
            if written.update_time.timestamp() * 1e6 >= ahead:
                continue  # this machine took longer for it
            await asyncio.sleep(ahead / 1e6 - time.time() + 0.1)
            await clips.create_clip(make_clip(number + 1))
            assert await Told(str(Version(ahead, 0))).take(subscription) == [f"added 0{number + 1}"]
            return
    raise AssertionError("One write took a minute.")


async def test_whoever_watches_what_is_quiet_can_come_back(
    listener: Listener,
    returned_to: Listener,
    clips: ClipRepository,
    make_clip: MakeClip,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The present state has the time as of which it was told, and not only that of its last change."""
    await clips.create_clip(make_clip(1))
    # The last change is older than what Firestore remembers, and the time as of which it is told is not.
    written_at = datetime.now(UTC)
    async with listener.watch_clips(clips.user_id, "v") as subscription:
        await told.take(subscription)
    monkeypatch.setattr(PastReader, "_read", _read_since(written_at, PastReader._read))
    await clips.create_clip(make_clip(2))
    async with returned_to.watch_clips(clips.user_id, "v", after=told.version) as again:
        assert await told.take(again) == ["added 02"]


def _read_since(moment: datetime, read: Any) -> Any:
    """A Firestore that remembers nothing older than the moment."""

    async def read_lately(self: PastReader, target: AnyTarget, read_time: datetime, token: str) -> Any:
        if read_time < moment:
            raise FailedPrecondition("too old")
        return await read(self, target, read_time, token)

    return read_lately


async def test_a_process_that_is_behind_catches_up_first(
    listener: Listener,
    open_listener: OpenListener,
    listen_proxy: ListenProxy,
    clips: ClipRepository,
    make_clip: MakeClip,
    told: Told,
) -> None:
    """A version that another process has told already is no error here, and what it had is not told again."""
    slow = open_listener(listen_proxy.host_port)
    subscription, warm = listener.watch_clips(clips.user_id, "v"), slow.watch_clips(clips.user_id, "v")
    await clips.create_clip(make_clip(1))
    await told.take(subscription)
    await Told().take(warm)
    listen_proxy.hold()
    await clips.create_clip(make_clip(2))
    assert await told.take(subscription) == ["added 02"]
    again = slow.watch_clips(clips.user_id, "v", after=told.version)
    await assert_silent(again)
    await clips.create_clip(make_clip(3))
    listen_proxy.release()
    assert await told.take(again) == ["added 03"]


async def test_whoever_was_too_slow_can_come_again(
    open_listener: OpenListener, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """With the last version that it got. Those who keep up hear nothing of it."""
    listener = open_listener(max_waiting_changes=2)
    slow, quick = [listener.watch_clips(clips.user_id, "v") for _ in range(2)]
    reader = Told()
    for number in range(1, 6):
        await clips.create_clip(make_clip(number))
        assert await reader.take(quick) == [f"added 0{number}"]
        if number == 1:
            assert await told.take(slow) == ["added 01"]
    with pytest.raises(SubscriberTooSlowError):
        await anext(slow)
    async with listener.watch_clips(clips.user_id, "v", after=told.version) as again:
        assert await told.take(again, 4) == ["added 02", "added 03", "added 04", "added 05"]
    await clips.create_clip(make_clip(6))
    assert await reader.take(quick) == ["added 06"]


async def test_the_present_state_does_not_grow_old(
    listener: Listener,
    videos: VideoRepository,
    clips: ClipRepository,
    make_clip: MakeClip,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A subscriber that comes later to an unchanged target gets a later time."""
    monkeypatch.setattr(fan_out, "INITIAL_MICROS", 1)
    await clips.create_clip(make_clip())
    first, second, video = Told(), Told(), Told()
    async with listener.watch_video(clips.user_id, "v") as subscription:
        await video.take(subscription)
        async with listener.watch_clips(clips.user_id, "v") as clips_before:
            await first.take(clips_before)
        await videos.update_video("v", {"video_title": "Another"})
        await video.take(subscription)
        async with listener.watch_clips(clips.user_id, "v") as clips_after:
            await second.take(clips_after)
    assert second.version[:16] == video.version[:16] > first.version[:16]


async def test_whoever_was_too_slow_is_forgotten(
    open_listener: OpenListener, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """And so is the target that nobody else watches."""
    listener = open_listener(max_waiting_changes=1, linger_seconds=0.0)
    slow = listener.watch_clips(clips.user_id, "v")
    await clips.create_clip(make_clip(1))
    await told.take(slow)
    for number in range(2, 5):
        await clips.create_clip(make_clip(number))
    await wait_until(lambda: listener.targets_count == 0)
    with pytest.raises(SubscriberTooSlowError):
        await anext(slow)


async def test_nobody_looks_into_the_past_for_those_who_have_left(
    open_listener: OpenListener, clips: ClipRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Firestore does not answer."""

    async def wait(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(PastReader, "read", wait)
    listener = open_listener(linger_seconds=0.0)
    subscription = listener.watch_video(clips.user_id, "v", after=str(Version(time.time_ns() // 1000 - 1_000_000, 0)))
    (fan_out,) = listener._fan_outs.values()
    await wait_until(lambda: fan_out._tasks)
    await subscription.close()
    await wait_until(lambda: not fan_out._tasks)
