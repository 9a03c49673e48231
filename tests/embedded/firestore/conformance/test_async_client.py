"""The rows of queries and writes through Python's client that is awaited, from the same tables."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pytest

from tests.embedded.firestore.conformance.asker import asking, collect, wait
from tests.embedded.firestore.conformance.place import ONCE, Place, exact
from tests.embedded.firestore.conformance.rows import ROWS, At, Find, QueryRow, Write, WriteRow
from tests.embedded.firestore.conformance.runners import run_query, run_write

pytestmark = pytest.mark.prove

PACKAGE = __name__.rpartition(".")[0]
for name in ("test_values", "test_orders", "test_filters", "test_writes", "test_limits"):
    import_module(f"{PACKAGE}.{name}")

QUERIES = [row for row in ROWS if isinstance(row, QueryRow)]
WRITES = [row for row in ROWS if isinstance(row, WriteRow)]


@dataclass(frozen=True)
class AwaitedPlace(Place):
    """A fresh collection, seen through the client that is awaited."""

    runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    def commit(self, writes: Sequence[Write]) -> Any:
        """The write results of one commit."""
        batch = self.client.batch()
        for write in writes:
            self._add(batch, write)
        return self.runner.run(wait(batch.commit(**ONCE)))

    def content(self) -> dict[str, Any]:
        """Every document of the collection by id, its fields told apart by type."""
        found = self.runner.run(collect(self.collection.stream(**ONCE)))
        return {snapshot.id: exact(snapshot.to_dict()) for snapshot in found}

    def find(self, find: Find) -> list[str]:
        """The ids that the query finds, in its order."""
        return [snapshot.id for snapshot in self.runner.run(wait(self.query(find).get(**ONCE)))]

    def cursor(self, values: Sequence[Any]) -> Any:
        """The values of a cursor, or the snapshot that it names."""
        match values:
            case [At(path)]:
                return self.runner.run(wait(self.ref(path).get(**ONCE)))
            case _:
                return super().cursor(values)


@pytest.fixture(scope="module")
def awaited(host_port: str) -> Iterator[tuple[Any, asyncio.Runner]]:
    """One client for all rows, and the loop that it lives in."""
    with asking("async", host_port) as asker:
        assert asker.runner is not None
        yield asker.client, asker.runner


@pytest.fixture
def awaited_place(awaited: tuple[Any, asyncio.Runner]) -> AwaitedPlace:
    """A fresh collection for the row."""
    client, runner = awaited
    return AwaitedPlace(client, runner=runner)


@pytest.mark.parametrize("row", [pytest.param(row, id=f"async-{row.id}") for row in QUERIES], indirect=True)
def test_query(awaited_place: AwaitedPlace, row: QueryRow) -> None:
    """The query finds, or is refused, as through the client that blocks."""
    run_query(awaited_place, row)


@pytest.mark.parametrize("row", [pytest.param(row, id=f"async-{row.id}") for row in WRITES], indirect=True)
def test_write(awaited_place: AwaitedPlace, row: WriteRow) -> None:
    """The commit leaves, or is refused, as through the client that blocks."""
    run_write(awaited_place, row)
