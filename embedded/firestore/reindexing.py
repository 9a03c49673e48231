"""Bringing the index entries in the file up to a changed configuration, when the server starts."""

import json
import sqlite3
from collections.abc import Iterator

from embedded.firestore.indexes import NAMES, IndexConfig, changed_collections
from embedded.firestore.indexfile import parse_index_config
from embedded.firestore.paths import Path, decode_segments, encode_segment
from embedded.firestore.protos import Document
from embedded.firestore.tables import Tables


def adopt_indexes(connection: sqlite3.Connection, wanted: IndexConfig | None) -> IndexConfig:
    """Return the configuration that the file's entries now follow: the wanted one, or else the one they had.

    All or nothing: a start that is cut short finds the old entries with the old configuration.
    """
    stored = connection.execute("SELECT content FROM index_config").fetchone()[0]
    present = parse_index_config(json.loads(stored), "the stored indexes", is_enforced=False)
    if wanted is None:
        return present
    if wanted.describe() != present.describe():
        connection.execute("BEGIN IMMEDIATE")
        for collection_id in changed_collections(present, wanted):
            _reindex(connection, collection_id, present, wanted)
        connection.execute("UPDATE index_config SET content = ?", (json.dumps(wanted.describe()),))
        connection.execute("COMMIT")
    return wanted


def _reindex(connection: sqlite3.Connection, collection_id: str, present: IndexConfig, wanted: IndexConfig) -> None:
    tables = Tables(connection, wanted)
    for number, path, data in _documents(connection, collection_id):
        fields = Document.FromString(data).fields
        old = set(present.entries(path.segments[-2], fields))
        new = set(wanted.entries(path.segments[-2], fields))
        tables.replace_entries(path, number, old - new, new - old)


def _documents(connection: sqlite3.Connection, collection_id: str) -> Iterator[tuple[int, Path, bytes]]:
    """Yield the documents of a collection id in all databases."""
    for (number,) in _numbers(connection, collection_id):
        name, path, data = connection.execute(
            "SELECT databases.name, path, data FROM documents JOIN databases ON databases.number = database"
            " WHERE documents.number = ?",
            (number,),
        ).fetchone()
        yield number, Path(name, decode_segments(path)), data


def _numbers(connection: sqlite3.Connection, collection_id: str) -> list[tuple[int]]:
    """Return numbers first: entries are about to change under the query."""
    return connection.execute(
        "SELECT document FROM scopes JOIN entries ON scope = scopes.number JOIN indexes ON indexes.number = idx"
        " WHERE is_group AND path = ? AND definition = ?",
        (encode_segment(collection_id), NAMES),
    ).fetchall()
