"""Python's listeners follow what is written, in order and to the exact end, whatever becomes of the wire."""

from pathlib import Path

import pytest

from tests.embedded.firestore.listeners import (
    Script,
    assert_follows,
    connect,
    everything,
    following,
    make_project,
    make_targets,
    serving,
    wired,
)

pytestmark = pytest.mark.prove


def test_a_thousand_writes(firestore_address: str) -> None:
    """A collection, a query, a page and a document are told each write in order, and no time goes back."""
    project, script = make_project(), Script(1000)
    with connect(firestore_address, project) as client, following(make_targets(client.collection("c"))) as followers:
        for follower in followers.values():
            follower.wait_for([])
        script.play(client.collection("c"))
        for view, follower in followers.items():
            states = [view(state) for state in script.states]
            follower.wait_for(states[-1])
            assert_follows(follower.snapshots, states)
            assert follower.read_times == sorted(follower.read_times)


def test_cut_wire(firestore_address: str) -> None:
    """Streams that are cut in the middle resume, without a loss and without a state that never was."""
    project, script = make_project(), Script(400)
    with (
        connect(firestore_address, project) as writer,
        wired(firestore_address) as wire,
        connect(wire.address, project) as reader,
        following(make_targets(reader.collection("c"))) as followers,
    ):
        cut = 0
        for start in range(0, 400, 100):
            script.play(writer.collection("c"), start, start + 100)
            cut += wire.cut()
        assert cut > 1
        for view, follower in followers.items():
            states = [view(state) for state in script.states]
            follower.wait_for(states[-1])
            assert_follows(follower.snapshots, states)


def test_killed_server(tmp_path: Path) -> None:
    """Listeners of a server that is killed and started again go on where they were."""
    project, script = make_project(), Script(200)
    with (
        serving(tmp_path) as (address, process),
        wired(address) as wire,
        connect(wire.address, project) as reader,
        following(make_targets(reader.collection("c"))) as followers,
    ):
        with connect(address, project) as writer:
            script.play(writer.collection("c"), 0, 100)
        process.kill()
        process.wait()
        with serving(tmp_path) as (wire.backend, _), connect(wire.backend, project) as writer:
            script.play(writer.collection("c"), 100, 200)
            for view, follower in followers.items():
                states = [view(state) for state in script.states]
                follower.wait_for(states[-1])
                assert_follows(follower.snapshots, states)


def test_many_listeners(firestore_address: str) -> None:
    """Fifty listeners on one target are all told the same."""
    project, script = make_project(), Script(50)
    states = [everything(state) for state in script.states]
    with connect(firestore_address, project) as client:
        collection = client.collection("c")
        targets = {lambda state: state: collection for _ in range(50)}
        with following(targets) as followers:
            script.play(collection)
            for follower in followers.values():
                follower.wait_for(states[-1])
                assert_follows(follower.snapshots, states)
