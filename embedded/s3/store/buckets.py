"""Buckets: folders below the root, with a row for when they were made and for their CORS policy."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from embedded.s3.errors import S3Error
from embedded.s3.store.database import Database
from embedded.s3.store.drafts import fsync_folder
from embedded.s3.store.names import check_bucket_name


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, and its CORS policy as JSON."""

    name: str
    created_ns: int
    cors: str | None = None


class BucketStore:
    """The buckets below `root`. A folder that somebody made by hand is one, if its name could be a bucket's."""

    def __init__(self, root: str, database: Database) -> None:
        self._root = root
        self._database = database

    def check_exists(self, name: str) -> bool:
        """Whether there is such a bucket."""
        return check_bucket_name(name) and os.path.isdir(f"{self._root}/{name}")  # noqa: PTH112 - once a request

    def find(self, name: str) -> Bucket:
        """The bucket; NoSuchBucket where there is none."""
        if not self.check_exists(name):
            raise S3Error("NoSuchBucket")
        rows = self._database.read("SELECT created_ns, cors FROM buckets WHERE name = ?", name)
        return Bucket(name, *rows[0]) if rows else Bucket(name, Path(self._root, name).stat().st_mtime_ns)

    def list_all(self) -> list[Bucket]:
        """All buckets, by name."""
        names = sorted(entry.name for entry in os.scandir(self._root) if entry.is_dir())
        return [self.find(name) for name in names if check_bucket_name(name)]

    def create(self, name: str, cors: str | None = None) -> None:
        """There is such a bucket, as new; InvalidBucketName or BucketConflict where there cannot be."""
        if not check_bucket_name(name):
            raise S3Error("InvalidBucketName")
        try:
            Path(self._root, name).mkdir()
        except FileExistsError:
            raise S3Error("BucketConflict") from None
        fsync_folder(self._root)
        self.put_cors(name, cors, is_new=True)

    def ensure(self, name: str, cors: str) -> None:
        """There is such a bucket; one of which nothing is known yet has this policy from now on."""
        if not self.check_exists(name):
            self.create(name, cors)
        elif not self._database.read("SELECT 1 FROM buckets WHERE name = ?", name):
            self.put_cors(name, cors)

    def delete(self, name: str) -> None:
        """There is no such bucket; BucketNotEmpty where objects are in it."""
        bucket = self.find(name)
        try:
            Path(self._root, bucket.name).rmdir()
        except OSError:
            raise S3Error("BucketNotEmpty") from None
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM buckets WHERE name = ?", (name,))
            connection.execute("DELETE FROM objects WHERE bucket = ?", (name,))
            connection.execute(
                "DELETE FROM parts WHERE upload_id IN (SELECT id FROM uploads WHERE bucket = ?)", (name,)
            )
            connection.execute("DELETE FROM uploads WHERE bucket = ?", (name,))

    def put_cors(self, name: str, cors: str | None, *, is_new: bool = False) -> None:
        """The bucket has this policy, or none."""
        created_ns = time.time_ns() if is_new else self.find(name).created_ns
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?)", (name, created_ns, cors))
