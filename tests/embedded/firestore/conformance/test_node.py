"""The rows that Node's client (@google-cloud/firestore) can see, driven from the same tables through node/.

npm installs the client of node/package-lock.json into pytest's cache folder when the first of these tests runs.
"""

import json
import os
import shutil
import subprocess
from importlib import import_module
from typing import Any

import pytest

from tests.embedded.firestore.conformance.node_rows import export, install, is_portable
from tests.embedded.firestore.conformance.place import Place
from tests.embedded.firestore.conformance.rows import ROWS, PlayRow, QueryRow, Refused, Row, WriteRow
from tests.embedded.firestore.conformance.target import IS_GOOGLES_EMULATOR
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

PACKAGE = __name__.rpartition(".")[0]
for name in ("test_values", "test_orders", "test_filters", "test_writes", "test_limits"):
    import_module(f"{PACKAGE}.{name}")

# Without it the client looks for credentials on a cloud machine's own address.
STAY_LOCAL = {"METADATA_SERVER_DETECTION": "none"}
CODES = {"INVALID_ARGUMENT": 3, "NOT_FOUND": 5, "ALREADY_EXISTS": 6, "FAILED_PRECONDITION": 9}


def play(rule: int, play: str, what: str, expect: Any, given: dict[str, Any] | None = None) -> PlayRow:
    """A row of node/plays.mjs."""
    return PlayRow(rule=rule, source="C", what=what, given=given or {}, play=play, expect=expect)


NUMBERS = {"a": {"n": 2}, "b": {"n": 3}}
PLAYS = [
    play(37, "increments", "increments by transaction all succeed", {"n": 15}),
    play(36, "queryInTransaction", "query in a transaction", {"count": 2}, NUMBERS),
    play(39, "readOnly", "read-only transaction is a snapshot", [2, 2], NUMBERS),
    play(14, "aggregates", "count, sum and average in one call", [2, 5, 2.5], NUMBERS),
    play(
        17,
        "getAll",
        "batch get answers in order of its request",
        [["gone", False], ["b", True], ["a", True], ["b", True]],
        NUMBERS,
    ),
    play(16, "listDocuments", "lists missing documents with children", ["a", "gone"], {"a": {}, "gone/s/x": {}}),
    play(
        16, "recursiveDelete", "recursive delete", ["top2"], {"top": {}, "top/s/b": {}, "top/s/b/t/c": {}, "top2": {}}
    ),
    play(27, "bulkWriter", "bulk writer reports each write", [30, [["gone", 5]]]),
    play(
        41,
        "listen",
        "follows a query",
        [
            [["a", "b"], ["added a", "added b"]],
            [["a", "c", "b"], ["added c"]],
            [["c", "b", "a"], ["modified a"]],
            [["c", "a"], ["removed b"]],
            [["a"], ["removed c"]],
        ],
        NUMBERS,
    ),
    play(
        42,
        "listenToCommits",
        "sees one commit as one snapshot",
        [[[], []], [["a", "b", "c"], ["added a", "added b", "added c"]]],
    ),
]
ROWS.extend(PLAYS)
ROWS_OF_NODE: list[Any] = [row for row in ROWS if is_portable(row)]


@pytest.fixture(scope="module")
def places(client: Any) -> dict[str, Place]:
    """A collection for each row, with what is given in it."""
    places = {row.id: Place(client) for row in ROWS_OF_NODE}
    for row in ROWS_OF_NODE:
        places[row.id].seed(row.given)
    return places


@pytest.fixture(scope="module")
def answers(host_port: str, places: dict[str, Place], pytestconfig: pytest.Config) -> dict[str, Any]:
    """The answers that Node's client got for each row, in one run."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node's client needs node and npm on the PATH")
    folder = install(pytestconfig.cache.mkdir("conformance-node"))
    done = subprocess.run(
        ["node", str(folder / "conformance.mjs")],
        input=json.dumps([export(row, places[row.id]) for row in ROWS_OF_NODE]),
        env={**os.environ, **STAY_LOCAL, "FIRESTORE_EMULATOR_HOST": host_port, "GOOGLE_CLOUD_PROJECT": "conformance"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("row", [pytest.param(row, id=f"node-{row.id}") for row in ROWS_OF_NODE], indirect=True)
def test_node(row: Row, answers: dict[str, Any], places: dict[str, Place]) -> None:
    """Google's Node.js client gets the row's documented result."""
    answer, place = answers[row.id], places[row.id]
    match row:
        case QueryRow(expect=Refused() as expect) | WriteRow(expect=Refused() as expect):
            assert answer["code"] == CODES[expect.code], answer
            assert IS_GOOGLES_EMULATOR or place.fill_text(expect.words) in answer["message"]
        case QueryRow():
            assert answer == {"ids": row.expect}
        case PlayRow(expect=expect):
            assert answer == {"told": expect}
        case _:
            assert answer == {"committed": True}
    if isinstance(row, WriteRow):
        after = row.given if isinstance(row.expect, Refused) else row.expect
        assert place.content() == {path: place.expected(fields) for path, fields in after.items()}
