"""Expired uploads are removed as long as the server runs, whatever fails in between."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.s3 import __main__ as server
from embedded.s3.store.model import Attributes, Upload
from embedded.s3.store.store import Store, open_store
from tests.patience import PATIENCE_SECONDS

BUCKET = "clips"
COUNT = "SELECT count(*) FROM uploads"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store with a bucket, which waits for another program no longer than a moment."""
    store = open_store(tmp_path)
    store.buckets.ensure(BUCKET, "[]")
    store._database._writer.execute("PRAGMA busy_timeout = 10")
    yield store
    store.close()


async def test_sweeping_goes_on_after_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Another program holds the database for longer than is waited for: an old upload goes once it lets go."""
    store.uploads.begin(Upload("", BUCKET, "a", 0, Attributes("text/plain", {}, {})))
    monkeypatch.setattr("embedded.s3.store.uploads.LIFETIME_NS", 0)
    monkeypatch.setattr(server, "SWEEP_SECONDS", 0.02)
    other = sqlite3.connect(store.root / "s3.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    sweeping = asyncio.create_task(server._sweep(store))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "tries again" not in caplog.text:  # noqa: ASYNC110  a line of the log tells nobody
            await asyncio.sleep(0.02)
        assert other.execute(COUNT).fetchone() == (1,)
        other.execute("ROLLBACK")
        while other.execute(COUNT).fetchone() != (0,):  # noqa: ASYNC110  as above
            await asyncio.sleep(0.02)
    sweeping.cancel()
    other.close()
