"""`clipgraph firestore export` and `import`: documents leave as lines, and come back as they were."""

import datetime as dt
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client, GeoPoint
from google.cloud.firestore_v1.vector import Vector

from cli.commands.firestore import command
from cli.transfer import exporter, importer
from cli.transfer.connection import connect_database
from embedded.stack import start_stack

UTC = dt.UTC
Invoke = Callable[..., Result]


@pytest.fixture
def invoke(firestore_address: str, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs the command against the session's server; pages and commits are so small that a few documents fill many."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_address)
    monkeypatch.setattr(exporter, "PAGE_DOCUMENTS", 4)
    monkeypatch.setattr(importer, "MAX_DOCUMENTS", 3)

    def invoke(*arguments: object, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(command, [str(argument) for argument in arguments], input=stdin)

    return invoke


@pytest.fixture
def make_client(invoke: Invoke) -> Iterator[Callable[..., Client]]:
    """Makes clients of projects that nobody else uses."""
    del invoke  # it says where the server is
    clients = []

    def make_client(database: str | None = None) -> Client:
        project = f"export-{secrets.token_hex(6)}"
        clients.append(Client(project=project, database=database, credentials=AnonymousCredentials()))
        return clients[-1]

    yield make_client
    for client in clients:
        client.close()


def fields_of_all_kinds(client: Client) -> dict[str, Any]:
    return {
        "null": None,
        "booleans": [True, False],
        "integers": [0, -1, 2**63 - 1, -(2**63)],
        "doubles": [0.0, -0.0, 3.0, 5e-324, 0.1 + 0.2, float("inf"), float("-inf")],
        "nan": float("nan"),
        "times": [dt.datetime(1, 1, 1, tzinfo=UTC), dt.datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)],
        "texts": ["", "é\u2028\U0001f600\x00\n", "x" * 5000],
        "bytes": [b"", b"\xff\x00"],
        "reference": client.document("c/other"),
        "elsewhere": Client(project="x", credentials=AnonymousCredentials()).document("c/a"),
        "points": [GeoPoint(0, 0), GeoPoint(-90, 180)],
        "empty": {"array": [], "map": {}},
        "a field.with `odd` letters": {"deep": [{"deeper": [1]}]},
        "vector": Vector([1.0, -2.5]),
    }


def seed(client: Client) -> int:
    """Documents at any depth, under parents that are not there, with odd ids; how many there are."""
    paths = ["c/a", "c/none/sub/deep", "c/none/sub/deep/sub/deeper", "c/__id7__", "c/é ~'\"\\", "z/" + "i" * 1500]
    paths += [f"many/d{number:02d}" for number in range(15)]
    for path in paths:
        client.document(path).set(fields_of_all_kinds(client))
    client.document("c/empty").set({})
    return len(paths) + 1


def read_all(client: Client) -> dict[str, bytes]:
    """The fields of all documents, by path, as the server sends them; references to its own database shortened."""
    with connect_database(None, client.project, client._database) as database:
        found = {}
        for document in exporter.read_documents(database):
            path = document.name.removeprefix(database.root)
            document.ClearField("name")
            document.ClearField("create_time")
            document.ClearField("update_time")
            for value in document.fields.values():
                if value.HasField("reference_value"):
                    value.reference_value = value.reference_value.removeprefix(database.root)
            found[path] = document.SerializeToString(deterministic=True)
        return found


@pytest.mark.parametrize("database", [None, "another"])
def test_a_round_trip(invoke: Invoke, make_client: Callable[..., Client], tmp_path: Path, database: str | None) -> None:
    """Into another project: equal documents, whose references lead to their new neighbours."""
    source, target = make_client(), make_client(database)
    count = seed(source)
    file = tmp_path / "out.jsonl"
    assert invoke("export", file, "--project", source.project).exit_code == 0
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n")[:-1]]
    assert len(lines) == count
    options = ["--database", database] if database else []
    result = invoke("import", file, "--project", target.project, *options)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"Imported {count} documents" in result.stderr
    assert read_all(target) == read_all(source)


def test_lines_are_rest_documents(invoke: Invoke, make_client: Callable[..., Client]) -> None:
    """On stdout, with nothing else there."""
    client = make_client()
    client.document("c/a").set({"n": 1, "s": "é"})
    result = invoke("export", "--project", client.project)
    snapshot = client.document("c/a").get()
    line = json.loads(result.stdout)
    # RFC 3339 lets the fraction end in zeros or not: the moments are what counts.
    times = [dt.datetime.fromisoformat(line.pop(name)) for name in ("createTime", "updateTime")]
    assert times == [snapshot.create_time, snapshot.update_time]
    assert line == {
        "name": f"projects/{client.project}/databases/(default)/documents/c/a",
        "fields": {"n": {"integerValue": "1"}, "s": {"stringValue": "é"}},
    }


def test_an_export_is_of_one_moment(make_client: Callable[..., Client]) -> None:
    """A change between two pages of an export is not in it."""
    client = make_client()
    seed(client)
    before = read_all(client)
    with connect_database(None, client.project, None) as database:
        documents = exporter.read_documents(database)
        names = [next(documents).name]
        client.document("many/d14").delete()
        client.document("many/d15").set({})
        client.document("z/new").set({})
        names += [document.name for document in documents]
    assert len(names) == len(before)
    assert f"{database.root}/many/d14" in names


def test_an_import_can_be_run_again(invoke: Invoke, make_client: Callable[..., Client], tmp_path: Path) -> None:
    """It replaces documents of the same path, and leaves others alone."""
    client = make_client()
    file = tmp_path / "in.jsonl"
    name = f"projects/{client.project}/databases/(default)/documents/c/a"
    file.write_text(json.dumps({"name": name, "fields": {"n": {"integerValue": "1"}}}) + "\n\n", encoding="utf-8")
    client.document("c/a").set({"n": 2, "old": True})
    client.document("c/b").set({"n": 3})
    for _ in range(2):
        assert invoke("import", file, "--project", client.project).exit_code == 0
    assert [snapshot.to_dict() for snapshot in client.collection("c").stream()] == [{"n": 1}, {"n": 3}]


GOOD = '{"name": "projects/p/databases/d/documents/c/good%d"}\n'
BAD = [
    ("{", "it is not the JSON of a document (JSONDecodeError"),
    ("[]", "it is not the JSON of a document (TypeError"),
    ("{}", "it is not the JSON of a document (KeyError: 'name')"),
    ('{"name": "c/a"}', 'its "name" is not projects/'),
    ('{"name": "p/documents/c/a", "fields": {"n": {"integerValue": "9223372036854775808"}}}', "(ValueError"),
    ('{"name": "p/documents/c/a", "fields": {"n": {"bytesValue": "?"}}}', "(Error"),
    ('{"name": "p/documents/c/a", "fields": {"n": {"fooValue": 1}}}', "(KeyError: 'fooValue')"),
    ('{"name": "p/documents/c/a", "fields": {"n": {}}}', "(ValueError"),
    ('{"name": "p/documents/c/a", "fields": {"n": 1}}', "(AttributeError"),
    ('{"name": "p/documents/c/a", "fields": {"n": {"timestampValue": "now"}}}', "(ValueError"),
    ("[" * 100_000, "(RecursionError"),
]


@pytest.mark.parametrize(("line", "message"), BAD, ids=range(len(BAD)))
def test_a_bad_line_is_named(invoke: Invoke, make_client: Callable[..., Client], line: str, message: str) -> None:
    """With its number, and with what was written before it."""
    client = make_client()
    good = "".join(GOOD % number for number in range(4))
    result = invoke("import", "--project", client.project, stdin=good + line)
    assert result.exit_code == 1
    assert "stdin: line 5: " in result.stderr
    assert message in result.stderr
    assert "3 documents before it were written" in result.stderr
    assert len(list(client.collection("c").stream())) == 3


def test_what_firestore_refuses_is_named(invoke: Invoke, make_client: Callable[..., Client]) -> None:
    """An import that Firestore refuses names the lines and the reason, and writes no document."""
    client = make_client()
    refused = '{"name": "projects/p/databases/d/documents/c/__bad__"}'
    result = invoke("import", "--project", client.project, stdin=GOOD % 1 + refused)
    assert result.exit_code == 1
    assert "stdin: lines 1 to 2: " in result.stderr
    assert "reserved" in result.stderr
    assert not list(client.collection("c").stream())


def test_a_failed_export_leaves_the_older_file(invoke: Invoke, tmp_path: Path) -> None:
    """A failed export leaves the older file as it was; paths that cannot be used are named."""
    file = tmp_path / "out.jsonl"
    file.write_text("older", encoding="utf-8")
    result = invoke("export", file, "--project", "a/b")
    assert (result.exit_code, result.stderr.splitlines()[-1][:31]) == (1, "Error: Firestore aborted the ex")
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == ["older"]
    assert "Cannot write" in invoke("export", tmp_path / "no" / "folder", "--project", "p").stderr
    assert "Cannot read" in invoke("import", tmp_path / "nothing").stderr


def test_a_data_directory_is_served_for_as_long_as_it_takes(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By the server that runs on it, or by one of the command's own."""
    for name in ("FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    data_dir = tmp_path / "data"
    assert invoke("import", "--data-dir", data_dir, stdin=GOOD % 1).exit_code == 0
    alone = invoke("export", "--data-dir", data_dir)
    with start_stack(data_dir):
        assert invoke("export", "--data-dir", data_dir).stdout == alone.stdout != ""
        assert invoke("import", "--data-dir", data_dir, stdin=GOOD % 2).exit_code == 0
    assert invoke("export", "--data-dir", data_dir).stdout.count("\n") == 2
