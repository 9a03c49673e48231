"""To any request, the server answers with a status that fits, lives on, and keeps nothing of a refused one.

CLIPGRAPH_FUZZ_REQUESTS=100000 asks for that many requests, other ones each time.
"""

import secrets
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.embedded.firestore.effort import effort, is_full, tell, timeout
from tests.embedded.firestore.fuzz_requests import BIDIRECTIONAL, METHODS, Request, Target, messages, requests
from tests.embedded.firestore.process import ServerProcess
from tests.embedded.firestore.raw import STREAMS, RawFirestore, attempt, message

pytestmark = pytest.mark.prove

USUAL_REQUESTS = 2000
REQUESTS_A_RUN = 5
CHANGES = ("Commit", "CreateDocument", "UpdateDocument", "DeleteDocument")  # of these, all or nothing is done
FRESH_AFTER = 200  # requests; then the database is another one, so that looking at all of it stays quick
# INTERNAL, UNKNOWN and UNAVAILABLE would be our mistakes; clients retry them for minutes.
PROPER = {
    "OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
    "RESOURCE_EXHAUSTED", "UNIMPLEMENTED",
}  # fmt: skip
CANARY = "projects/canary/databases/(default)"


class Fuzzer:
    """Sends requests, and looks at what they have left behind."""

    def __init__(self, raw: RawFirestore) -> None:
        self._raw = raw
        self.target = Target()
        self.codes: Counter[str] = Counter()
        self._change_target()

    @property
    def count(self) -> int:
        """How many requests have been answered."""
        return self.codes.total()

    def send(self, request: Request) -> None:
        """Asserts that the answer has a proper status, and that a refusal has changed nothing."""
        self.target.now_micros = time.time_ns() // 1000
        if self.target.transaction and self.target.transaction not in request.data:
            self._end_transaction()  # else others wait for its locks
        before = self._content() if request.method in CHANGES else None
        code, answers = attempt(lambda: self._raw.send(request.method, request.data))
        self.codes[code] += 1
        assert code in PROPER, (code, request)
        if answers is None and before is not None:
            assert self._content() == before, f"{code} has left a trace: {request}"
        self._learn(request.method, answers or [])
        if self.count % FRESH_AFTER == 0:
            self._change_target()

    def _learn(self, method: str, answers: list[bytes]) -> None:
        """Keeps what later requests may name: a transaction that has begun, a page token."""
        parsed = [self._raw.parse(method, answer) for answer in answers]
        transactions = [answer.transaction for answer in parsed if getattr(answer, "transaction", b"")]
        if transactions:
            self._end_transaction()
            self.target.transaction = transactions[0]
        for answer in parsed:
            self.target.page_token = getattr(answer, "next_page_token", "") or self.target.page_token

    def _end_transaction(self) -> None:
        attempt(lambda: self._raw.call("Rollback", database=self.target.database, transaction=self.target.transaction))
        self.target.transaction = b""

    def _change_target(self) -> None:
        self._end_transaction()
        self.target.project = f"fuzz-{secrets.token_hex(4)}"
        root = f"{self.target.database}/documents"
        writes = [
            {"update": {"name": f"{root}/{path}", "fields": {"a": {"integer_value": n}, "b": {"string_value": "b"}}}}
            for n, path in enumerate(("c/a", "c/a/sub/x", "c/z"))
        ]
        self._raw.call("Commit", database=self.target.database, writes=writes)

    def _content(self) -> list[bytes]:
        return content(self._raw, self.target.database)


def content(raw: RawFirestore, database: str) -> list[bytes]:
    """All documents of a database, as they are stored."""
    query = {"from_": [{"all_descendants": True}]}
    answers = raw.call("RunQuery", parent=f"{database}/documents", structured_query=query)
    return [answer.document.SerializeToString(deterministic=True) for answer in answers]


def seed_canary(raw: RawFirestore) -> list[bytes]:
    """Writes documents that no request names, and returns them."""
    name = f"{CANARY}/documents/canaries"
    writes = [{"update": {"name": f"{name}/{n}", "fields": {"n": {"integer_value": n}}}} for n in range(5)]
    raw.call("Commit", database=CANARY, writes=writes)
    return content(raw, CANARY)


def count_canaries(raw: RawFirestore) -> int:
    """How many of them an ordinary query finds."""
    where = {"field_filter": {"field": {"field_path": "n"}, "op": "GREATER_THAN", "value": {"integer_value": 1}}}
    query: dict[str, Any] = {"from_": [{"collection_id": "canaries"}], "where": where}
    answers = raw.call("RunQuery", parent=f"{CANARY}/documents", structured_query=query)
    return len(answers)


@timeout("FUZZ_REQUESTS")
def test_no_request_however_broken_ends_the_server(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Each is answered; at the end the server still serves, and has nothing to complain of."""
    total = effort("FUZZ_REQUESTS", USUAL_REQUESTS)
    with ServerProcess(tmp_path) as server, RawFirestore(server.host_port) as raw:
        canaries = seed_canary(raw)
        fuzzer = Fuzzer(raw)

        @settings(
            max_examples=total // REQUESTS_A_RUN,
            derandomize=not is_full("FUZZ_REQUESTS"),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(requests(fuzzer.target), min_size=REQUESTS_A_RUN, max_size=REQUESTS_A_RUN))
        def fuzz(drawn: list[Request]) -> None:
            for each in drawn:
                fuzzer.send(each)

        fuzz()
        assert content(raw, CANARY) == canaries
        assert count_canaries(raw) == 3
        assert server.stop() == ""
    tell(request, f"{fuzzer.count} requests: {dict(fuzzer.codes.most_common())}")


@pytest.mark.parametrize("method", BIDIRECTIONAL)
def test_no_stream_however_broken_ends_the_server(method: str, tmp_path: Path) -> None:
    """The same for the methods that stream in both directions: closed by the client, they end."""
    with ServerProcess(tmp_path) as server, RawFirestore(server.host_port) as raw:
        canaries = seed_canary(raw)
        request_class = message(f"{method}Request")

        @settings(max_examples=50, derandomize=True, database=None, deadline=None)
        @given(st.lists(messages(request_class.DESCRIPTOR, Target()), max_size=3), st.binary(max_size=9))
        def fuzz(drawn: list[Any], noise: bytes) -> None:
            data = [each.SerializeToString() for each in drawn]
            for sent in (data, [*data, noise]):
                code, _ = attempt(partial(raw.converse, method, sent))
                assert code in PROPER

        fuzz()
        assert content(raw, CANARY) == canaries
        assert server.stop() == ""


def test_methods_that_do_not_exist_are_unimplemented(firestore_address: str) -> None:
    """As are services that do not."""
    with RawFirestore(firestore_address) as raw:
        for method in ("Nothing", "commit", "", "../Listen"):
            assert attempt(partial(raw.send, method, b""))[0] == "UNIMPLEMENTED"
    assert not set(METHODS) & set(BIDIRECTIONAL)
    assert set(STREAMS) <= set(METHODS)
