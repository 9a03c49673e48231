"""Documents with their index entries and past versions in the file's tables: written together, never one alone."""

import sqlite3
from collections.abc import Callable, Iterable
from itertools import chain

from embedded.firestore.index.entries import Entry, EntryMakers
from embedded.firestore.index.indexes import IndexConfig
from embedded.firestore.model.clock import to_timestamp
from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.paths import Path, encode_segment
from embedded.firestore.model.protos import Document
from embedded.firestore.model.value_order import END, invert
from embedded.firestore.store.writes import State

Row = tuple[int, int, bytes, bytes, int]  # scope, index, value, name, document
MAX_ENTRIES = 40_000  # of one document, as in production
_MAX_CACHED_NUMBERS = 100_000  # some 20 MB
_FIND_SCOPE = "SELECT number FROM scopes WHERE database = ? AND is_group = ? AND path = ?"
_ADD_SCOPE = "INSERT INTO scopes (database, is_group, path) VALUES (?, ?, ?)"
_DELETE_ENTRY = "DELETE FROM entries WHERE scope = ? AND idx = ? AND value = ? AND name = ? AND document = ?"
_CHUNK_SIZES = (64, 8, 1)  # of few lengths, so that SQLite keeps the statements prepared; 512 rows take longer
_LOAD_SIZE = 32
_LOAD = (
    "SELECT path, number, created, updated, data FROM documents WHERE database = ?"  # noqa: S608 - constants only
    f" AND path IN ({', '.join('?' * _LOAD_SIZE)})"
)
_MARKS = "(?, ?, ?, ?, ?)"
# OR FAIL: a failing commit is rolled back as a whole. For a statement of many rows that could be undone alone, SQLite
# would copy every page aside before it changes it: five times the bytes written, a fifth of a load's processor time.
_ADD_ENTRIES = {
    size: f"INSERT OR FAIL INTO entries (scope, idx, value, name, document) VALUES {', '.join([_MARKS] * size)}"  # noqa: S608 - constants only
    for size in _CHUNK_SIZES
}


class Tables:
    """The tables that the writing connection reads and changes, within the transaction that is open."""

    def __init__(self, connection: sqlite3.Connection, indexes: IndexConfig) -> None:
        self._connection = connection
        self._makers = EntryMakers(indexes)
        self._numbers: dict[tuple[str, object], int] = {}
        self._index_numbers = _IndexNumbers(self._number)  # looked up for every entry

    def forget_numbers(self) -> None:
        """Drops the cached numbers: those given out since the last flush may have been rolled back."""
        self._numbers.clear()
        self._index_numbers.clear()

    def load(self, paths: list[Path]) -> dict[Path, State]:
        """The documents of one database as they are now, changes of the open transaction included."""
        states = {path: State(path, path.key) for path in paths}
        by_key = {state.key: state for state in states.values()}
        database = self._database_number(paths[0].database)
        keys = list(by_key)
        for at in range(0, len(keys), _LOAD_SIZE):
            chunk = keys[at : at + _LOAD_SIZE]
            chunk += chunk[-1:] * (_LOAD_SIZE - len(chunk))
            for key, *row in self._connection.execute(_LOAD, (database, *chunk)):
                by_key[key].fill(*row)
        return states

    def find_entries(self, state: State) -> bool:
        """Puts into a state the index entries that it loses and gains; False if the commit has changed nothing."""
        document = state.document
        if not state.is_dirty or (document is None and state.number is None):
            return False
        is_new = state.number is None or state.is_recreated
        if document and not is_new and _serialise(document, state.path, state.created, state.updated) == state.data:
            return False
        collection_id = state.path.segments[-2]
        state.added = self._makers.entries(collection_id, document.fields) if document is not None else []
        if len(state.added) > MAX_ENTRIES:
            raise InvalidArgumentError(
                f"Document '{state.path.name}' would have {len(state.added):,} index entries, and {MAX_ENTRIES:,} are"
                " allowed: exempt its large maps and arrays from indexing."
            )
        if state.before is not None:
            old_set, new_set = set(self._makers.entries(collection_id, state.before.fields)), set(state.added)
            state.removed, state.added = list(old_set - new_set), list(new_set - old_set)
        return True

    def store(self, state: State, commit_time: int) -> None:
        """Writes a document as a commit has left it. `write_entries` is to follow."""
        self._keep_version(state, commit_time)
        if state.document is None:
            self._connection.execute("DELETE FROM documents WHERE number = ?", (state.number,))
            return
        if state.number is None or state.is_recreated:
            state.created = commit_time
        self._put(state, commit_time, _serialise(state.document, state.path, state.created, commit_time))
        state.updated = commit_time

    def write_entries(self, states: Iterable[State]) -> None:
        """Brings the indexes up to documents that were stored."""
        removed: list[Row] = []
        added: list[Row] = []
        for state in states:
            make_rows = self._row_maker(state.path, state.key, state.number or 0)
            removed += make_rows(state.removed)
            added += make_rows(state.added)
        self._write_rows(removed, added)

    def replace_entries(self, path: Path, number: int, removed: Iterable[Entry], added: Iterable[Entry]) -> None:
        """Takes a document out of some places of the indexes, and puts it into others."""
        make_rows = self._row_maker(path, path.key, number)
        self._write_rows(make_rows(removed), make_rows(added))

    def _write_rows(self, removed: list[Row], added: list[Row]) -> None:
        self._connection.executemany(_DELETE_ENTRY, removed)
        added.sort()  # as they lie in the file: rows that share a page come one after the other
        at = 0
        for size in _CHUNK_SIZES:
            while len(added) - at >= size:
                self._connection.execute(_ADD_ENTRIES[size], list(chain.from_iterable(added[at : at + size])))
                at += size

    def _put(self, state: State, commit_time: int, data: bytes) -> None:
        if state.number is not None:
            self._connection.execute(
                "UPDATE documents SET created = ?, updated = ?, data = ? WHERE number = ?",
                (state.created, commit_time, data, state.number),
            )
            return
        cursor = self._connection.execute(
            "INSERT INTO documents (database, path, created, updated, data) VALUES (?, ?, ?, ?, ?)",
            (self._database_number(state.path.database), state.key, state.created, commit_time, data),
        )
        state.number = cursor.lastrowid

    def _keep_version(self, state: State, commit_time: int) -> None:
        if state.number is not None:
            self._connection.execute(
                "INSERT INTO versions (database, path, valid_from, valid_to, data) VALUES (?, ?, ?, ?, ?)",
                (self._database_number(state.path.database), state.key, state.updated, commit_time, state.data),
            )

    def _row_maker(self, path: Path, key: bytes, number: int) -> Callable[[Iterable[Entry]], list[Row]]:
        """A function that makes rows of a document's entries."""
        database, segments = self._database_number(path.database), path.segments
        name = encode_segment(segments[-1])
        collection = self._number(_FIND_SCOPE, _ADD_SCOPE, (database, 0, key[: -len(name)]))
        group = self._number(_FIND_SCOPE, _ADD_SCOPE, (database, 1, encode_segment(segments[-2])))
        group_name = key + END
        scopes = (collection, group)
        names = ((name, invert(name)), (group_name, invert(group_name)))
        numbers = self._index_numbers
        return lambda entries: [
            (scopes[is_group], numbers[definition], value, names[is_group][is_inverted], number)
            for is_group, definition, value, is_inverted in entries
        ]

    def _database_number(self, name: str) -> int:
        find, add = "SELECT number FROM databases WHERE name = ?", "INSERT INTO databases (name) VALUES (?)"
        return self._number(find, add, (name,))

    def _number(self, find: str, add: str, key: tuple[object, ...]) -> int:
        """The number of a database, scope or index, giving it one where it has none yet."""
        number = self._numbers.get((find, key))
        if number is None:
            row = self._connection.execute(find, key).fetchone()
            number = int(row[0]) if row else int(self._connection.execute(add, key).lastrowid or 0)
            if len(self._numbers) > _MAX_CACHED_NUMBERS:
                self._numbers.clear()
            self._numbers[find, key] = number
        return number


class _IndexNumbers(dict[str, int]):
    """The numbers of index definitions, looked up in the file where they are not known yet."""

    def __init__(self, find_number: Callable[[str, str, tuple[object, ...]], int]) -> None:
        super().__init__()
        self._find_number = find_number

    def __missing__(self, definition: str) -> int:
        find, add = "SELECT number FROM indexes WHERE definition = ?", "INSERT INTO indexes (definition) VALUES (?)"
        number = self[definition] = self._find_number(find, add, (definition,))
        return number


def _serialise(document: Document, path: Path, created: int, updated: int) -> bytes:
    """A document as it is stored: deterministic, so that equal documents are equal bytes."""
    document.name = path.name
    document.create_time.CopyFrom(to_timestamp(created))
    document.update_time.CopyFrom(to_timestamp(updated))
    data: bytes = document.SerializeToString(deterministic=True)
    return data
