"""The data directory as a whole: its owner's alone, and never a database without documents over a bucket with files."""

import logging
from pathlib import Path

from embedded.errors import EmbeddedError, escape

OWNER_ONLY = 0o700
# Of all that a server's process makes, whatever the umask of the shell that it was started from.
CHILDREN_UMASK = 0o077
_OTHERS = 0o077

log = logging.getLogger(__name__)


def make_data_directory(data_dir: Path) -> None:
    """The directory is there: its owner's alone where it is new, with a warning where others can enter it."""
    data_dir.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
    mode = data_dir.stat().st_mode & 0o777
    if mode & _OTHERS:
        log.warning(
            "Other users of this machine can enter the data directory %s (mode %o): run `chmod 700 %s`.",
            escape(str(data_dir)), mode, escape(str(data_dir)),
        )  # fmt: skip


def assert_database_is_whole(data_dir: Path, database: Path, bucket: Path) -> None:
    """Raises EmbeddedError where the database is a file of 0 bytes, and the bucket holds objects.

    SQLite takes such a file for a new database: all videos would be gone, and `clipgraph reconcile --delete-orphans`
    would take the files for nobody's.
    """
    log_file = database.with_name(f"{database.name}-wal")
    if not database.is_file() or database.stat().st_size or (log_file.is_file() and log_file.stat().st_size):
        return
    if any(path.is_file() for path in bucket.rglob("*")):
        raise EmbeddedError(
            f"The database {database} is empty (0 bytes), and {bucket} holds files: restore the database from a "
            f"backup, or delete it and run `clipgraph import r2 --data-dir {data_dir}`, which rebuilds the metadata."
        )
