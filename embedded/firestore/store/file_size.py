"""The size of the database's files: what is no longer needed is given back while the server runs.

SQLite keeps free pages in the file, and its log at the largest size that it ever had. The log is copied into the file
at every 16 MB, and begins anew where no read is under way that began before; so, with readers at all times, it grows.
"""

import math
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path

from embedded.errors import escape

PAGE_BYTES = 16_384  # of a new file; SQLite's own 4,096 make a large load slower
CHECKPOINT_PAGES = 1000  # 16 MB of log before it is copied into the file
MAX_LOG_BYTES = 64 * 1024 * 1024  # above this, commits wait for a moment in which no read needs the log
LOG_WAIT_SECONDS = 0.1  # how long they wait at most, once in a while
READS_WAIT_SECONDS = 5.0  # how long new reads wait at most for those under way, before that moment
BUSY_SECONDS = 5.0  # how long another program may hold the file
MAX_FREE_SHARE = 0.25
MIN_FREE_PAGES = 256  # 4 MB, which a small database may keep
SLICE_PAGES = 64  # 1 MB to move in one turn; commits come in between
_INCREMENTAL = 2  # of the pragma auto_vacuum


def configure(connection: sqlite3.Connection) -> None:
    """Sets how a connection uses the files; for a new file, also how it is laid out."""
    if not _read(connection, "page_count"):  # before WAL, which writes the first page
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {CHECKPOINT_PAGES * PAGE_BYTES}")


def adopt_file(connection: sqlite3.Connection) -> None:
    """Lets a file of an older version give pages back: it is written anew, once, if the disk has room for that."""
    if _read(connection, "auto_vacuum") == _INCREMENTAL:
        return
    connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
    _tell("writing the file of an older version anew, so that it can shrink")
    try:
        connection.execute("VACUUM")
    except sqlite3.Error as error:
        _tell(f"the file cannot be written anew, and does not shrink: {error}")


def read_log_bytes(file: Path) -> int:
    """The size of a database's log."""
    with suppress(FileNotFoundError):
        return file.with_name(f"{file.name}-wal").stat().st_size
    return 0


def truncate_log(connection: sqlite3.Connection, wait_seconds: float) -> None:
    """Copies the log into the file and empties it, unless reads need it for longer than is waited for."""
    connection.execute(f"PRAGMA busy_timeout = {round(wait_seconds * 1000)}")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")


def count_excess_pages(connection: sqlite3.Connection) -> int:
    """The number of free pages that are to be given back: those beyond a quarter of the file and beyond 4 MB."""
    free, total = _read(connection, "freelist_count"), _read(connection, "page_count")
    beyond_share = math.ceil((free - total * MAX_FREE_SHARE) / (1 - MAX_FREE_SHARE))  # what is given back counts twice
    return max(min(beyond_share, free - MIN_FREE_PAGES), 0)


def give_back_pages(connection: sqlite3.Connection) -> None:
    """Takes some free pages off the end of the file."""
    connection.executescript(f"PRAGMA incremental_vacuum({SLICE_PAGES})")  # `execute` would take one page


def _tell(line: str) -> None:
    sys.stderr.write(escape(f"firestore: {line}") + "\n")
    sys.stderr.flush()


def _read(connection: sqlite3.Connection, pragma: str) -> int:
    value: int = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    return value
