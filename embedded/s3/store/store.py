"""All that the server keeps, in one folder: buckets as folders, `s3.sqlite`, `.uploads` and `.apart`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from embedded.lock import FileLockedError, lock_file
from embedded.s3.errors import S3Error, StoreError
from embedded.s3.store.buckets import BucketStore
from embedded.s3.store.database import Database
from embedded.s3.store.drafts import Draft, open_draft
from embedded.s3.store.objects import ObjectStore
from embedded.s3.store.uploads import UploadStore

LOCK_NAME = ".lock"


class Store:
    """An open store; one process at a time has it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.is_writable = os.access(root, os.W_OK)
        self._drafts = root / ".uploads"
        self._lock = self._take_lock()
        self._database = Database(root)
        self.buckets = BucketStore(str(root), self._database)
        self.objects = ObjectStore(str(root), self._database)
        self.uploads = UploadStore(str(self._drafts), self._database)

    @contextmanager
    def open_draft(self) -> Iterator[Draft]:
        """A draft for an object or a part; it is discarded at the end if it has not become one."""
        if not self.is_writable:
            raise S3Error("AccessDenied", "The folder of the objects is read-only.")
        with open_draft(str(self._drafts)) as draft:
            yield draft

    def sweep(self) -> None:
        """Removes what has expired, and writes what could wait. To be called now and then."""
        if self.is_writable:
            self.uploads.sweep()
            self._database.flush()

    def close(self) -> None:
        """All is written; another process may open the store. Closing twice is no error."""
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def recover(self) -> None:
        """Removes the leftovers of a killed server. To be called at the start."""
        if self.is_writable:
            self.objects.sweep()
            self.uploads.sweep_files()
            self.sweep()

    def _take_lock(self) -> int | None:
        if not self.is_writable:
            return None
        self._drafts.mkdir(exist_ok=True)
        try:
            return lock_file(self.root / LOCK_NAME)
        except FileLockedError:
            raise StoreError(f"another S3 server runs over {self.root}") from None


def open_store(root: Path) -> Store:
    """The store in the folder, which exists from now on; StoreError where it cannot be."""
    try:
        with suppress(FileExistsError):
            root.mkdir(parents=True)
        store = Store(root)
    except OSError as error:
        raise StoreError(f"cannot use {root}: {error.strerror}") from error
    store.recover()
    return store
