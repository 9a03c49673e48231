"""The SQLite file's tables, and the steps from one version of them to the next."""

import sqlite3

FORMAT_VERSION = 4

# documents  the present: data is the serialised Document, which answers pass through as it is
# versions   the past: what a document was from `valid_from` until `valid_to`, for reads in the past, kept for an hour
# scopes     numbers for what an index entry is sorted within: one collection, or all collections of the same id
# indexes    numbers for field paths with their kind, and for composite definitions
# entries    scope by scope, so that the entries of one collection are neighbours, and a small commit stays local
_TABLES = """
CREATE TABLE databases (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE documents (
    number INTEGER PRIMARY KEY,
    database INTEGER NOT NULL,
    path BLOB NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (database, path)
);
CREATE TABLE versions (
    number INTEGER PRIMARY KEY,
    database INTEGER NOT NULL,
    path BLOB NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX versions_by_path ON versions (database, path, valid_to);
CREATE INDEX versions_by_end ON versions (valid_to);
CREATE TABLE scopes (
    number INTEGER PRIMARY KEY,
    database INTEGER NOT NULL,
    is_group INTEGER NOT NULL,
    path BLOB NOT NULL,
    UNIQUE (database, is_group, path)
);
CREATE TABLE indexes (number INTEGER PRIMARY KEY, definition TEXT NOT NULL UNIQUE);
CREATE TABLE entries (
    scope INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    value BLOB NOT NULL,
    name BLOB NOT NULL,
    document INTEGER NOT NULL,
    PRIMARY KEY (scope, idx, value, name)
) WITHOUT ROWID;
CREATE TABLE clock (last_commit INTEGER NOT NULL);
INSERT INTO clock VALUES (0);
"""

# Resume tokens of listeners hold this: to another directory's data they do not apply.
_IDENTITY = """
CREATE TABLE identity (directory_id BLOB NOT NULL);
INSERT INTO identity VALUES (randomblob(8));
"""

# The indexes that the entries follow, in the form of firestore.indexes.json.
_INDEX_CONFIG = """
CREATE TABLE index_config (content TEXT NOT NULL);
INSERT INTO index_config VALUES ('{}');
"""

# Whether mirrored indexes share their entries; before version 4 each had its own.
_SHARED_MIRRORS = """
ALTER TABLE index_config ADD COLUMN shares_mirrors INTEGER NOT NULL DEFAULT 0;
UPDATE index_config SET shares_mirrors = NOT EXISTS (SELECT 1 FROM entries);
"""

# MIGRATIONS[n] leads from version n to n + 1; version 0 is an empty file.
MIGRATIONS = {0: _TABLES, 1: _IDENTITY, 2: _INDEX_CONFIG, 3: _SHARED_MIRRORS}


class NewerFormatError(Exception):
    """The file was written by a later version of this program."""

    def __init__(self, version: int) -> None:
        super().__init__(f"its format version is {version}, and this program knows {FORMAT_VERSION}: update clipgraph")


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the file to the present format, all or nothing."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT_VERSION:
        raise NewerFormatError(version)
    while version < FORMAT_VERSION:
        step = f"BEGIN IMMEDIATE; {MIGRATIONS[version]} PRAGMA user_version = {version + 1}; COMMIT;"
        connection.executescript(step)
        version += 1
