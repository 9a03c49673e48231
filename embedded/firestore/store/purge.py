"""The deletion of all documents at once: some statements, however many documents there are."""

import sqlite3
from collections.abc import Iterator

from embedded.firestore.model.paths import Path, decode_segments

_IN_DATABASE = " WHERE database = (SELECT number FROM databases WHERE name = :database)"
_KEEP_VERSIONS = (
    "INSERT OR FAIL INTO versions (database, path, valid_from, valid_to, data)"
    " SELECT database, path, updated, :commit_time, data FROM documents"
)
_DELETE_ENTRIES = "DELETE FROM entries"
_DELETE_DOCUMENTS = "DELETE FROM documents"
_SET_CLOCK = "UPDATE clock SET last_commit = :commit_time"
_FIND = "SELECT name, path, data FROM documents JOIN databases ON databases.number = documents.database"


def list_documents(connection: sqlite3.Connection, database: str | None) -> Iterator[tuple[Path, bytes]]:
    """The path and data of every document of a database, or of all."""
    rows = connection.execute(_FIND + (" WHERE name = :database" if database else ""), {"database": database})
    return ((Path(name, decode_segments(key)), data) for name, key, data in rows)


def delete_documents(connection: sqlite3.Connection, database: str | None, commit_time: int) -> None:
    """Deletes every document of a database, or of all, as a commit of that time would: past versions stay.

    It is to be run in an open transaction.
    """
    chosen = _IN_DATABASE if database else ""
    scopes = f" WHERE scope IN (SELECT number FROM scopes{chosen})" if database else ""  # noqa: S608 - constants only
    # Without a condition, SQLite frees the pages of the entries and looks at no row.
    statements = (_KEEP_VERSIONS + chosen, _DELETE_ENTRIES + scopes, _DELETE_DOCUMENTS + chosen, _SET_CLOCK)
    for statement in statements:
        connection.execute(statement, {"database": database, "commit_time": commit_time})
