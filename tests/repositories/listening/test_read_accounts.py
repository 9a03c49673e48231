"""The reads before the first change: the subscriber charged, the pages that are read, and the size that is kept."""

import asyncio
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from repositories.clips import ClipRepository
from repositories.exceptions import FollowsTooMuchError, TooManyDocumentsError
from repositories.firestore.metering import Meter, metered
from repositories.listening import listener as listeners
from repositories.listening.decoding import DocumentDecoder
from repositories.listening.fan_out import FanOut
from repositories.listening.listener import Listener
from repositories.listening.past_reader import MAX_READS_PER_USER, PastReader
from repositories.listening.read_accounts import ReadAccount
from repositories.listening.subscriptions import Subscription
from repositories.listening.target_state import TargetState
from repositories.listening.targets import AnyTarget, ClipsTarget
from repositories.listening.versions import Version
from tests.repositories.conftest import MakeClip
from tests.repositories.listening.conftest import OpenListener
from tests.repositories.listening.test_target_state import make_document
from tests.repositories.listening.watchers import Told, wait_until

CLIPS = 5


@pytest.fixture
async def stored(clips: ClipRepository, make_clip: MakeClip) -> ClipRepository:
    """A video with five clips."""
    await clips.create_clips_batch([make_clip(number) for number in range(1, CLIPS + 1)])
    return clips


def watch(listener: Listener, clips: ClipRepository, after: str | None = None) -> tuple[Subscription, Meter]:
    """A subscription to the video's clips, and what is counted for whoever opened it."""
    with metered(meter := Meter()):
        return listener.watch_clips(clips.user_id, "v", after=after), meter


async def test_who_opens_pays_and_who_joins_does_not(listener: Listener, stored: ClipRepository) -> None:
    """The clips and their video."""
    opened, opener = watch(listener, stored)
    await Told().take(opened, CLIPS)
    joined, joiner = watch(listener, stored)
    await Told().take(joined, CLIPS)
    assert opener.document_reads == listener.documents_read == CLIPS + 1
    assert joiner.document_reads == 0


async def test_only_who_paid_for_a_state_has_paid_for_its_changes(
    listener: Listener, stored: ClipRepository, make_clip: MakeClip
) -> None:
    """The first state is prepaid for the subscriber that opened the target, and nothing else is."""
    opened, _ = watch(listener, stored)
    joined, _ = watch(listener, stored)
    for subscription, is_prepaid in ((opened, True), (joined, False)):
        await Told().take(subscription, CLIPS)
        assert subscription.is_last_prepaid is is_prepaid
    await stored.create_clip(make_clip(CLIPS + 1))
    await Told().take(opened)
    assert opened.is_last_prepaid is False


async def test_who_opens_and_leaves_pays_each_time(open_listener: OpenListener, stored: ClipRepository) -> None:
    """Though nothing was told them."""
    listener = open_listener(linger_seconds=0.3)
    charged = 0
    for _ in range(4):
        subscription, meter = watch(listener, stored)
        await subscription.close()
        await wait_until(lambda: not listener.targets_count)
        charged += meter.document_reads
    assert charged == listener.documents_read == 4 * (CLIPS + 1)


async def test_who_comes_back_before_it_is_forgotten_reads_nothing(listener: Listener, stored: ClipRepository) -> None:
    """A subscriber that returns while the target lingers causes no read."""
    for _ in range(4):
        subscription, _ = watch(listener, stored)
        await Told().take(subscription, CLIPS)
        await subscription.close()
    assert listener.documents_read == CLIPS + 1


async def test_what_is_empty_costs_a_read(listener: Listener, clips: ClipRepository) -> None:
    """As Firestore bills it."""
    with metered(meter := Meter()):
        subscription = listener.watch_clips(clips.user_id, "nothing")
    await wait_until(lambda: subscription.is_read)
    assert meter.document_reads == 2


async def test_who_has_opened_very_much_opens_no_more(open_listener: OpenListener, stored: ClipRepository) -> None:
    """Until it is forgotten; what is there already can be joined, and others open what they like."""
    listener = open_listener(max_documents_per_account=CLIPS + 1, linger_seconds=0.0)
    opened, _ = watch(listener, stored)
    await Told().take(opened, CLIPS)
    before = listener.documents_read
    with pytest.raises(FollowsTooMuchError) as refused:
        await anext(listener.watch_videos(stored.user_id))
    assert refused.value.limit == CLIPS + 1
    assert listener.documents_read == before
    joined, _ = watch(listener, stored)
    await Told().take(joined, CLIPS)
    assert (
        await anext(listener.watch_videos(stored.user_id, account=ReadAccount("another", lambda _: None)))
    ).id == "v"
    for subscription in (opened, joined):
        await subscription.close()
    await wait_until(lambda: listener.targets_count == 1)
    again, _ = watch(listener, stored)
    assert await Told().take(again, CLIPS)


async def find_version(open_listener: OpenListener, clips: ClipRepository, make_clip: MakeClip) -> str:
    """A version of which only Firestore knows: another process told it, and a clip was deleted since."""
    told = Told()
    other = open_listener()
    async with other.watch_clips(clips.user_id, "v") as subscription:
        await told.take(subscription, CLIPS)
    await clips.delete_clip(make_clip(1).clip_id)
    return told.version


async def test_who_comes_back_pays_for_the_past(
    listener: Listener, open_listener: OpenListener, stored: ClipRepository, make_clip: MakeClip
) -> None:
    """Twice the clips and the video: at the version and before it; whoever waits for the same does not."""
    version = await find_version(open_listener, stored, make_clip)
    present, _ = watch(listener, stored)
    await Told().take(present, CLIPS - 1)
    before = listener.documents_read
    again, meter = watch(listener, stored, version)
    beside, nothing = watch(listener, stored, version)
    for subscription in (again, beside):
        assert await Told(version).take(subscription) == ["removed 01"]
    assert meter.document_reads == listener.documents_read - before == 2 * (CLIPS + 1)
    assert nothing.document_reads == 0


class SlowPast:
    """A past of many pages, each of which is read when it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[str] = []
        self._may_go = asyncio.Semaphore(0)
        past = self

        async def read(self: PastReader, target: AnyTarget, read_time: datetime, token: str) -> Any:  # noqa: ARG001
            past.read.append(target.user_id)
            await past._may_go.acquire()
            return [], "more"

        monkeypatch.setattr(PastReader, "_read", read)

    def go(self, pages: int = 1) -> None:
        """Lets so many more pages be read."""
        for _ in range(pages):
            self._may_go.release()


async def test_a_past_that_nobody_waits_for_is_read_no_further(
    listener: Listener,
    open_listener: OpenListener,
    stored: ClipRepository,
    make_clip: MakeClip,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page that was on its way is paid for; the target lingers."""
    version = await find_version(open_listener, stored, make_clip)
    past = SlowPast(monkeypatch)
    (first, account), (second, _) = watch(listener, stored, version), watch(listener, stored, version)
    await wait_until(lambda: len(past.read) == 1)
    await first.close()
    past.go()
    await wait_until(lambda: len(past.read) == 2)
    paid = account.document_reads
    await second.close()
    past.go(10)
    await wait_until(lambda: account.document_reads == paid + 1)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(past.read) == 2
    assert listener.targets_count == 2


async def test_users_take_turns_with_the_past(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many versions one of them comes back with."""
    past = SlowPast(monkeypatch)
    past_reader = listener._past_reader

    def read(user_id: str, number: int) -> asyncio.Task[Any]:
        account = ReadAccount(user_id, lambda _: None)
        return asyncio.create_task(
            past_reader.read(ClipsTarget(user_id, "v"), None, Version(10**6 + number, 0), account)
        )

    tasks = [read("greedy", number) for number in range(40)]
    await wait_until(lambda: len(past.read) == MAX_READS_PER_USER)
    tasks += [read("modest", number) for number in range(2)]
    await wait_until(lambda: past.read.count("modest") == 2)
    assert past.read.count("greedy") == MAX_READS_PER_USER
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def refuse(subscription: Subscription) -> int:
    """The limit with which the subscription ends."""
    with pytest.raises(TooManyDocumentsError) as caught:
        await anext(subscription)
    return caught.value.limit


async def test_a_target_that_is_too_large_is_refused(
    open_listener: OpenListener, stored: ClipRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first subscriber is charged for the reads; it is not read again for a while, and nothing is kept."""
    listener = open_listener(max_documents=CLIPS - 1, linger_seconds=0.0)
    opened, meter = watch(listener, stored)
    assert await refuse(opened) == CLIPS - 1
    await wait_until(lambda: meter.document_reads == listener.documents_read)
    before = listener.documents_read
    assert before >= CLIPS
    again, _ = watch(listener, stored)
    assert await refuse(again) == CLIPS - 1
    assert (listener.documents_read, listener.targets_count) == (before, 0)
    monkeypatch.setattr(listeners, "TOO_LARGE_SECONDS", 0.0)
    for timer in listener._too_large.values():
        timer.cancel()
    listener._too_large.clear()
    assert await refuse(watch(listener, stored)[0]) == CLIPS - 1
    await wait_until(lambda: not listener._too_large)


async def test_a_target_of_just_that_size_is_told_until_it_grows(
    open_listener: OpenListener, stored: ClipRepository, make_clip: MakeClip
) -> None:
    """A target at the limit is told, and refused once it has a document more."""
    listener = open_listener(max_documents=CLIPS)
    subscription, _ = watch(listener, stored)
    await Told().take(subscription, CLIPS)
    await stored.create_clip(make_clip(CLIPS + 1))
    assert await refuse(subscription) == CLIPS
    await wait_until(lambda: listener.targets_count == 0)


async def test_a_past_that_is_too_large_is_refused(
    open_listener: OpenListener, stored: ClipRepository, make_clip: MakeClip
) -> None:
    """Clips that were there then and are gone now count as well."""
    version = await find_version(open_listener, stored, make_clip)
    subscription, _ = watch(open_listener(max_documents=CLIPS - 1), stored, version)
    assert await refuse(subscription) == CLIPS - 1


@pytest.fixture
def count_decoded(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many documents were decoded."""
    decoded: list[object] = []
    for name in ("read_state", "decode"):
        original: Any = getattr(DocumentDecoder, name)

        def count(*arguments: Any, original: Any = original) -> Any:
            decoded.append(None)
            return original(*arguments)

        monkeypatch.setattr(DocumentDecoder, name, count)
    return lambda: len(decoded)


async def test_a_state_is_decoded_as_it_is_told(count_decoded: Callable[[], int]) -> None:
    """A message a turn of the event loop: what makes the state, and what begins a subscription, decodes nothing."""
    state = TargetState(ClipsTarget("u", "v"))
    state.ask()
    fan_out = FanOut(state, None, None, lambda _: None)  # type: ignore[arg-type]  # nobody comes back
    state.watchers.add(fan_out)
    subscription = Subscription()
    fan_out.add(subscription)
    for number in range(200):
        state.change(make_document(f"clip{number}", number + 1))
    assert count_decoded() == 200
    state.advance(1_000)
    fan_out.tell()
    assert count_decoded() == 200
    assert [(await anext(subscription)).model is not None for _ in range(200)] == [True] * 200
    assert count_decoded() == 400


def test_a_document_takes_a_kilobyte() -> None:
    """Of a target's memory, with all that finds it; its model would take three."""
    state = TargetState(ClipsTarget("u", "v"))
    state.ask()
    messages = [make_document(f"clip_{number:04}", number + 1, scene_title="x" * 200) for number in range(1_100)]
    for message in messages[:100]:
        state.change(message)  # what is made once for all is there
    tracemalloc.start()
    try:
        for message in messages[100:]:
            state.change(message)
        state.advance(2_000)
        state.changes = ()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(state.documents) == 1_100
    assert held / 1_000 < 1_024
