"""A pytest plugin, found by its entry point: one Firestore server a session, which each test finds empty.

Each run of pytest imports it, also one that needs no Firestore: gRPC and the client are imported by the fixtures.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from google.cloud.firestore import AsyncClient, Client

    from embedded.firestore.process import FirestoreProcess

PROJECT = "test"
"""The project of tests whose environment names none, or an empty one."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the plugin's settings and its option."""
    parser.addini("firestore_indexes", "firestore.indexes.json to enforce, from the folder of the ini-file", default="")
    parser.addini("firestore_optimistic", "use optimistic concurrency of transactions", type="bool", default=False)
    parser.getgroup("firestore").addoption(
        "--firestore-suggest-indexes",
        action="store_true",
        help="run queries without their index, and add the index to the file of firestore_indexes",
    )


@pytest.fixture(scope="session")
def firestore_server(pytestconfig: pytest.Config) -> "Iterator[FirestoreProcess]":
    """A Firestore server for the session; `host_port` is its address, and `clear()` empties it."""
    from embedded.firestore.process import FirestoreProcess

    name = pytestconfig.getini("firestore_indexes")
    suggest_indexes = pytestconfig.getoption("firestore_suggest_indexes")
    if suggest_indexes and not name:
        raise pytest.UsageError("--firestore-suggest-indexes needs the setting firestore_indexes: the file to write.")
    with FirestoreProcess(
        indexes=(pytestconfig.inipath or Path("pytest.ini")).parent / name if name else None,
        suggest_indexes=suggest_indexes,
        is_optimistic=pytestconfig.getini("firestore_optimistic"),
    ) as server:
        yield server


@pytest.fixture
def clean_firestore(firestore_server: "FirestoreProcess", monkeypatch: pytest.MonkeyPatch) -> "FirestoreProcess":
    """The session's server without a document; during the test, Google's clients connect to it by themselves."""
    firestore_server.clear()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_server.host_port)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", os.environ.get("GOOGLE_CLOUD_PROJECT") or PROJECT)
    return firestore_server


@pytest.fixture
def firestore_client(clean_firestore: "FirestoreProcess") -> "Iterator[Client]":  # noqa: ARG001 - it sets the address
    """Google's client of an empty database."""
    from google.cloud.firestore import Client

    client = Client(project=os.environ["GOOGLE_CLOUD_PROJECT"])
    yield client
    client.close()


@pytest.fixture
def firestore_async_client(clean_firestore: "FirestoreProcess") -> "Iterator[AsyncClient]":  # noqa: ARG001 - as above
    """Google's asyncio client of an empty database; it connects in the event loop of the test."""
    from google.cloud.firestore import AsyncClient

    client = AsyncClient(project=os.environ["GOOGLE_CLOUD_PROJECT"])
    yield client
    client.close()
