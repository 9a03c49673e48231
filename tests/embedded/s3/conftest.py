"""One embedded S3 for the session, as a process of its own."""

from collections.abc import Iterator

import pytest

from tests.embedded.s3.raw import RawS3
from tests.embedded.s3.server import ServerProcess

pytest.register_assert_rewrite("tests.embedded.s3.conformance.place")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The server under test."""
    with ServerProcess(tmp_path_factory.mktemp("s3") / "root") as process:
        yield process


@pytest.fixture(scope="session")
def raw(server: ServerProcess) -> Iterator[RawS3]:
    """One connection for all rows."""
    client = RawS3(server.host_port)
    yield client
    client.close()
