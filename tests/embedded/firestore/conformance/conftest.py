"""The server under test, and a fresh place in it for each row."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.embedded.firestore.conformance.asker import KINDS, Asker, asking
from tests.embedded.firestore.conformance.pending_rows import PENDING
from tests.embedded.firestore.conformance.place import Place, connect
from tests.embedded.firestore.conformance.rows import Row
from tests.embedded.firestore.conformance.target import FOREIGN_HOST, IS_GOOGLES_EMULATOR

pytest.register_assert_rewrite("tests.embedded.firestore.conformance.runners")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the rows that this target is known not to fulfil."""
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            mark_row(item, item.callspec.id, item.callspec.params.get("row"))


def mark_row(item: pytest.Item, row_id: str, row: object) -> None:
    """The row is skipped where it is known not to hold, and expected to fail where it is known to be missing."""
    if isinstance(row, Row) and row.emulator and IS_GOOGLES_EMULATOR:
        item.add_marker(pytest.mark.skip(reason=f"Google's emulator {row.emulator}"))
    if FOREIGN_HOST is None and row_id in PENDING:
        item.add_marker(pytest.mark.xfail(strict=True, reason=f"embedded: {PENDING[row_id]}"))


@pytest.fixture(autouse=True)
def row(request: pytest.FixtureRequest) -> Row | None:
    """The row under test; None in a test that is not a row."""
    return getattr(request, "param", None)


@pytest.fixture(scope="session")
def host_port(request: pytest.FixtureRequest) -> str:
    """The address of the server under test."""
    return FOREIGN_HOST or str(request.getfixturevalue("firestore_server").host_port)


@pytest.fixture(scope="session")
def client(host_port: str) -> Iterator[Any]:
    """One client for all rows."""
    client = connect(host_port)
    yield client
    client.close()


@pytest.fixture(params=KINDS)
def asker(request: pytest.FixtureRequest, host_port: str) -> Iterator[Asker]:
    """Each of Python's clients in turn."""
    with asking(request.param, host_port) as asker:
        yield asker


@pytest.fixture
def place(client: Any) -> Place:
    """A fresh collection for the row."""
    return Place(client)
