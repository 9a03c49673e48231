"""Lines into a database, in commits of many documents."""

from collections.abc import Callable, Iterable
from typing import Any

from google.api_core.exceptions import GoogleAPICallError
from google.cloud.firestore_v1 import types

from cli.transfer.connection import Database
from cli.transfer.lines import LineError, read_line

MAX_DOCUMENTS = 500
MAX_BYTES = 4 * 1024 * 1024  # a request may have 10 MiB; this leaves room for a document of 1 MiB, and more
TIMEOUT_SECONDS = 60.0

_Request: Any = types.CommitRequest.pb()


class ImportLinesError(Exception):
    """The import stopped; the text says at which lines, and how far it had come."""


def write_documents(database: Database, lines: Iterable[bytes], report: Callable[[int, int], None]) -> int:
    """The documents of all lines are there; those with the same path are replaced, all others left as they are.

    Answers how many. `report` is told of every commit: its documents, and the bytes of its lines. ImportLinesError
    where a line is no document, or Firestore refuses it: what was committed before remains.
    """
    batch = _Batch(database)
    for number, line in enumerate(lines, start=1):
        try:
            batch.add(number, line)
        except LineError as error:
            raise ImportLinesError(f"line {number}: {error}; {_describe(batch.written)}") from error
        if batch.is_full:
            report(*batch.commit())
    report(*batch.commit())
    return batch.written


class _Batch:
    """The next commit, and how many documents were in those before."""

    def __init__(self, database: Database) -> None:
        self.written = 0
        self._database = database
        self._request = _Request(database=database.name)
        self._size_bytes = self._lines_bytes = 0
        self._first_number = self._last_number = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to commit."""
        return len(self._request.writes) >= MAX_DOCUMENTS or self._size_bytes >= MAX_BYTES

    def add(self, number: int, line: bytes) -> None:
        """The document of a line is in it; blank lines are passed over."""
        self._lines_bytes += len(line)
        if not line.strip():
            return
        document = read_line(line, self._database.root)
        self._request.writes.add().update.CopyFrom(document)
        self._size_bytes += document.ByteSize()
        self._first_number, self._last_number = self._first_number or number, number

    def commit(self) -> tuple[int, int]:
        """Its documents are durable, and it is empty again; answers their number and the bytes of their lines."""
        count, lines_bytes = len(self._request.writes), self._lines_bytes
        if count:
            try:
                self._database.api.commit(types.CommitRequest.wrap(self._request), timeout=TIMEOUT_SECONDS)
            except GoogleAPICallError as error:
                place = f"lines {self._first_number} to {self._last_number}"
                raise ImportLinesError(f"{place}: {error.message}; {_describe(self.written)}") from error
        self.written += count
        self._request = _Request(database=self._database.name)
        self._size_bytes = self._lines_bytes = self._first_number = 0
        return count, lines_bytes


def _describe(written: int) -> str:
    return f"{written:,} documents before it were written"
