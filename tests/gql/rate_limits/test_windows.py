"""Windows of very many callers: what a call costs, what they weigh, and which clock they go by."""

import importlib.util
import sys
import time
import tracemalloc
from types import FrameType
from typing import Any

import pytest

from gql.permissions import API_KEY, Principal, Role
from gql.rate_limits.budgets import Budgets
from gql.rate_limits.windows import SECONDS_PER_WINDOW, MemoryWindows
from settings import Settings
from tests.patience import PATIENCE_SECONDS

CALLERS = 100_000
MAX_BYTES = 50 * 2**20
ISSUER = "https://securetoken.google.com/some-project"
USER = frozenset({Role.USER})


class Clock:
    """A clock that the test holds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The seconds that the test says."""
        return self.now


async def fill(windows: MemoryWindows, callers: int) -> None:
    for number in range(callers):
        await windows.add(f"{ISSUER} user-{number:028}", requests=1, document_reads=1_000)


async def count_lines(windows: MemoryWindows, caller: str) -> int:
    """How many lines of Python run for one request: the same on every machine."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        del frame, argument
        lines += event == "line"
        return trace

    sys.settrace(trace)
    try:
        await windows.add(caller, requests=1)
    finally:
        sys.settrace(None)
    return lines


async def test_a_request_costs_the_same_with_one_caller_and_with_a_hundred_thousand() -> None:
    """Also at the moment when all of their windows have just ended."""
    clock = Clock()
    windows = MemoryWindows(clock)
    await fill(windows, 1)
    alone = await count_lines(windows, "one more")
    await fill(windows, CALLERS)
    assert await count_lines(windows, "another") <= alone * 1.1
    clock.now += SECONDS_PER_WINDOW
    assert await count_lines(windows, "a third") <= alone * 2


async def test_windows_of_a_hundred_thousand_callers_take_less_than_50_mib() -> None:
    """Each with requests and reads, and ids as long as Firebase's."""
    windows = MemoryWindows()
    tracemalloc.start()
    try:
        await fill(windows, CALLERS)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < MAX_BYTES


async def test_windows_that_have_ended_are_let_go() -> None:
    """However many callers come once, what is held is what came within a minute."""
    clock = Clock()
    windows = MemoryWindows(clock)
    for minute in range(5):
        clock.now += SECONDS_PER_WINDOW
        for number in range(1_000):
            await windows.add(f"minute {minute} caller {number}", requests=1)
    assert len(windows._windows) == len(windows._by_age) == 1_000


async def test_a_caller_who_comes_every_minute_has_one_window() -> None:
    """A caller of a hundred minutes has one window in memory."""
    clock = Clock()
    windows = MemoryWindows(clock)
    for _ in range(100):
        clock.now += SECONDS_PER_WINDOW
        assert (await windows.add("regular", requests=1)).requests == 1
        assert (await windows.add("regular", requests=1)).requests == 2
    assert len(windows._by_age) == 1


def load_anew(name: str) -> Any:
    """The module once more, beside the one that all others use."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_a_clock_that_is_set_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours back or forward: no caller waits longer for their budget, and none has it back before."""
    real, offset = time.time, [0]
    monkeypatch.setattr(time, "time", lambda: real() + offset[0])
    # Loaded anew: the clock is a default argument, which names its function when the module is loaded.
    windows = load_anew("gql.rate_limits.windows").MemoryWindows()
    budgets = Budgets(Settings(requests_per_minute_user=10), windows)
    alice = Principal("alice", USER)
    before = await budgets.admit(alice)
    for offset[0] in (-7200, 7200):
        after = await budgets.admit(alice)
        assert after.remaining == before.remaining - 1
        assert 0 <= before.reset_seconds - after.reset_seconds <= PATIENCE_SECONDS
        before = after


async def test_a_user_and_an_api_key_of_one_name_have_two_budgets() -> None:
    """And so have users of one id whose issuers are not the same."""
    budgets = Budgets(Settings(requests_per_minute_user=1, requests_per_minute_worker=1))
    callers = [
        Principal("farm", USER, issuer=ISSUER),
        Principal("farm", USER, issuer="https://accounts.google.com"),
        Principal("farm", frozenset({Role.WORKER}), issuer=API_KEY),
        Principal("farm", USER),
    ]
    assert [(await budgets.admit(caller)).remaining for caller in callers] == [0, 0, 0, 0]
    await budgets.admit_anonymous("farm")
    for caller in callers:
        with budgets.running(caller, 100_000):
            pass
