"""Each step of a random history, taken by the server and by the model: both answer the same."""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import grpc
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.embedded.firestore.raw import RawFirestore, attempt
from tests.embedded.firestore.reference.documents import Model, RefusedError, State, Write, apply_writes, is_well_formed
from tests.embedded.firestore.reference.listener import Listener
from tests.embedded.firestore.reference.queries import (
    NAME,
    Cursor,
    Found,
    Query,
    find,
    is_in_scope,
    is_same_set,
    masked,
    total,
)
from tests.embedded.firestore.reference.strategies import FIELD_PATHS, PATHS, queries, writes
from tests.embedded.firestore.reference.subject import Outcome, Subject, sorted_ids
from tests.embedded.firestore.reference.values import FieldPath, Time, exactly, sort_key

CODES = {code.value[0]: code.name for code in grpc.StatusCode}


@dataclass
class Reading:
    """An open transaction: what it has read, and what others have written since its first read."""

    id: bytes
    is_snapshot: bool  # optimistic or read-only: all its reads are of one time
    is_read_only: bool = False
    paths: list[tuple[str, int | None]] = field(default_factory=list)  # with the update time that was seen
    queries: list[tuple[Query, list[Found]]] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    read_time: int | None = None

    @property
    def is_touched(self) -> bool:
        """Whether others have written where it has looked, or looked only later."""
        by_name = any(path in self.written for path, _ in self.paths)
        return by_name or any(is_in_scope(query, path) for query, _ in self.queries for path in self.written)

    def touch(self, path: str) -> None:
        """Takes note of a write by someone else."""
        if self.paths or self.queries:
            self.written.add(path)

    def is_outdated(self, state: State, root: str) -> bool:
        """Whether anything that the transaction has read has become something else."""
        for path, updated in self.paths:
            document = state.get(path)
            if (document.updated if document else None) != updated:
                return True
        return any(not is_same_set(find(query, state, root), found) for query, found in self.queries)


class Comparison(RuleBasedStateMachine):
    """One database, and its model."""

    raw: ClassVar[RawFirestore]
    has_indexes: ClassVar[bool]
    steps: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.subject = Subject(self.raw, f"model-{secrets.token_hex(6)}")
        self.model = Model()
        self.open: list[Reading] = []
        self.aborted = b""
        self.clear_since = 0  # before that, some states are not known
        self.listener: Listener | None = None

    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        """Several writes, some to one document."""
        self._commit(self._draw_writes(data))

    @rule(data=st.data())
    def batch_write(self, data: st.DataObject) -> None:
        """Writes of different documents that stand for themselves."""
        # Whether a malformed write costs the others too is told nowhere.
        drawn = {write.path: write for write in self._draw_writes(data) if is_well_formed(write)}
        if not drawn:
            return
        outcomes = self.subject.batch_write(list(drawn.values()))
        done = []
        for write, (number, outcome) in zip(drawn.values(), outcomes, strict=True):
            self._touch([write])
            assert CODES[number] == self._verdict([write])
            if CODES[number] == "OK":
                done.append((write, outcome))
        self._adopt_alone(done)

    @rule(data=st.data())
    def transact(self, data: st.DataObject) -> None:
        """A pessimistic transaction, which nobody disturbs."""
        reading = Reading(self.subject.begin(read_write={}), is_snapshot=False)
        self._read_in(reading, data)
        if not data.draw(st.booleans(), "is_committed") or self._commit(self._draw_writes(data), reading) != "OK":
            self.subject.rollback(reading.id)

    @precondition(lambda self: len(self.open) < 2)
    @rule(is_read_only=st.booleans())
    def begin(self, *, is_read_only: bool) -> None:
        """A transaction that stays open while others write."""
        options: dict[str, Any] = {"read_only": {}}
        if not is_read_only:
            options = {"read_write": {"concurrency_mode": "OPTIMISTIC"}}
        self.open.append(Reading(self.subject.begin(**options), is_snapshot=True, is_read_only=is_read_only))

    @precondition(lambda self: bool(self.aborted))
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        """The next attempt of an optimistic transaction that was ABORTED, which is so no more."""
        options = {"concurrency_mode": "OPTIMISTIC", "retry_transaction": self.aborted}
        reading = Reading(self.subject.begin(read_write=options), is_snapshot=True)
        self.aborted = b""
        self._read_in(reading, data)
        if self._commit(self._draw_writes(data), reading) != "OK":
            self.subject.rollback(reading.id)

    @precondition(lambda self: bool(self.open))
    @rule(data=st.data())
    def read_in_transaction(self, data: st.DataObject) -> None:
        """Reads of one transaction, again and again."""
        self._read_in(data.draw(st.sampled_from(self.open), "transaction"), data)

    @precondition(lambda self: bool(self.open))
    @rule(data=st.data(), is_committed=st.booleans())
    def end_transaction(self, data: st.DataObject, *, is_committed: bool) -> None:
        """A commit, which must notice what others have done, or a rollback."""
        reading = self.open.pop(0)
        code = ""
        if is_committed and not reading.is_read_only:
            code = self._commit(self._draw_writes(data), reading)
        if code != "OK":
            self.subject.rollback(reading.id)
        if code == "ABORTED":
            self.aborted = reading.id

    @precondition(lambda self: self.listener is None)
    @rule(data=st.data())
    def listen(self, data: st.DataObject) -> None:
        """A listener to a query, which from now on must tell of every change."""
        query = replace(data.draw(queries(tuple(self.model.state), self.subject.root), "query"), offset=0)
        if query.is_group and query.parent:
            return  # such a target is refused
        if query.limit != 0 and attempt(lambda: self.subject.run(query))[0] == "OK":
            self.listener = Listener(self.subject, query)

    @precondition(lambda self: self.listener is not None)
    @rule(is_resumed=st.booleans())
    def interrupt(self, *, is_resumed: bool) -> None:
        """The end of a listener, or a stream that breaks and is taken up where it was."""
        assert self.listener is not None
        if is_resumed:
            self.listener = self.listener.resume()
        else:
            self.listener.close()
            self.listener = None

    @rule(data=st.data(), names=st.lists(st.sampled_from((*PATHS, "c/none")), min_size=1, max_size=4))
    def get(self, data: st.DataObject, names: list[str]) -> None:
        """Documents by name, now or in the past."""
        time = self._draw_time(data)
        found, missing, read_time = self.subject.get(names, read_time=time)
        state = self._state_at(time, read_time)
        once = list(dict.fromkeys(names))
        self._assert_same(found, [Found(path, state[path]) for path in once if path in state])
        assert missing == [path for path in once if path not in state]

    @rule(data=st.data())
    def query(self, data: st.DataObject) -> None:
        """Some queries, now or in the past."""
        time = self._draw_time(data)
        drawn = st.lists(queries(tuple(self.model.state), self.subject.root), min_size=1, max_size=4)
        for query in data.draw(drawn, "queries"):
            code, answer = attempt(partial(self.subject.run, query, read_time=time))
            assert self._is_expected(code, query)
            if answer is not None:
                self._assert_found(query, answer[0], self._state_at(time, answer[1]))

    @rule(
        data=st.data(), up_to=st.none() | st.integers(1, 3), summed=st.lists(st.sampled_from(FIELD_PATHS), max_size=2)
    )
    def aggregate(self, data: st.DataObject, up_to: int | None, summed: list[FieldPath]) -> None:
        """A count, sums and averages over a query."""
        query = replace(data.draw(queries(tuple(self.model.state), self.subject.root), "query"), select=None)
        wanted: list[tuple[str, FieldPath | int | None]] = [("count", up_to)]
        wanted += [(kind, path) for path in summed for kind in ("sum", "avg")]
        code, answers = attempt(lambda: self.subject.aggregate(query, wanted))
        query = replace(query, summed=tuple(summed))
        assert self._is_expected(code, query)
        if answers is None:
            return
        found = find(query, self.model.state, self.subject.root)
        assert answers[0] == (len(found) if up_to is None else min(len(found), up_to))
        for (kind, path), answer in zip(wanted[1:], answers[1:], strict=True):
            assert isinstance(path, tuple)
            _assert_close(answer, total(kind, path, found), found, path)

    @rule(collection_id=st.sampled_from(["c", "sub", "none"]), size=st.integers(2, 4))
    def partition(self, collection_id: str, size: int) -> None:
        """A collection group in parts, which together are all of it."""
        whole = Query("", collection_id, is_group=True, orders=((NAME, False),))
        names = self.subject.partition(whole, size)
        assert len(names) < size
        cuts = [None, *(Cursor((name,), before=True) for name in names), None]
        parts = [self.subject.run(replace(whole, start=start, end=end))[0] for start, end in pairwise(cuts)]
        self._assert_found(whole, [found for part in parts for found in part], self.model.state)

    @rule(
        place=st.sampled_from([("", "c"), ("c/a", "sub"), ("c/missing", "sub"), ("", "d"), ("d/a", "c"), ("", "none")]),
        page_size=st.integers(1, 4),
        is_missing_shown=st.booleans(),
    )
    def list_documents(self, place: tuple[str, str], page_size: int, *, is_missing_shown: bool) -> None:
        """A collection's documents, with those that only have children if wanted."""
        parent, collection_id = place
        prefix = f"{parent}/{collection_id}/".lstrip("/")
        ids = sorted_ids(
            path.removeprefix(prefix).partition("/")[0]
            for path in self.model.state
            if path.startswith(prefix) and (is_missing_shown or "/" not in path.removeprefix(prefix))
        )
        listed = self.subject.list_documents(parent, collection_id, page_size, show_missing=is_missing_shown)
        assert [found.path for found in listed] == [prefix + each for each in ids]
        there = [found for found in listed if found.path in self.model.state]
        self._assert_same(there, [Found(found.path, self.model.state[found.path]) for found in there])
        assert all(not found.document.fields for found in listed if found not in there)

    @rule(parent=st.sampled_from(["", "c/a", "c/missing", "d/a", "d/none"]), page_size=st.integers(1, 3))
    def list_collection_ids(self, parent: str, page_size: int) -> None:
        """The collections below a document, which need not exist."""
        prefix = f"{parent}/".lstrip("/")
        below = [path.removeprefix(prefix) for path in self.model.state if path.startswith(prefix)]
        assert self.subject.list_collection_ids(parent, page_size) == sorted_ids(
            path.partition("/")[0] for path in below
        )

    @invariant()
    def agree(self) -> None:
        """Every document is what the model says, and so is what the indexes of two collections hold."""
        Comparison.steps += 1
        found, _, read_time = self.subject.get(PATHS)
        assert read_time >= self.model.last_commit
        self._assert_same(found, [Found(path, self.model.state[path]) for path in PATHS if path in self.model.state])
        for collection_id in ("c", "sub"):
            query = Query("", collection_id, is_group=True, orders=((("a",), False),))
            self._assert_found(query, self.subject.run(query)[0], self.model.state)

    @invariant()
    def follow(self) -> None:
        """The listener tells of one state after the other, and comes to the present one."""
        if self.listener is None:
            return
        expected = list(map(_text, self._by_name(self.listener.query, self.model.state)))
        if self.listener.read_time and list(map(_text, self.listener.documents)) == expected:
            return  # what has changed nothing wakes nobody
        for told in self.listener.snapshots():
            if self.listener.read_time > self.clear_since:
                self._assert_same(told, self._by_name(self.listener.query, self.model.at(self.listener.read_time)))
            if list(map(_text, told)) == expected:
                return

    def teardown(self) -> None:
        """Ends what is still open."""
        if self.listener is not None:
            self.listener.close()
        for reading in self.open:
            self.subject.rollback(reading.id)

    def _draw_writes(self, data: st.DataObject) -> list[Write]:
        times: dict[str, list[int]] = {}
        for _, state in self.model.history[-3:]:
            for path, document in state.items():
                if path in self.model.state:
                    times.setdefault(path, []).append(document.updated)
        drawn: list[Write] = []
        for write in data.draw(st.lists(writes(times), min_size=1, max_size=4), "writes"):
            is_again = any(write.path == other.path for other in drawn)
            # What an update_time is held against after an earlier write of the same commit is told nowhere.
            drawn.append(replace(write, update_time=None) if is_again else write)
        return drawn

    def _draw_time(self, data: st.DataObject) -> int | None:
        """None for now, or a time at or just before one of the last commits."""
        times = [time - back for time, _ in self.model.history[-6:] for back in (0, 1)]
        times = [time for time in times if time > self.clear_since]
        is_past = times and data.draw(st.integers(0, 3), "is_past") == 0
        return data.draw(st.sampled_from(times), "read_time") if is_past else None

    def _state_at(self, asked: int | None, answered: int) -> State:
        if asked is None:
            assert answered >= self.model.last_commit
        else:
            assert answered == asked or asked > self.model.last_commit
        return self.model.at(answered)

    def _verdict(self, drawn: Sequence[Write]) -> str:
        try:
            apply_writes(self.model.state, drawn, 0, 0)
        except RefusedError as error:
            return error.code
        return "OK"

    def _is_expected(self, code: str, query: Query) -> bool:
        """Whether a query may be answered with a code; which ones need an index, other tests say."""
        try:
            find(query, {}, self.subject.root)
        except RefusedError as error:
            return code == error.code
        return code == "OK" or (code == "FAILED_PRECONDITION" and self.has_indexes)

    def _commit(self, drawn: list[Write], reading: Reading | None = None) -> str:
        """Commits, holds the outcome against the model's, and returns the code."""
        self._touch(drawn)
        expected = self._verdict(drawn)
        is_outdated = reading is not None and reading.is_outdated(self.model.state, self.subject.root)
        code, answer = attempt(lambda: self.subject.commit(drawn, reading.id if reading else b""))
        if code == "ABORTED":
            assert reading is not None
            assert reading.is_touched, "aborted, though nobody has written where it has read"
            return code
        assert code == expected
        if answer is not None:
            assert not is_outdated, "committed, though others have changed what it has read"
            self._adopt(answer[0], drawn, answer[1])
        return code

    def _touch(self, drawn: Sequence[Write]) -> None:
        for write in drawn:
            for reading in self.open:
                reading.touch(write.path)

    def _adopt(self, time: int, drawn: Sequence[Write], outcomes: Sequence[Outcome]) -> None:
        """Brings the model to where the server is, and holds the results against each other."""
        commit = apply_writes(self.model.state, drawn, time, _request_time(drawn, outcomes))
        for write, outcome, updated, results in zip(drawn, outcomes, commit.updated, commit.results, strict=True):
            if write.is_delete or updated is not None:  # not told: of what a later write of the commit deletes
                assert outcome.updated == updated
            assert exactly(outcome.results) == exactly(results)
        self.model.adopt(time, commit)

    def _adopt_alone(self, done: list[tuple[Write, Outcome]]) -> None:
        """Brings the model to where single writes have led, in the order of their times; deletes do not tell theirs."""
        now = self.subject.get(["c/none"])[2]
        for write, outcome in sorted(done, key=lambda item: item[1].updated or now):
            time = outcome.updated or max(now, self.model.last_commit + 1)
            if time > self.model.last_commit:
                self._adopt(time, [write], [outcome])
            else:
                assert apply_writes(self.model.state, [write], 0, 0).updated == [outcome.updated]
        self.clear_since = self.model.last_commit
        for reading in [reading for reading in self.open if reading.is_touched and not reading.is_read_only]:
            # It may have been pushed aside between two of the writes.
            self.open.remove(reading)
            self.subject.rollback(reading.id)

    def _read_in(self, reading: Reading, data: st.DataObject) -> None:
        for query in data.draw(
            st.lists(st.none() | queries(tuple(self.model.state), self.subject.root), min_size=1, max_size=3), "reads"
        ):
            if query is None:
                paths = data.draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True), "paths")
                self._get_in(reading, paths)
            elif attempt(partial(self.subject.run, query))[0] == "OK":
                self._query_in(reading, query)

    def _get_in(self, reading: Reading, paths: list[str]) -> None:
        found, _, read_time = self.subject.get(paths, transaction=reading.id)
        state = self._transaction_state(reading, read_time)
        self._assert_same(found, [Found(path, state[path]) for path in paths if path in state])
        reading.paths += [(path, state[path].updated if path in state else None) for path in paths]

    def _query_in(self, reading: Reading, query: Query) -> None:
        found, read_time = self.subject.run(query, transaction=reading.id)
        state = self._transaction_state(reading, read_time)
        self._assert_found(query, found, state)
        reading.queries.append((query, find(query, state, self.subject.root)))

    def _transaction_state(self, reading: Reading, read_time: int) -> State:
        """The state that a read in a transaction must have seen: of one time, or else the present."""
        if not reading.is_snapshot or (reading.read_time is None and not reading.is_read_only):
            assert read_time >= self.model.last_commit
        if reading.is_snapshot:
            assert reading.read_time in {None, read_time}
            reading.read_time = read_time
        return self.model.at(read_time)

    def _by_name(self, query: Query, state: State) -> list[Found]:
        return sorted(self._expected(query, state), key=lambda found: sort_key(found.path))

    def _expected(self, query: Query, state: State) -> list[Found]:
        return [
            replace(each, document=replace(each.document, fields=masked(each.document.fields, query.select)))
            for each in find(query, state, self.subject.root)
        ]

    def _assert_found(self, query: Query, found: list[Found], state: State) -> None:
        self._assert_same(found, self._expected(query, state))

    def _assert_same(self, found: list[Found], expected: list[Found]) -> None:
        assert list(map(_text, found)) == list(map(_text, expected))


def _text(found: Found) -> str:
    return f"{found.path} {found.document.created} {found.document.updated} {exactly(found.document.fields)}"


def _request_time(drawn: Sequence[Write], outcomes: Sequence[Outcome]) -> int:
    """The time that the first REQUEST_TIME of a commit has become."""
    for write, outcome in zip(drawn, outcomes, strict=True):
        for transform, result in zip(write.transforms, outcome.results, strict=True):
            if transform.kind == "request_time":
                assert isinstance(result, Time)
                return result.micros
    return 0


def _assert_close(answer: Any, expected: Any, found: list[Found], path: FieldPath) -> None:
    """Doubles are added in an order that is not told, so large ones may swallow small ones."""
    assert type(answer) is type(expected)
    if isinstance(expected, float) and not math.isnan(expected):
        numbers = [each.document.fields.get(path[0]) for each in found]
        largest = max((abs(n) for n in numbers if isinstance(n, int | float) and math.isfinite(n)), default=0)
        assert math.isclose(answer, expected, rel_tol=1e-9, abs_tol=1e-9 * largest)
    else:
        assert exactly(answer) == exactly(expected)
