"""The fixtures of all tests: one embedded Firestore and S3 for the session, started as users start them."""

import asyncio
import gc
import os
import sys
import uuid
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.clocks import MovedClock
from tests.patience import extend_defaults

if TYPE_CHECKING:
    from embedded.firestore.process import FirestoreProcess
    from embedded.stack import Endpoints
    from settings import Settings

# Named as its entry point is, so that pytest loads it once, also where the installed entry points are older.
pytest_plugins = ["embedded.firestore.pytest_plugin"]

# Bytecode is kept, also where the environment forbids it: each server that a test starts would compile all code again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

extend_defaults()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collects without the garbage collector, which then never looks through the thousands of tests again."""
    gc.disable()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


@pytest.fixture(scope="session")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Endpoints]":
    """The addresses of a Firestore and an S3 server that live for the session."""
    from cli.stack import INDEXES_FILE
    from embedded.stack import start_stack

    with start_stack(tmp_path_factory.mktemp("data"), indexes_file=INDEXES_FILE) as stack:
        yield stack.endpoints


@pytest.fixture(scope="session")
def settings(endpoints: "Endpoints") -> "Settings":
    """Settings that lead to the session's servers."""
    from cli.stack import with_endpoints
    from settings import Settings

    return with_endpoints(Settings(), endpoints)


@pytest.fixture(scope="session")
def firestore_address(firestore_server: "FirestoreProcess") -> str:
    """A server without indexes to enforce, for as long as the tests run."""
    return firestore_server.host_port


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> MovedClock:
    """The clocks of this test's process, which it can move ahead."""
    return MovedClock(asyncio.get_running_loop(), monkeypatch)


@pytest.fixture
def user_id() -> str:
    """A user of this test's own, so that tests never see each other's videos."""
    return f"user-{uuid.uuid4().hex[:12]}"
