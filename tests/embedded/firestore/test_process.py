"""The server as a process for anybody's tests: it starts, is emptied, and leaves nothing behind."""

import json
from pathlib import Path

import pytest
from google.api_core.exceptions import Aborted, FailedPrecondition
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client, FieldFilter, Query

from embedded.errors import EmbeddedError
from embedded.firestore.process import FirestoreProcess
from embedded.firestore.store.storage import FILE_NAME


def connect(server: FirestoreProcess, monkeypatch: pytest.MonkeyPatch, project: str = "p") -> Client:
    """Google's client of the server."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host_port)
    return Client(project=project, credentials=AnonymousCredentials())


def test_a_project_is_cleared_or_all_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """`clear` empties one project, or without a name the whole server."""
    with FirestoreProcess() as server:
        clients = {project: connect(server, monkeypatch, project) for project in ("p", "q")}
        for client in clients.values():
            client.document("c/a").set({"n": 1})
        server.clear("p")
        assert [client.document("c/a").get().exists for client in clients.values()] == [False, True]
        server.clear()
        assert not clients["q"].document("c/a").get().exists


def test_files_of_its_own_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder the server makes one, and at the end neither it nor the process is left."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with FirestoreProcess() as server:
        assert [file.name for file in tmp_path.rglob(FILE_NAME)] == [FILE_NAME]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="closed channel"):
        server.clear()


def test_a_given_folder_keeps_its_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server over a folder that a previous one used has its documents."""
    with FirestoreProcess(tmp_path) as server:
        connect(server, monkeypatch).document("c/a").set({"n": 1})
    with FirestoreProcess(tmp_path) as server:
        assert connect(server, monkeypatch).document("c/a").get().to_dict() == {"n": 1}


def test_a_server_that_cannot_start_says_so(tmp_path: Path) -> None:
    """A folder that another server has is refused, and one that was never started cannot be cleared."""
    with (
        FirestoreProcess(tmp_path),
        pytest.raises(EmbeddedError, match="ended at once with 1"),
        FirestoreProcess(tmp_path),
    ):
        pass
    with pytest.raises(EmbeddedError, match="not started"):
        FirestoreProcess().clear()


def test_indexes_are_demanded_or_suggested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a file, a query without its index fails; with suggestions it runs, the file gets it, and then it serves."""
    file = tmp_path / "firestore.indexes.json"

    def run_query(server: FirestoreProcess) -> None:
        cities = connect(server, monkeypatch).collection("cities")
        filtered = cities.where(filter=FieldFilter("country", "==", "JP"))
        list(filtered.order_by("population", direction=Query.DESCENDING).stream())

    file.write_text('{"indexes": [], "fieldOverrides": []}')
    with FirestoreProcess(indexes=file) as server, pytest.raises(FailedPrecondition, match="requires an index"):
        run_query(server)
    with FirestoreProcess(indexes=file, suggest_indexes=True) as server:
        run_query(server)
    (index,) = json.loads(file.read_text())["indexes"]
    assert [field["fieldPath"] for field in index["fields"]] == ["country", "population"]
    with FirestoreProcess(indexes=file) as server:
        run_query(server)


def test_transactions_are_optimistic_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An optimistic server lets others write what a transaction has read, and refuses the transaction's commit."""
    with FirestoreProcess(is_optimistic=True) as server:
        client = connect(server, monkeypatch)
        transaction = client.transaction(max_attempts=1)
        transaction._begin()
        client.document("c/a").get(transaction=transaction)
        client.document("c/a").set({"n": 1})
        transaction.set(client.document("c/a"), {"n": 2})
        with pytest.raises(Aborted):
            transaction._commit()
        assert client.document("c/a").get().to_dict() == {"n": 1}
