"""Clients that go from process to process at any moment end with what is there: simulated, on the real target states.

Every process hears of the same commits, in batches of its own, and of deletes only when they were seen; now and then it
is told only the outcome of several, or everything anew. Times are microseconds that touch.
CLIPGRAPH_LISTEN_HOPS=10000 asks for that many runs.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repositories.listening.changes import ChangeKind
from repositories.listening.fair_queue import FairQueue
from repositories.listening.fan_out import FanOut
from repositories.listening.past_reader import KnownStyles, PastReader
from repositories.listening.read_accounts import ReadAccount
from repositories.listening.subscriptions import Subscription
from repositories.listening.target_state import TargetState
from repositories.listening.targets import AnyTarget, ClipsTarget
from repositories.listening.versions import Version
from tests.embedded.firestore.effort import effort, timeout
from tests.repositories.listening.test_target_state import ROOT, make_document

pytestmark = pytest.mark.prove

HOPS = "LISTEN_HOPS"
START = 1_000  # in microseconds; the first commit may come right after it
TARGET = ClipsTarget("u", "v")
IDS = "abcdef"
STYLES = ("split", "fast")


class Commit(NamedTuple):
    """The writes of one time; None deletes."""

    micros: int
    styles: dict[str, str | None]


class Stored(NamedTuple):
    """A document at some time."""

    style: str
    created: int
    updated: int


class Database:
    """All commits, and so the state at every time."""

    def __init__(self, commits: Iterable[Commit]) -> None:
        self.commits = list(commits)
        self.end = self.commits[-1].micros

    def list_at(self, micros: int) -> dict[str, Stored]:
        """The documents as they were."""
        stored: dict[str, Stored] = {}
        for commit in self.commits:
            if commit.micros > micros:
                break
            for document_id, style in commit.styles.items():
                before = stored.pop(document_id, None)
                if style is not None:
                    created = commit.micros if before is None else before.created
                    stored[document_id] = Stored(style, created, commit.micros)
        return stored

    def check_written_twice(self, after: int, until: int) -> bool:
        """Whether a document was written by two commits between two times."""
        written = [commit.styles.keys() for commit in self.commits if after < commit.micros <= until]
        return sum(map(len, written)) > len(set().union(*written))

    def list_written(self, after: int, until: int) -> dict[str, int]:
        """The documents that were written between two times, and when at last."""
        written: dict[str, int] = {}
        for commit in self.commits:
            if after < commit.micros <= until:
                written |= dict.fromkeys(commit.styles, commit.micros)
        return written


class Past(PastReader):
    """Firestore's memory, which is complete."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = FairQueue(8, 2)

    async def _list(self, target: AnyTarget, micros: int, account: ReadAccount) -> KnownStyles:  # noqa: ARG002  there is only one
        return {document_id: stored.style for document_id, stored in self._database.list_at(micros).items()}


class Process:
    """One process, and as of when it knows the database."""

    def __init__(self, database: Database, micros: int) -> None:
        self._database = database
        self.micros = micros
        self.state = TargetState(TARGET)
        self.fan_out = FanOut(self.state, None, Past(database), lambda _: None)
        self.state.watchers.add(self.fan_out)
        self.state.ask()
        self._tell_all(micros)

    def step(self, micros: int, how: str, seen_late: int) -> None:
        """The process is told what was committed up to a time."""
        until = min(self._database.end, self.micros + micros)
        if how == "reset":
            self.state.reset()
            self._tell_all(until)
            return
        if how == "resumed" or self._database.check_written_twice(self.micros, until):
            self.state.token = b"a token"
            self.state.ask()
        stored = self._database.list_at(until)
        for document_id, written in self._database.list_written(self.micros, until).items():
            if document_id in stored:
                self._tell(document_id, stored[document_id])
            elif how == "live" or document_id in self.state.documents:
                self.state.remove(f"{ROOT}/{document_id}", min(until, written + seen_late))
        self._advance(until)

    def _tell_all(self, micros: int) -> None:
        for document_id, stored in self._database.list_at(micros).items():
            self._tell(document_id, stored)
        self._advance(micros)

    def _tell(self, document_id: str, stored: Stored) -> None:
        self.state.change(make_document(document_id, stored.updated, stored.created, style=stored.style))

    def _advance(self, micros: int) -> None:
        self.micros = micros
        self.state.advance(micros)
        if self.state.changes or self.fan_out.is_eager:
            self.fan_out.tell()
        self.state.changes = ()


@dataclass
class Client:
    """Drops what is not later than the last version it has, and keeps the rest."""

    style: str | None
    version: str | None = None
    known: set[str] = field(default_factory=set)
    subscription: Subscription = field(default_factory=Subscription)

    async def go_to(self, process: Process) -> None:
        """The client watches there."""
        await self.subscription.close()
        after = None if self.version is None else Version.parse(self.version)
        self.subscription = Subscription(self.style, after)
        process.fan_out.add(self.subscription)

    async def take(self, most: int) -> None:
        """At most so many changes that wait are taken."""
        for _ in range(30):
            await asyncio.sleep(0)  # whoever reads the past needs its turns
        while most and (self.subscription._waiting or self.subscription._backlog):
            change = await anext(self.subscription)
            most -= 1
            if self.version is not None and change.version <= self.version:
                raise AssertionError(f"{change} is not later than {self.version}")
            self.version = change.version
            (self.known.discard if change.kind is ChangeKind.REMOVED else self.known.add)(change.id)


@st.composite
def _commits(draw: Any) -> list[Commit]:
    writes = st.dictionaries(st.sampled_from(IDS), st.sampled_from([None, *STYLES]), min_size=1, max_size=4)
    micros, commits = START, []
    for gap, styles in draw(st.lists(st.tuples(st.integers(1, 3), writes), min_size=3, max_size=15)):
        micros += gap
        commits.append(Commit(micros, styles))
    return commits


HOW = ("live", "live", "resumed", "reset")
_PROCESS = st.integers(0, 2)
_ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("step"), _PROCESS, st.integers(0, 6), st.sampled_from(HOW), st.integers(0, 4)),
        st.tuples(st.just("go"), _PROCESS),
        st.tuples(st.just("take"), st.integers(0, 4)),
        st.tuples(st.just("restart"), _PROCESS),
    ),
    max_size=30,
)


async def hop(database: Database, actions: list[tuple[Any, ...]], style: str | None) -> None:
    """The client ends with what is there."""
    processes = [Process(database, START) for _ in range(3)]
    client, at = Client(style), 0
    await client.go_to(processes[0])
    for kind, *arguments in actions:
        if kind == "step":
            number, micros, how, seen_late = arguments
            processes[number].step(micros, how, seen_late)
        elif kind == "go":
            at = arguments[0]
            await client.go_to(processes[at])
        elif kind == "take":
            await client.take(arguments[0])
        elif arguments[0] != at:
            known = processes[arguments[0]].micros
            processes[arguments[0]] = Process(database, known)
    processes[at].step(database.end, "live", seen_late=3)
    await client.take(1_000)
    stored = database.list_at(database.end)
    assert client.known == {key for key, document in stored.items() if style in {None, document.style}}


@timeout(HOPS)
@settings(max_examples=effort(HOPS, 150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(commits=_commits(), actions=_ACTIONS, style=st.sampled_from([None, *STYLES]))
def test_wherever_a_client_goes_it_ends_with_what_is_there(
    commits: list[Commit], actions: list[tuple[Any, ...]], style: str | None
) -> None:
    """And every change that it is told is later than all before it."""
    asyncio.run(hop(Database(commits), actions, style))


def test_what_came_and_went_unseen_is_gone_for_those_who_saw_it() -> None:
    """One process told it, the other one was cut off then, and hears of nothing."""
    database = Database([Commit(START + 1, {"a": "split"}), Commit(START + 2, {"a": None})])
    seen = [("step", 0, 1, "live", 0), ("take", 9)]
    asyncio.run(hop(database, [*seen, ("go", 1), ("step", 1, 2, "resumed", 0)], None))
    asyncio.run(hop(database, [*seen, ("step", 1, 2, "resumed", 0), ("go", 1)], None))


def test_a_style_that_came_and_went_unseen_is_gone_for_those_who_watch_it() -> None:
    """A subscriber to a style learns that a clip left it, though its process saw only the outcome."""
    commits = [Commit(START + 1, {"a": "split"}), Commit(START + 2, {"a": "fast"}), Commit(START + 3, {"a": "split"})]
    seen = [("step", 0, 2, "live", 0), ("take", 9)]
    asyncio.run(hop(Database(commits), [*seen, ("step", 1, 3, "resumed", 0), ("go", 1)], "fast"))
