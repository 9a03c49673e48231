"""Bringing the index entries in the file up to a changed configuration, when the server starts."""

import json
import sqlite3
import sys
import time
from collections.abc import Iterator

from embedded.errors import escape
from embedded.firestore.index.entries import EntryMakers
from embedded.firestore.index.index_file import parse_index_config
from embedded.firestore.index.indexes import NAMES, IndexConfig, changed_collections, changes_between
from embedded.firestore.model.paths import Path, decode_segments, encode_segment
from embedded.firestore.model.protos import Document
from embedded.firestore.store.tables import Tables

_PAGE_ROWS = 1000
_REPORT_SECONDS = 5.0  # whoever started the server sees that it works


def adopt_indexes(connection: sqlite3.Connection, wanted: IndexConfig | None) -> IndexConfig:
    """The configuration that the file's entries now follow: the wanted one, or else the one they had.

    All or nothing: a start that is cut short finds the old entries with the old configuration. Memory does not grow
    with the number of documents.
    """
    stored, shares_mirrors = connection.execute("SELECT content, shares_mirrors FROM index_config").fetchone()
    present = parse_index_config(json.loads(stored), "the stored indexes", is_enforced=False)
    if not shares_mirrors:
        _drop_mirrors(connection, present)
    if wanted is None:
        return present
    if wanted.describe() != present.describe():
        connection.execute("BEGIN IMMEDIATE")
        for collection_id in changed_collections(present, wanted):
            _reindex(connection, collection_id, *changes_between(present, wanted, collection_id))
        connection.execute("UPDATE index_config SET content = ?", (json.dumps(wanted.describe()),))
        connection.execute("COMMIT")
    return wanted


def _drop_mirrors(connection: sqlite3.Connection, config: IndexConfig) -> None:
    """Removes the entries that indexes shared with their mirrors had of their own, before version 4 of the format."""
    sql = "DELETE FROM entries WHERE idx IN (SELECT number FROM indexes WHERE definition = ?)"
    connection.execute("BEGIN IMMEDIATE")
    for collection_id, composites in config.composites.items():
        kept = {index.definition for index in config.stored_composites(collection_id)}
        connection.executemany(sql, [(index.definition,) for index in composites if index.definition not in kept])
    connection.execute("UPDATE index_config SET shares_mirrors = 1")
    connection.execute("COMMIT")


def _reindex(connection: sqlite3.Connection, collection_id: str, before: IndexConfig, after: IndexConfig) -> None:
    tables = Tables(connection, after)
    old_makers, new_makers = EntryMakers(before), EntryMakers(after)
    report_at = time.monotonic() + _REPORT_SECONDS
    for count, (number, path, data) in enumerate(_documents(connection, collection_id), start=1):
        fields = Document.FromString(data).fields
        old, new = set(old_makers.entries(collection_id, fields)), set(new_makers.entries(collection_id, fields))
        tables.replace_entries(path, number, old - new, new - old)
        if time.monotonic() > report_at:
            sys.stderr.write(escape(f"firestore: indexing {collection_id} anew, {count:,} documents so far") + "\n")
            sys.stderr.flush()
            report_at = time.monotonic() + _REPORT_SECONDS


def _documents(connection: sqlite3.Connection, collection_id: str) -> Iterator[tuple[int, Path, bytes]]:
    """The documents of a collection id in all databases."""
    groups = connection.execute(
        "SELECT scopes.number, databases.name FROM scopes JOIN databases ON databases.number = database"
        " WHERE is_group AND path = ?",
        (encode_segment(collection_id),),
    ).fetchall()
    for group, database in groups:
        for number in _numbers(connection, group):
            row = connection.execute("SELECT path, data FROM documents WHERE number = ?", (number,)).fetchone()
            yield number, Path(database, decode_segments(row[0])), row[1]


def _numbers(connection: sqlite3.Connection, group: int) -> Iterator[int]:
    """The documents page by page: the entries beside theirs change under way."""
    sql = (
        "SELECT name, document FROM entries JOIN indexes ON indexes.number = idx"
        " WHERE scope = ? AND definition = ? AND value = x'' AND name > ? ORDER BY name LIMIT ?"
    )
    last = b""
    while rows := connection.execute(sql, (group, NAMES, last, _PAGE_ROWS)).fetchall():
        yield from (number for _, number in rows)
        last = rows[-1][0]
