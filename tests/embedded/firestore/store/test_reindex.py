"""A changed index file reaches the documents that were there before it."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from embedded.firestore.index.index_file import parse_index_config
from embedded.firestore.index.indexes import IndexConfig
from embedded.firestore.model.paths import Path as DocumentPath
from embedded.firestore.model.protos import Document, Value
from embedded.firestore.store import reindex
from embedded.firestore.store.sqlite_schema import migrate
from embedded.firestore.store.tables import Tables
from embedded.firestore.store.writes import State

Rows = set[tuple[Any, ...]]
DATABASES = ("projects/p/databases/(default)", "projects/p/databases/other")
STYLE = {"fieldPath": "style", "order": "ASCENDING"}
TAGS = {"fieldPath": "tags", "arrayConfig": "CONTAINS"}
PRIORITY = {"fieldPath": "priority", "order": "DESCENDING"}
BY_PRIORITY = {"collectionGroup": "clips", "queryScope": "COLLECTION", "fields": [STYLE, PRIORITY]}
UP_PRIORITY = {"fieldPath": "priority", "order": "ASCENDING"}
BY_UP_PRIORITY = {"collectionGroup": "clips", "queryScope": "COLLECTION", "fields": [STYLE, UP_PRIORITY]}
BY_TAGS = {"collectionGroup": "clips", "queryScope": "COLLECTION_GROUP", "fields": [TAGS, STYLE]}
EXEMPTION = {"collectionGroup": "clips", "fieldPath": "title", "indexes": []}
OTHERS = {"collectionGroup": "videos", "fieldPath": "*", "indexes": []}
UP_IN_GROUP = {"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"}
IN_GROUP = {"collectionGroup": "clips", "fieldPath": "style", "indexes": [UP_IN_GROUP]}
CONTENTS: list[dict[str, Any]] = [
    {"indexes": [BY_PRIORITY]},
    {"indexes": [BY_PRIORITY, BY_TAGS]},
    {"indexes": [BY_PRIORITY, BY_UP_PRIORITY]},
    {"indexes": [BY_UP_PRIORITY]},
    {"indexes": [BY_TAGS], "fieldOverrides": [EXEMPTION, OTHERS]},
    {"fieldOverrides": [IN_GROUP]},
    {},
]


def make_config(content: dict[str, Any]) -> IndexConfig:
    return parse_index_config(content, "the test", is_enforced=True)


def open_database(directory: Path, content: dict[str, Any]) -> sqlite3.Connection:
    """A data directory's connection, with the indexes of that content."""
    connection = sqlite3.connect(directory / "firestore.sqlite3", isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    migrate(connection)
    reindex.adopt_indexes(connection, make_config(content))
    return connection


def seed(connection: sqlite3.Connection, content: dict[str, Any]) -> None:
    """Seven clips of two videos in each of two databases, as commits would write them."""
    tables = Tables(connection, make_config(content))
    connection.execute("BEGIN")
    for database in DATABASES:
        for number in range(7):
            video = DocumentPath(database, ("videos", f"v{number % 2}"))
            write(tables, video, Document(fields={"title": Value(string_value="a film")}))
            clip = Document(
                fields={
                    "style": Value(string_value=("split", "focus")[number % 2]),
                    "priority": Value(integer_value=-number),
                    "title": Value(string_value=f"t{number}"),
                    "tags": Value(array_value={"values": [{"string_value": "x"}, {"integer_value": number}]}),
                }
            )
            write(tables, video.child("clips", f"c{number}"), clip)
    connection.execute("COMMIT")


def write(tables: Tables, path: DocumentPath, document: Document) -> None:
    state = tables.load([path])[path]
    written = State(path, state.key, state.number, 1, 1, state.data, state.document, document, is_dirty=True)
    tables.find_entries(written)
    tables.store(written, 2)
    tables.write_entries([written])


def read_entries(connection: sqlite3.Connection) -> Rows:
    """All entries, in words that do not depend on the order in which numbers were given."""
    rows = connection.execute(
        "SELECT scopes.database, is_group, scopes.path, definition, value, name, documents.path FROM entries"
        " JOIN scopes ON scope = scopes.number JOIN indexes ON idx = indexes.number"
        " JOIN documents ON document = documents.number"
    )
    return set(rows)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that a few documents fill."""
    monkeypatch.setattr(reindex, "_PAGE_ROWS", 3)


@pytest.mark.parametrize("after", range(len(CONTENTS)))
@pytest.mark.parametrize("before", range(len(CONTENTS)))
def test_entries_are_those_of_a_fresh_directory(tmp_path: Path, before: int, after: int) -> None:
    """After any change of the indexes, each database has the entries of a fresh directory."""
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    connection = open_database(tmp_path / "old", CONTENTS[before])
    seed(connection, CONTENTS[before])
    connection.close()
    connection = open_database(tmp_path / "old", CONTENTS[after])
    fresh = open_database(tmp_path / "new", CONTENTS[after])
    seed(fresh, CONTENTS[after])
    assert read_entries(connection) == read_entries(fresh)
    assert len(read_entries(fresh)) > 50
    connection.close()
    fresh.close()


def test_mirrored_indexes_of_an_older_file_share_their_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each had entries of its own, which nobody would keep up to date."""
    content = {"indexes": [BY_PRIORITY, BY_UP_PRIORITY]}
    with monkeypatch.context() as patch:
        patch.setattr(IndexConfig, "stored_form", lambda _, index: index)
        connection = open_database(tmp_path, content)
        seed(connection, content)
    many = read_entries(connection)
    connection.execute("UPDATE index_config SET shares_mirrors = 0")
    connection.close()
    connection = open_database(tmp_path, content)
    (tmp_path / "new").mkdir()
    fresh = open_database(tmp_path / "new", content)
    seed(fresh, content)
    assert read_entries(connection) == read_entries(fresh)
    assert len(many) == len(read_entries(fresh)) + 7 * len(DATABASES)
    connection.close()
    fresh.close()


def test_without_a_file_the_indexes_stay(tmp_path: Path) -> None:
    """And none is demanded."""
    connection = open_database(tmp_path, CONTENTS[1])
    seed(connection, CONTENTS[1])
    entries = read_entries(connection)
    adopted = reindex.adopt_indexes(connection, None)
    assert adopted.describe() == make_config(CONTENTS[1]).describe()
    assert adopted.report_missing is None
    assert read_entries(connection) == entries
    connection.close()


def test_a_start_that_is_cut_short_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one does the whole work."""
    connection = open_database(tmp_path, CONTENTS[0])
    seed(connection, CONTENTS[0])
    entries = read_entries(connection)
    replace, calls = Tables.replace_entries, 0

    def replace_some(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise KeyboardInterrupt
        replace(*arguments)

    monkeypatch.setattr(Tables, "replace_entries", replace_some)
    with pytest.raises(KeyboardInterrupt):
        reindex.adopt_indexes(connection, make_config(CONTENTS[2]))
    monkeypatch.undo()
    connection.close()
    connection = sqlite3.connect(tmp_path / "firestore.sqlite3")
    assert read_entries(connection) == entries
    stored = json.loads(connection.execute("SELECT content FROM index_config").fetchone()[0])
    assert stored == make_config(CONTENTS[0]).describe()
    connection.close()
    open_database(tmp_path, CONTENTS[2]).close()
