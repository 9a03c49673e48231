"""Killed at any moment, the server loses nothing that it has acknowledged, and keeps nothing by half.

CLIPGRAPH_CRASH_ROUNDS=100 asks for that many kills.
"""

import asyncio
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from embedded.firestore.model.paths import encode_segment
from embedded.firestore.model.protos import Write
from embedded.firestore.store.storage import FILE_NAME, Storage
from embedded.firestore.store.writes import parse_write
from tests.embedded.firestore.effort import effort, tell, timeout
from tests.embedded.firestore.process import ServerProcess
from tests.embedded.firestore.raw import RawFirestore, attempt

pytestmark = pytest.mark.prove

USUAL_ROUNDS = 4
BATCH_SIZE = 12
REWRITTEN = 8  # documents that are written again and again, so that their index entries move
LONGEST_SECONDS = 0.6
DATABASE = "projects/p/databases/(default)"


@dataclass
class Log:
    """The commits that one writer has sent, of which all but the last were acknowledged."""

    sent: int = 0
    acknowledged: int = 0
    ended_by: str = ""


@dataclass
class Round:
    """Three writers in a database of their own, each as fast as it can."""

    number: int
    host_port: str
    singles: Log = field(default_factory=Log)
    batches: Log = field(default_factory=Log)
    rewrites: Log = field(default_factory=Log)

    @property
    def database(self) -> str:
        """The database that nobody else writes to."""
        return f"projects/crash-{self.number}/databases/(default)"

    @property
    def acknowledged(self) -> int:
        """How many commits have been acknowledged."""
        return self.singles.acknowledged + self.batches.acknowledged + self.rewrites.acknowledged

    def start(self) -> list[threading.Thread]:
        """Lets the writers begin; they end when the server does."""
        jobs = [(self.singles, self._single), (self.batches, self._batch), (self.rewrites, self._rewrite)]
        threads = [threading.Thread(target=self._write, args=job) for job in jobs]
        for thread in threads:
            thread.start()
        return threads

    def _write(self, log: Log, writes_of: Callable[[int], list[dict[str, Any]]]) -> None:
        with RawFirestore(self.host_port) as raw:
            while True:
                log.sent += 1
                commit = partial(raw.call, "Commit", database=self.database, writes=writes_of(log.sent))
                code, _ = attempt(commit)
                if code != "OK":
                    log.ended_by = code
                    return
                log.acknowledged += 1

    def _single(self, number: int) -> list[dict[str, Any]]:
        return [self._set(f"singles/{number:07}", number)]

    def _batch(self, number: int) -> list[dict[str, Any]]:
        """New documents, one that goes, and a counter of the commits."""
        writes = [self._set(f"batches/{number:07}-{at:02}", number) for at in range(BATCH_SIZE)]
        writes.append({"delete": f"{self.database}/documents/batches/{number - 1:07}-00"})
        counter = {"update": {"name": f"{self.database}/documents/counters/batches"}, "update_mask": {}}
        increment = {"field_path": "n", "increment": {"integer_value": 1}}
        return [*writes, {**counter, "update_transforms": [increment]}]

    def _rewrite(self, number: int) -> list[dict[str, Any]]:
        return [self._set(f"rewrites/{number % REWRITTEN}", number)]

    def _set(self, path: str, number: int) -> dict[str, Any]:
        fields = {
            "n": {"integer_value": number},
            "tags": {"array_value": {"values": [{"string_value": f"t{number % 7}"}]}},
            "padding": {"string_value": "x" * 200},
        }
        return {"update": {"name": f"{self.database}/documents/{path}", "fields": fields}}


class Witness:
    """The content of a round's database after the restart."""

    def __init__(self, raw: RawFirestore, done: Round) -> None:
        self._raw = raw
        self._round = done
        self._root = f"{done.database}/documents"

    def assert_whole(self) -> None:
        """Asserts that all that was acknowledged is there, and nothing by half."""
        for collection in ("singles", "batches", "rewrites"):
            self._assert_indexes(collection)
        self._assert_singles()
        self._assert_batches()
        self._assert_rewrites()

    def count(self) -> int:
        """How many documents there are, as the index of names has it."""
        return sum(self._count(collection) for collection in ("singles", "batches", "rewrites", "counters"))

    def _assert_singles(self) -> None:
        numbers = sorted(self._listed("singles").values())
        log = self._round.singles
        assert numbers in (list(range(1, log.acknowledged + 1)), list(range(1, log.sent + 1)))

    def _assert_batches(self) -> None:
        """A commit of all its documents less the one that the next has deleted, or of none."""
        found = Counter(self._listed("batches").values())
        last = max(found, default=0)
        assert last in {self._round.batches.acknowledged, self._round.batches.sent}
        expected = {number: BATCH_SIZE - (number < last) for number in range(1, last + 1)}
        assert found == expected
        assert self._listed("counters") == ({"batches": last} if last else {})

    def _assert_rewrites(self) -> None:
        numbers = self._listed("rewrites")
        log = self._round.rewrites
        last = max(numbers.values(), default=0)
        assert last in {log.acknowledged, log.sent}
        assert numbers == {str(n % REWRITTEN): n for n in range(max(1, last - REWRITTEN + 1), last + 1)}

    def _assert_indexes(self, collection: str) -> None:
        """The indexes of a field, of an array and of names hold just what the documents say."""
        listed = self._listed(collection)
        by_number = {"order_by": [{"field": {"field_path": "n"}}]}
        assert self._found(collection, by_number) == sorted(listed, key=lambda document: (listed[document], document))
        assert self._count(collection) == len(listed)
        for tag in range(7):
            value = {"field": {"field_path": "tags"}, "op": "ARRAY_CONTAINS", "value": {"string_value": f"t{tag}"}}
            tagged = [document for document in sorted(listed) if listed[document] % 7 == tag]
            assert self._found(collection, {"where": {"field_filter": value}}) == tagged

    def _listed(self, collection: str) -> dict[str, int]:
        """Every document's n by its id, from the documents themselves: batched gets of all that could be."""
        log: Log = getattr(self._round, collection, Log(0, 0))
        ids = {
            "singles": [f"{number:07}" for number in range(1, log.sent + 2)],
            "batches": [f"{number:07}-{at:02}" for number in range(1, log.sent + 2) for at in range(BATCH_SIZE)],
            "rewrites": [str(number) for number in range(REWRITTEN)],
            "counters": ["batches"],
        }[collection]
        names = [f"{self._root}/{collection}/{each}" for each in ids]
        answers = self._raw.call("BatchGetDocuments", database=self._round.database, documents=names)
        found = [answer.found for answer in answers if answer.HasField("found")]
        return {document.name.rpartition("/")[2]: document.fields["n"].integer_value for document in found}

    def _found(self, collection: str, query: dict[str, Any]) -> list[str]:
        query = {"from_": [{"collection_id": collection}], "select": {"fields": [{"field_path": "__name__"}]}, **query}
        answers = self._raw.call("RunQuery", parent=self._root, structured_query=query)
        return [answer.document.name.rpartition("/")[2] for answer in answers if answer.HasField("document")]

    def _count(self, collection: str) -> int:
        query = {"structured_query": {"from_": [{"collection_id": collection}]}, "aggregations": [{"count": {}}]}
        answers = self._raw.call("RunAggregationQuery", parent=self._root, structured_aggregation_query=query)
        count: int = answers[0].result.aggregate_fields["field_1"].integer_value
        return count


@timeout("CRASH_ROUNDS")
def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Rounds of writing, SIGKILL and a look at what is there; earlier rounds stay as they were."""
    moments = random.Random()  # noqa: S311 - moments, not secrets
    total, counts = 0, dict[int, int]()
    rounds: list[Round] = []
    with ServerProcess(tmp_path) as server:
        for number in range(effort("CRASH_ROUNDS", USUAL_ROUNDS)):
            done = Round(number, server.host_port)
            threads = done.start()
            time.sleep(moments.uniform(0.0, LONGEST_SECONDS))
            server.kill()
            for thread in threads:
                thread.join()
            assert {log.ended_by for log in (done.singles, done.batches, done.rewrites)} == {"UNAVAILABLE"}
            server.start()
            with RawFirestore(server.host_port) as raw:
                witness = Witness(raw, done)
                witness.assert_whole()
                counts[number] = witness.count()
                rounds.append(done)
                earlier = moments.choice(rounds)
                assert Witness(raw, earlier).count() == counts[earlier.number]
            total += done.acknowledged
        with RawFirestore(server.host_port) as raw:
            assert [Witness(raw, done).count() for done in rounds] == list(counts.values())
        assert server.stop() == ""
    file = sqlite3.connect(tmp_path / FILE_NAME)
    assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()
    tell(request, f"{len(rounds)} kills, {total} commits acknowledged, {sum(counts.values())} documents, none lost")


async def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    """SIGKILL leaves the system's cache as it is, so what a power cut would need is looked up: FULL, in a WAL."""
    storage = Storage.open(tmp_path)
    storage.start()
    assert storage._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert storage._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    await storage.close()


async def test_a_commit_that_the_file_refuses_half_way_leaves_no_trace(tmp_path: Path) -> None:
    """Of one statement that adds many entries, those before the refused one go as well; its neighbours' stay."""
    storage = Storage.open(tmp_path)
    storage.start()
    await put(storage, "first")
    file = storage._connection
    # An entry that a later document will have is in the way.
    late = encode_segment("d30")
    file.execute("INSERT INTO entries SELECT scope, idx, value, ?, -1 FROM entries LIMIT 1", (late,))
    refused = put(storage, *(f"d{number:02}" for number in range(40)))
    _, outcome = await asyncio.gather(put(storage, "second"), refused, return_exceptions=True)
    assert isinstance(outcome, sqlite3.IntegrityError)
    documents = [number for (number,) in file.execute("SELECT number FROM documents")]
    assert len(documents) == 2
    entries = Counter(number for (number,) in file.execute("SELECT document FROM entries"))
    assert entries == {-1: 1, **dict.fromkeys(documents, 3)}
    await storage.close()


async def put(storage: Storage, *ids: str) -> None:
    """Writes documents in one commit."""
    names = [f"{DATABASE}/documents/c/{id_}" for id_ in ids]
    writes = [Write(update={"name": name, "fields": {"n": {"integer_value": 1}}}) for name in names]
    await storage.writer.commit([parse_write(write, DATABASE, 0) for write in writes], lambda _: None)
