"""Resume tokens: up to when a client has been told everything, so that only what came later has to be told."""

import struct
from collections.abc import Iterator

from embedded.firestore.model import clock
from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.paths import AFTER_ALL
from embedded.firestore.model.protos import Message
from embedded.firestore.store.snapshots import Snapshot
from embedded.firestore.store.storage import Storage

EVERYTHING = 0  # as a time: before the first commit
_LAYOUT = struct.Struct(">8sQ")


class ResumeTokens:
    """The tokens of one data directory: those of another one say nothing about what is in this one."""

    def __init__(self, storage: Storage) -> None:
        self._directory_id = storage.directory_id
        self._storage = storage

    def encode(self, micros: int) -> bytes:
        """The token for a client that has been told everything up to a time."""
        return _LAYOUT.pack(self._directory_id, micros)

    def resume_time(self, target: Message, now: int) -> int | None:
        """The time up to which the client knows a target's state; None if the changes since are not known any more."""
        if target.WhichOneof("resume_type") == "read_time":
            if not clock.is_valid(target.read_time):
                raise InvalidArgumentError("read_time must be a timestamp of the years 1 to 9999.")
            micros = clock.to_micros(target.read_time)
        elif target.resume_token:
            micros = self._decode(target.resume_token)
        else:
            return EVERYTHING
        return micros if now - self._storage.history_micros < micros <= now else None

    def _decode(self, token: bytes) -> int:
        """The token's time; that of a token which is not ours is too old."""
        if len(token) != _LAYOUT.size:
            return EVERYTHING
        directory_id, micros = _LAYOUT.unpack(token)
        return int(micros) if directory_id == self._directory_id else EVERYTHING


def ended_versions(snapshot: Snapshot, database: str, prefix: bytes, since: int) -> Iterator[tuple[bytes, bytes]]:
    """The key and data of every version of documents below a key that a commit has ended after a time."""
    return snapshot.connection.execute(
        "SELECT path, data FROM versions INDEXED BY versions_by_end"
        " WHERE valid_to > ? AND valid_from <= ? AND database = ? AND path > ? AND path < ?",
        (since, snapshot.read_time, snapshot.database_number(database), prefix, prefix + AFTER_ALL),
    )
