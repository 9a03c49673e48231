"""Streams that break, are refused, fall silent or lose their way: subscribers hear of nothing but a delay."""

import asyncio
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.cloud.firestore_v1.types import ListenResponse

from repositories.clips import ClipRepository
from repositories.exceptions import UnavailableError
from repositories.firestore import backoff
from repositories.listening import watch_stream
from repositories.listening.listener import Listener
from repositories.listening.subscriptions import Subscription
from repositories.listening.target_state import TargetState
from repositories.videos import VideoRepository
from tests.repositories.conftest import MakeClip
from tests.repositories.listening.conftest import OpenListener
from tests.repositories.listening.proxies import Link, ListenProxy
from tests.repositories.listening.watchers import Told, assert_silent, wait_until

INVALID_ARGUMENT, PERMISSION_DENIED, FAILED_PRECONDITION, UNAVAILABLE = 3, 7, 9, 14
REMOVE, CURRENT = 2, 3


@pytest.fixture(autouse=True)
def _is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the wait before the next attempt short."""
    monkeypatch.setattr(backoff, "STREAM_BACKOFF", replace(backoff.STREAM_BACKOFF, first_seconds=0.05))


@pytest.fixture
def proxied(open_listener: OpenListener, listen_proxy: ListenProxy) -> Listener:
    """A listener behind the proxy."""
    return open_listener(listen_proxy.host_port)


@pytest.fixture
async def watched(proxied: Listener, clips: ClipRepository, make_clip: MakeClip, told: Told) -> Subscription:
    """A subscriber to three clips of the video `v`, which has got them."""
    await clips.create_clips_batch([make_clip(number) for number in range(1, 4)])
    subscription = proxied.watch_clips(clips.user_id, "v")
    await told.take(subscription, 3)
    return subscription


async def change_unseen(proxy: ListenProxy, clips: ClipRepository, make_clip: MakeClip) -> None:
    """One clip goes, one comes, and one changes, while the stream is broken."""
    proxy.refuse = lambda _: grpc.StatusCode.UNAVAILABLE
    proxy.break_off(grpc.StatusCode.UNAVAILABLE)
    await clips.delete_clip(make_clip(1).clip_id)
    await clips.create_clip(make_clip(4))
    await clips._clip(make_clip(2).clip_id).update({"scene_title": "Another"})
    proxy.refuse = lambda _: None


async def assert_told_once(told: Told, subscription: Subscription) -> None:
    """The subscriber was told what `change_unseen` did, each once."""
    assert sorted(await told.take(subscription, 3)) == ["added 04", "modified 02", "removed 01"]
    await assert_silent(subscription)


def count_without_token(proxy: ListenProxy) -> int:
    """How often a target was asked for as a whole."""
    return len([1 for request in proxy.requests if request.HasField("add_target") and not _has_token(request)])


def _has_token(request: Any) -> bool:
    return bool(request.add_target.resume_token)


def refuse(request: Any, code: int) -> Any:
    """The answer that refuses a target."""
    change = {"target_change_type": REMOVE, "target_ids": [request.add_target.target_id], "cause": {"code": code}}
    return ListenResponse.pb()(target_change=change)


async def test_a_broken_stream_goes_on_by_its_token(
    watched: Subscription, listen_proxy: ListenProxy, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A stream that breaks resumes by its token, and tells each change once."""
    await change_unseen(listen_proxy, clips, make_clip)
    await assert_told_once(told, watched)
    assert count_without_token(listen_proxy) == 2


async def test_a_cut_connection_reads_nothing_again(
    open_listener: OpenListener, link: Link, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A connection that is cut costs only the reads of what changed meanwhile."""
    await clips.create_clips_batch([make_clip(number) for number in range(1, 4)])
    listener = open_listener(link.host_port)
    subscription = listener.watch_clips(clips.user_id, "v")
    await told.take(subscription, 3)
    before = listener.documents_read
    assert link.cut() >= 2
    await clips.create_clip(make_clip(4))
    assert await told.take(subscription) == ["added 04"]
    assert listener.documents_read - before <= 2  # the clip, and its video, which it has changed


async def test_nothing_is_left_of_a_stream_that_nobody_needs(
    open_listener: OpenListener, link: Link, clips: ClipRepository, told: Told
) -> None:
    """No connection, and no task."""
    listener = open_listener(link.host_port, linger_seconds=0.0)
    before = len(asyncio.all_tasks())
    async with listener.watch_video(clips.user_id, "v") as subscription:
        await told.take(subscription)
        assert link.open_connections == 1
    await wait_until(lambda: not link.open_connections)
    await wait_until(lambda: len(asyncio.all_tasks()) == before)


async def test_a_reset_tells_only_what_differs(
    watched: Subscription, listen_proxy: ListenProxy, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """Firestore forgets a token after half an hour: it says so, and tells everything."""

    def spoil(request: Any) -> None:
        if _has_token(request):
            request.add_target.resume_token = b"of another database"

    listen_proxy.alter = spoil
    await change_unseen(listen_proxy, clips, make_clip)
    await assert_told_once(told, watched)


@pytest.mark.parametrize("code", [INVALID_ARGUMENT, FAILED_PRECONDITION])
async def test_a_refused_token_is_given_up(
    code: int,
    watched: Subscription,
    listen_proxy: ListenProxy,
    clips: ClipRepository,
    make_clip: MakeClip,
    told: Told,
) -> None:
    """A target whose token is refused is loaded whole, and tells each change once."""
    listen_proxy.answer = lambda request: refuse(request, code) if _has_token(request) else None
    await change_unseen(listen_proxy, clips, make_clip)
    await assert_told_once(told, watched)
    assert count_without_token(listen_proxy) == 4


async def test_tokens_that_end_the_stream_are_given_up(
    watched: Subscription, listen_proxy: ListenProxy, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A stream that ends over its tokens goes on without them."""
    listen_proxy.break_off(grpc.StatusCode.INVALID_ARGUMENT)
    await clips.create_clip(make_clip(4))
    assert await told.take(watched) == ["added 04"]
    assert count_without_token(listen_proxy) == 4


async def test_a_target_that_is_refused_for_now_is_asked_for_again(
    proxied: Listener, listen_proxy: ListenProxy, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A target that is refused for a while is requested until it is told."""
    await clips.create_clip(make_clip())
    refusals = iter([UNAVAILABLE, UNAVAILABLE, UNAVAILABLE])

    def answer(request: Any) -> Any:
        code = next(refusals, None) if request.HasField("add_target") else None
        return None if code is None else refuse(request, code)

    listen_proxy.answer = answer
    assert await told.take(proxied.watch_clips(clips.user_id, "v")) == ["added 01"]


async def test_a_target_that_is_refused_for_good_fails_alone(
    proxied: Listener, listen_proxy: ListenProxy, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A target that is refused for good fails alone, and later subscribers ask anew."""

    def answer(request: Any) -> Any:
        return refuse(request, PERMISSION_DENIED) if request.add_target.HasField("query") else None

    listen_proxy.answer = answer
    video = proxied.watch_video(clips.user_id, "v")
    with pytest.raises(UnavailableError):
        await anext(proxied.watch_clips(clips.user_id, "v"))
    assert await told.take(video) == ["added v"]
    listen_proxy.answer = lambda _: None
    await clips.create_clip(make_clip())
    assert await Told().take(proxied.watch_clips(clips.user_id, "v")) == ["added 01"]
    assert await told.take(video) == ["modified v"]


async def test_a_stream_that_is_refused_for_good_fails_all(
    proxied: Listener, listen_proxy: ListenProxy, clips: ClipRepository, told: Told
) -> None:
    """A stream that is denied fails its subscriptions and is closed; the next one is a new stream."""
    listen_proxy.refuse = lambda _: grpc.StatusCode.PERMISSION_DENIED
    for subscription in (proxied.watch_clips(clips.user_id, "v"), proxied.watch_video(clips.user_id, "v")):
        with pytest.raises(UnavailableError):
            await anext(subscription)
    assert proxied.streams_count == proxied.targets_count == 0
    listen_proxy.refuse = lambda _: None
    assert await told.take(proxied.watch_video(clips.user_id, "v")) == ["added v"]


async def test_whoever_holds_too_much_begins_anew(
    watched: Subscription, listen_proxy: ListenProxy, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A delete that never arrived shows when Firestore counts the documents."""
    listen_proxy.lose = lambda response: response.WhichOneof("response_type") == "document_delete"
    await clips.delete_clip(make_clip(3).clip_id)
    await clips.create_clip(make_clip(4))
    assert await told.take(watched) == ["added 04"]
    listen_proxy.lose = lambda _: False
    listen_proxy.break_off(grpc.StatusCode.UNAVAILABLE)
    assert await told.take(watched) == ["removed 03"]
    await clips.create_clip(make_clip(5))
    assert await told.take(watched) == ["added 05"]
    assert count_without_token(listen_proxy) == 3


async def test_what_made_no_state_is_told_after_the_break(
    watched: Subscription, listen_proxy: ListenProxy, clips: ClipRepository, make_clip: MakeClip, told: Told
) -> None:
    """A stream breaks between a commit's changes and the word that they are all."""
    listen_proxy.lose = lambda response: response.WhichOneof("response_type") == "target_change"
    await clips.create_clips_batch([make_clip(4), make_clip(5)])
    await wait_until(lambda: listen_proxy.told_documents == 5 + 2)
    await assert_silent(watched)
    listen_proxy.lose = lambda _: False
    listen_proxy.break_off(grpc.StatusCode.UNAVAILABLE)
    assert sorted(await told.take(watched, 2)) == ["added 04", "added 05"]
    await assert_silent(watched)


async def test_a_silent_stream_is_left_for_another(
    proxied: Listener,
    listen_proxy: ListenProxy,
    clips: ClipRepository,
    make_clip: MakeClip,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A connection may be dead on one side only."""
    monkeypatch.setattr(watch_stream, "SILENCE_SECONDS", 1.0)
    subscription = proxied.watch_clips(clips.user_id, "v")
    await clips.create_clip(make_clip(1))
    await told.take(subscription)
    listen_proxy.is_mute = True
    before = listen_proxy.opened_streams
    await clips.create_clip(make_clip(2))
    await wait_until(lambda: listen_proxy.opened_streams > before)
    listen_proxy.is_mute = False
    assert await told.take(subscription) == ["added 02"]


async def test_a_connection_that_was_of_use_is_made_again_at_once(
    watched: Subscription,
    listen_proxy: ListenProxy,
    clips: ClipRepository,
    make_clip: MakeClip,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the attempts after that wait."""
    first_seconds = backoff.STREAM_BACKOFF.first_seconds
    monkeypatch.setattr(backoff.Backoff, "compute_seconds", lambda *_: 999.0)
    await asyncio.sleep(2 * first_seconds)
    listen_proxy.break_off(grpc.StatusCode.UNAVAILABLE)
    await clips.create_clip(make_clip(4))
    assert await told.take(watched) == ["added 04"]


async def test_a_video_and_its_clips_go_together(
    watched: Subscription,
    proxied: Listener,
    listener: Listener,
    listen_proxy: ListenProxy,
    videos: VideoRepository,
    told: Told,
) -> None:
    """Until the clips are as far, the video waits: or its end could come before what its clips had been told."""
    here, there = [each.watch_video(videos.user_id, "v") for each in (proxied, listener)]
    readers = Told(), Told()
    for subscription, reader in zip((here, there), readers, strict=True):
        await reader.take(subscription)

    def lose_clips(response: Any) -> bool:
        asked = {request.add_target.target_id for request in listen_proxy.requests if _is_query(request)}
        return response.target_change.target_change_type == CURRENT and asked >= set(response.target_change.target_ids)

    listen_proxy.lose = lose_clips
    listen_proxy.break_off(grpc.StatusCode.UNAVAILABLE)
    await videos.delete_video("v")
    assert await readers[1].rest(there) == ["removed v"]
    await wait_until(lambda: listen_proxy.told_deletes)
    await assert_silent(here)
    listen_proxy.lose = lambda _: False
    listen_proxy.break_off(grpc.StatusCode.UNAVAILABLE)
    assert await readers[0].rest(here) == ["removed v"]
    assert sorted(await told.rest(watched)) == ["removed 01", "removed 02", "removed 03"]


def _is_query(request: Any) -> bool:
    return bool(request.add_target.HasField("query"))


async def test_a_mistake_of_ours_does_not_silence_anybody(
    watched: Subscription,
    proxied: Listener,
    clips: ClipRepository,
    make_clip: MakeClip,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The changes sent by then are unknown: each subscriber has to come again."""

    def fail(_self: TargetState, _name: str, _micros: int) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(TargetState, "remove", fail)
        await clips.delete_clip(make_clip(1).clip_id)
        with pytest.raises(UnavailableError):
            await told.next(watched)
    again = proxied.watch_clips(clips.user_id, "v", after=told.version)
    assert await told.take(again) == ["removed 01"]


def test_backoff_grows_is_bounded_and_random() -> None:
    """A stream waits about a second, then half as long again each time, up to 15 seconds, and never twice the same."""
    slow = replace(backoff.STREAM_BACKOFF, first_seconds=1.0)
    waits = [slow.compute_seconds(attempt) for attempt in range(200)]
    assert 0.5 <= waits[0] <= 1.0
    assert 1.5 <= waits[3] <= 1.5**3
    assert max(waits) <= slow.max_seconds
    assert len(set(waits[20:])) > 100
