"""`--suggest-indexes`: any query runs, and what production would want for it is written down."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client, FieldFilter

from embedded.firestore.index.suggestions import Suggestions, format_content

ROOT = Path(__file__).parents[4]
STYLE, PRIORITY = ({"fieldPath": path, "order": "ASCENDING"} for path in ("style", "priority"))
COMPOSITE = {"collectionGroup": "clips", "queryScope": "COLLECTION", "fields": [STYLE, PRIORITY]}
BY_ITSELF = [
    {"order": "ASCENDING", "queryScope": "COLLECTION"},
    {"order": "DESCENDING", "queryScope": "COLLECTION"},
    {"arrayConfig": "CONTAINS", "queryScope": "COLLECTION"},
]
IN_GROUP = {"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"}
OVERRIDE = {"collectionGroup": "clips", "fieldPath": "style", "indexes": [*BY_ITSELF, IN_GROUP]}
WANTED = {"indexes": [COMPOSITE], "fieldOverrides": [OVERRIDE]}


def run_queries(monkeypatch: pytest.MonkeyPatch, *options: str) -> str:
    """The stdout of a server after its first line, once it has answered two queries that need an index each."""
    command = [sys.executable, "-m", "embedded.firestore", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", json.loads(process.stdout.readline())["host_port"])
        with closing(Client(project="suggested", credentials=AnonymousCredentials())) as client:
            client.document("videos/v/clips/c").set({"style": "split", "priority": 1})
            split = FieldFilter("style", "==", "split")
            for _ in range(2):
                assert len(client.collection("videos/v/clips").where(filter=split).order_by("priority").get()) == 1
                assert len(client.collection_group("clips").where(filter=split).get()) == 1
        process.terminate()
        return process.communicate()[0]


def test_they_go_into_the_file_that_then_grants_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Suggested indexes are written into the index file, with which the same queries lack none."""
    file = tmp_path / "firestore.indexes.json"
    options = ["--data-dir", str(tmp_path / "data"), "--indexes", str(file)]
    assert run_queries(monkeypatch, *options, "--suggest-indexes") == ""
    assert json.loads(file.read_text(encoding="utf-8")) == WANTED
    assert run_queries(monkeypatch, *options) == ""


def test_without_a_file_they_are_printed_at_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without an index file, suggested indexes are printed at the end."""
    printed = run_queries(monkeypatch, "--data-dir", str(tmp_path / "data"), "--suggest-indexes")
    assert json.loads(printed) == WANTED


def test_a_bad_file_ends_the_start_in_one_line(tmp_path: Path) -> None:
    """A malformed index file ends the start with exit code 1 and one line."""
    file = tmp_path / "firestore.indexes.json"
    file.write_text('{"indexes": [{}]}', encoding="utf-8")
    command = [sys.executable, "-m", "embedded.firestore", "--data-dir", str(tmp_path / "data"), "--indexes", str(file)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f'firestore: {file}: indexes[0]: "fields" is missing, or not a list\n'


@pytest.mark.parametrize("is_indented", [False, True])
def test_a_file_keeps_its_form_and_what_is_in_it(tmp_path: Path, *, is_indented: bool) -> None:
    """One entry a line, or as the Firebase CLI writes it; what was edited meanwhile stays, and nothing comes twice."""
    file = tmp_path / "firestore.indexes.json"
    suggestions = Suggestions(file)
    suggestions.add(COMPOSITE)
    assert file.read_text(encoding="utf-8").count("\n") == 6

    def edit(content: Any) -> None:
        file.write_text(json.dumps(content, indent=2) + "\n" if is_indented else format_content(content), "utf-8")

    exemption = {"collectionGroup": "clips", "fieldPath": "style", "indexes": []}
    edit({"indexes": [], "fieldOverrides": [exemption]})
    for entry in (COMPOSITE, OVERRIDE, OVERRIDE):
        suggestions.add(entry)
    text = file.read_text(encoding="utf-8")
    assert json.loads(text) == {"indexes": [], "fieldOverrides": [OVERRIDE]}
    assert (text.count("\n") > 6) == is_indented


def test_a_file_that_is_being_edited_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The query runs all the same."""
    file = tmp_path / "firestore.indexes.json"
    file.write_text("{", encoding="utf-8")
    Suggestions(file).add(COMPOSITE)
    assert file.read_text(encoding="utf-8") == "{"
    assert "it is not JSON" in capsys.readouterr().err
