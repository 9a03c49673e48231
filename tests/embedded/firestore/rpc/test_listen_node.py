"""The listeners of Node's client follow what is written, in order and to the exact end, over a cut wire as well."""

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.embedded.firestore.conformance.node_rows import install
from tests.embedded.firestore.listeners import (
    Script,
    View,
    assert_follows,
    brief,
    connect,
    even,
    everything,
    latest,
    make_project,
    one,
    wired,
)
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

VIEWS: dict[str, View] = {"everything": everything, "even": even, "latest": latest, "one": one}
# Without it the client looks for credentials on a cloud machine's own address.
STAY_LOCAL = {"METADATA_SERVER_DETECTION": "none"}


class NodeFollower:
    """A process of Node that listens, and the snapshots that it has printed, by target."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.snapshots: dict[str, list[list[str]]] = {name: [] for name in VIEWS}
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.put(line)

    def wait_for(self, last: dict[str, list[str]]) -> None:
        """The last snapshot of every target is this one."""
        while any(self.snapshots[name][-1:] != [last[name]] for name in VIEWS):
            name, numbers = json.loads(self._lines.get(timeout=PATIENCE_SECONDS))
            self.snapshots[name].append(brief(numbers.items()))


@pytest.fixture(scope="module")
def script_file(pytestconfig: pytest.Config) -> Path:
    """Our script, beside Node's client."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node's client needs node and npm on the PATH")
    folder = install(pytestconfig.cache.mkdir("conformance-node"))
    return Path(shutil.copy(Path(__file__).parent / "follow.mjs", folder))


@contextmanager
def node_following(script_file: Path, address: str, project: str) -> Iterator[NodeFollower]:
    """Node's listeners, which have ended on the way out."""
    environment = {**os.environ, **STAY_LOCAL, "FIRESTORE_EMULATOR_HOST": address, "GOOGLE_CLOUD_PROJECT": project}
    with subprocess.Popen(
        ["node", str(script_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield NodeFollower(process)
        finally:
            process.kill()


def test_a_thousand_writes(script_file: Path, firestore_address: str) -> None:
    """A collection, a query, a page and a document are told each write in order."""
    project, script = make_project(), Script(1000)
    with (
        connect(firestore_address, project) as writer,
        node_following(script_file, firestore_address, project) as follower,
    ):
        follower.wait_for({name: [] for name in VIEWS})
        script.play(writer.collection("c"))
        follower.wait_for({name: view(script.states[-1]) for name, view in VIEWS.items()})
    for name, view in VIEWS.items():
        assert_follows(follower.snapshots[name], [view(state) for state in script.states])


def test_cut_wire(script_file: Path, firestore_address: str) -> None:
    """Streams that are cut in the middle resume without a loss."""
    project, script = make_project(), Script(200)
    with (
        connect(firestore_address, project) as writer,
        wired(firestore_address) as wire,
        node_following(script_file, wire.address, project) as follower,
    ):
        follower.wait_for({name: [] for name in VIEWS})
        script.play(writer.collection("c"), 0, 100)
        assert wire.cut() > 0
        script.play(writer.collection("c"), 100, 200)
        follower.wait_for({name: view(script.states[-1]) for name, view in VIEWS.items()})
    for name, view in VIEWS.items():
        assert_follows(follower.snapshots[name], [view(state) for state in script.states])
