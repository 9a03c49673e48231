"""Lanes: nobody's calls keep another's, or another kind's, from running; and who gives up gains nothing by it."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from storage.exceptions import ObjectNotFoundError
from storage.lanes import LANE_SIZES, Lane, LaneName, LaneSize, R2Usage, using_r2
from storage.r2 import R2Storage
from tests.storage.proxies import SilentGets

SIZE = LaneSize(threads=4, per_caller=2)


class Gate:
    """Calls that run until they are let go, and how many of them run."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.running = threading.Semaphore(0)
        self.begun = 0

    def call(self) -> str:
        """Runs until the gate opens."""
        self.begun += 1
        self.running.release()
        self.opened.wait()
        return "let go"

    async def wait_for(self, count: int) -> None:
        """Waits until this number of further calls has begun."""
        for _ in range(count):
            await asyncio.to_thread(self.running.acquire)


@pytest.fixture
def lane() -> Iterator[Lane]:
    """A small lane."""
    lane = Lane(LaneName.READS, SIZE)
    yield lane
    lane.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Opened at the end, whatever happens: threads outlive a test otherwise."""
    gate = Gate()
    yield gate
    gate.opened.set()


def begin(lane: Lane, caller: str, call: Callable[[], str]) -> asyncio.Task[str]:
    """A call of this caller, which has begun or waits."""
    with using_r2(R2Usage(caller)):
        return asyncio.create_task(lane.run(call))


async def let_others_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_callers_calls_fill_their_share_and_no_more(lane: Lane, gate: Gate) -> None:
    """The third of one caller waits, while another's first is answered."""
    mine = [begin(lane, "mine", gate.call) for _ in range(6)]
    await gate.wait_for(SIZE.per_caller)
    assert await begin(lane, "yours", lambda: "answered") == "answered"
    assert gate.begun == SIZE.per_caller
    gate.opened.set()
    assert await asyncio.gather(*mine) == ["let go"] * 6
    await let_others_run()
    assert lane.callers == 0


async def test_a_call_that_is_cancelled_while_it_waits_never_runs(lane: Lane, gate: Gate) -> None:
    """Its place in the line is gone with it."""
    running = [begin(lane, "mine", gate.call) for _ in range(SIZE.per_caller)]
    await gate.wait_for(SIZE.per_caller)
    waiting = begin(lane, "mine", gate.call)
    await let_others_run()
    waiting.cancel()
    await asyncio.wait([waiting])
    gate.opened.set()
    await asyncio.gather(*running)
    assert waiting.cancelled()
    assert gate.begun == SIZE.per_caller
    await let_others_run()
    assert lane.callers == 0


async def test_who_hangs_up_keeps_their_place_until_the_thread_is_free(lane: Lane, gate: Gate) -> None:
    """Otherwise hanging up again and again would take all threads."""
    for task in [begin(lane, "mine", gate.call) for _ in range(SIZE.per_caller)]:
        await gate.wait_for(1)
        task.cancel()
        await asyncio.wait([task])
    again = begin(lane, "mine", gate.call)
    await let_others_run()
    assert (gate.begun, again.done()) == (SIZE.per_caller, False)
    gate.opened.set()
    assert await again == "let go"


async def test_a_deadline_counts_while_a_call_waits(lane: Lane, gate: Gate) -> None:
    """Callers wait on the event loop, and no thread has to end first."""
    _ = [begin(lane, "mine", gate.call) for _ in range(SIZE.per_caller)]
    await gate.wait_for(SIZE.per_caller)
    with using_r2(R2Usage("mine")), pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await lane.run(gate.call)
    assert gate.begun == SIZE.per_caller


async def test_calls_without_a_caller_take_all_threads(lane: Lane, gate: Gate) -> None:
    """Commands of this machine have the lanes for themselves."""
    tasks = [asyncio.create_task(lane.run(gate.call)) for _ in range(SIZE.threads)]
    await gate.wait_for(SIZE.threads)
    gate.opened.set()
    await asyncio.gather(*tasks)


async def test_reads_that_hang_keep_no_check_and_no_change_waiting(
    storage: R2Storage, make_storage: Callable[..., R2Storage], folder: str
) -> None:
    """S3 answers no GET at all: two callers fill the lane of reads, and HEAD, PUT and DELETE go on."""
    await storage.put(f"{folder}/a", b"x")
    proxy = SilentGets(storage.presign_get("a"))
    async with proxy.run() as address:
        slow = make_storage(endpoint_url=address, timeout_seconds=60)
        reads = []
        for caller in ("mine", "yours"):
            with using_r2(R2Usage(caller)):
                reads += [asyncio.create_task(slow.get(f"{folder}/{n}", max_bytes=9)) for n in range(50)]
        for _ in range(LANE_SIZES[LaneName.READS].threads):
            await proxy.held.get()
        usage = R2Usage("yours")
        with using_r2(usage):
            assert await slow.head(f"{folder}/a")
            await slow.put(f"{folder}/b", b"y")
            await slow.delete([f"{folder}/b"])
            assert await slow.head(f"{folder}/b") is None
        assert proxy.held.empty()
        assert usage.calls == 4
        assert not any(read.done() for read in reads)
        for read in reads:
            read.cancel()
        await asyncio.wait(reads)


async def test_calls_are_counted_for_their_caller(storage: R2Storage, folder: str) -> None:
    """Each request to R2 counts once, pages of lists and objects that are missing included; signing counts none."""
    usage = R2Usage("mine")
    with using_r2(usage):
        storage.presign_get(f"{folder}/a")
        await storage.put(f"{folder}/a", b"x")
        assert usage.calls == 1
        assert len([found async for found in storage.list(f"{folder}/")]) == 1
        assert usage.calls == 2
        with pytest.raises(ObjectNotFoundError):
            await storage.get(f"{folder}/b", max_bytes=9)
        assert await storage.delete_prefix(f"{folder}/") == 1
    assert usage.calls == 5


@pytest.mark.parametrize("lane", LaneName)
def test_a_caller_has_at_most_half_of_a_lane(lane: LaneName) -> None:
    """A caller that asks for a thousand files leaves threads to others."""
    assert LANE_SIZES[lane].per_caller * 2 <= LANE_SIZES[lane].threads
