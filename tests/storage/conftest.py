"""A storage on the session's S3 server, and one folder of it for each test."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from embedded.endpoints import Endpoints
from storage.r2 import R2Storage


@pytest.fixture
def make_storage(endpoints: Endpoints) -> Iterator[Callable[..., R2Storage]]:
    """Makes storages, with other arguments where a test wants them; all are closed at the end."""
    usual: dict[str, Any] = {
        "endpoint_url": endpoints.r2_endpoint_url,
        "bucket": endpoints.r2_bucket,
        "access_key_id": endpoints.r2_access_key_id,
        "secret_access_key": endpoints.r2_secret_access_key,
    }
    with ExitStack() as cleanup:

        def make(**changes: Any) -> R2Storage:
            storage = R2Storage(**{**usual, **changes})
            cleanup.callback(storage.close)
            return storage

        yield make


@pytest.fixture
def storage(make_storage: Callable[..., R2Storage]) -> R2Storage:
    """The bucket that `clipgraph serve` would use."""
    return make_storage()


@pytest.fixture
def folder() -> str:
    """A prefix of this test's own, without its slash."""
    return f"u/{uuid.uuid4().hex}"
