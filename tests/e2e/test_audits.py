"""GraphQL over HTTP, as graphql-http's own audits see the running server.

npm installs what audits/package-lock.json names into pytest's cache folder, at the first run.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Server
from tests.npm import install_packages
from tests.patience import PATIENCE_SECONDS

pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed: apt-get install npm"),
]

SOURCES = Path(__file__).parent / "audits"


@pytest.fixture(scope="session")
def audits(pytestconfig: pytest.Config) -> Path:
    """A folder with the audits, at the versions of package-lock.json, and our script beside them."""
    return install_packages(pytestconfig.cache.mkdir("graphql-http"), SOURCES)


def test_all_61_audits_are_ok_and_none_a_warning(audits: Path, demo_server: Server) -> None:
    """All 61 audits of GraphQL over HTTP pass, without a warning."""
    command = ["node", str(audits / "audit.mjs"), f"{demo_server.address}/graphql"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    results: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61
