"""Uploads in parts. Each part is a file among the drafts, and its row is what makes it a part."""

import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from embedded.s3.errors import S3Error
from embedded.s3.store.database import Database, Row
from embedded.s3.store.drafts import Draft, fsync_folder
from embedded.s3.store.model import Checksum, Part, Upload, parse_attributes
from embedded.s3.store.names import normalize

LIFETIME_NS = 7 * 24 * 3600 * 1_000_000_000
"""R2 aborts uploads after seven days."""

_COLUMNS = "id, bucket, key, started_ns, attributes, checksum, checksum_type"


class UploadStore:
    """The uploads that are under way; `folder` holds the parts' files, and drafts."""

    def __init__(self, folder: str, database: Database) -> None:
        self._folder = folder
        self._database = database

    def begin(self, upload: Upload) -> Upload:
        """The upload is open, and has an id."""
        opened = replace(upload, id=secrets.token_urlsafe(48), started_ns=time.time_ns())
        row = (opened.id, opened.bucket, normalize(opened.key), opened.key, opened.started_ns)
        rest = (opened.attributes.to_json(), opened.checksum, opened.checksum_type)
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row + rest)
        return opened

    def find(self, bucket: str, key: str, upload_id: str) -> Upload:
        """The upload; NoSuchUpload where there is none of this object, or it is too old."""
        sql = f"SELECT {_COLUMNS} FROM uploads WHERE id = ? AND bucket = ? AND name = ? AND started_ns > ?"  # noqa: S608 - no value is in it
        rows = self._database.read(sql, upload_id, bucket, normalize(key), time.time_ns() - LIFETIME_NS)
        if not rows:
            raise S3Error("NoSuchUpload")
        return _make_upload(rows[0])

    def scan(self, bucket: str, prefix: str, after: tuple[str, str]) -> Iterator[Upload]:
        """Uploads of keys with the prefix, by key and id, from beyond the key and id of `after`."""
        sql = (
            f"SELECT {_COLUMNS} FROM uploads WHERE bucket = ? AND (name, id) > (?, ?) AND name >= ? "  # noqa: S608 - as above
            "AND substr(name, 1, ?) = ? AND started_ns > ? ORDER BY name, id"
        )
        oldest_ns = time.time_ns() - LIFETIME_NS
        return map(_make_upload, self._database.read(sql, bucket, *after, prefix, len(prefix), prefix, oldest_ns))

    def put_part(self, upload: Upload, number: int, draft: Draft, etag: str, checksum: Checksum | None) -> Part:
        """The sealed draft is the part of that number; one that was before is gone."""
        name = Path(draft.path).name
        part = Part(number, draft.path, draft.size, etag, draft.stamp_ns, checksum)
        stored = f"{checksum.algorithm}:{checksum.value}" if checksum else None
        fsync_folder(self._folder)
        with self._database.transaction() as connection:
            if not connection.execute("SELECT 1 FROM uploads WHERE id = ?", (upload.id,)).fetchone():
                raise S3Error("NoSuchUpload")
            key = (upload.id, number)
            old = connection.execute("SELECT file FROM parts WHERE upload_id = ? AND number = ?", key).fetchall()
            row = (*key, name, draft.size, etag, draft.stamp_ns, stored)
            connection.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        draft.keep()
        self._remove_files(file for (file,) in old)
        return part

    def list_parts(self, upload: Upload, after: int = 0) -> list[Part]:
        """The parts beyond that number, in order."""
        sql = "SELECT number, file, size, etag, modified_ns, checksum FROM parts WHERE upload_id = ? AND number > ?"
        return [
            Part(number, f"{self._folder}/{file}", size, etag, modified_ns, _parse_checksum(checksum))
            for number, file, size, etag, modified_ns, checksum in self._database.read(
                f"{sql} ORDER BY number", upload.id, after
            )
        ]

    def end(self, upload: Upload) -> None:
        """The upload is over, and its parts are gone."""
        parts = self.list_parts(upload)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
            connection.execute("DELETE FROM parts WHERE upload_id = ?", (upload.id,))
        self._remove_files(Path(part.path).name for part in parts)

    def sweep(self) -> None:
        """Uploads that are too old are over, and files that are no part of any upload are gone."""
        sql = f"SELECT {_COLUMNS} FROM uploads WHERE started_ns <= ?"  # noqa: S608 - no value is in it
        for row in self._database.read(sql, time.time_ns() - LIFETIME_NS):
            self.end(_make_upload(row))

    def sweep_files(self) -> None:
        """Drafts of a server that was killed are gone. For the start, when nobody writes yet."""
        known = {file for (file,) in self._database.read("SELECT file FROM parts")}
        self._remove_files(path.name for path in Path(self._folder).iterdir() if path.name not in known)

    def _remove_files(self, names: Iterable[str]) -> None:
        for name in names:
            Path(self._folder, name).unlink(missing_ok=True)


def _make_upload(row: Row) -> Upload:
    upload_id, bucket, key, started_ns, attributes, checksum, checksum_type = row
    return Upload(upload_id, bucket, key, started_ns, parse_attributes(attributes), checksum, checksum_type)


def _parse_checksum(text: str | None) -> Checksum | None:
    algorithm, _, value = (text or "").partition(":")
    return Checksum(algorithm, value) if value else None
