"""What can go wrong with objects in R2, in words of ours: botocore's exceptions never leave this package."""


class StorageError(Exception):
    """R2 refused a request, or an answer of it cannot be used."""


class BucketNotFoundError(StorageError):
    """There is no bucket of this name, or none that these credentials can see."""

    def __init__(self, bucket: str) -> None:
        super().__init__(f"There is no bucket {bucket!r}, or these credentials cannot see it.")
        self.bucket = bucket


class ObjectNotFoundError(StorageError):
    """There is no object with this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no object {key!r} in the bucket.")
        self.key = key


class ObjectTooLargeError(StorageError):
    """The object has more bytes than the caller wants to hold in memory."""

    def __init__(self, key: str, max_bytes: int) -> None:
        super().__init__(f"The object {key!r} has more than {max_bytes} bytes.")
        self.key = key
        self.max_bytes = max_bytes


class StorageUnavailableError(StorageError):
    """R2 did not answer in time, or said that it cannot answer now; the same call may work later."""
