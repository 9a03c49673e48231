"""The exceptions of storage: botocore's never leave this package."""


class StorageError(Exception):
    """R2 refused a request, or an answer of it cannot be used."""


class BucketNotFoundError(StorageError):
    """There is no bucket of this name, or none that these credentials can see."""

    def __init__(self, bucket: str) -> None:
        super().__init__(f"The bucket {bucket!r} does not exist, or the credentials have no access to it.")
        self.bucket = bucket


class ObjectNotFoundError(StorageError):
    """There is no object with this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The object {key!r} does not exist.")
        self.key = key


class ObjectEmptyError(ObjectNotFoundError):
    """The object has 0 bytes: nothing was uploaded, or it broke off."""


class UploadNotFoundError(StorageError):
    """There is no such multipart upload of this object: it was completed, aborted, or never begun."""

    def __init__(self, key: str, upload_id: str) -> None:
        super().__init__(f"The multipart upload {upload_id!r} of {key!r} does not exist.")
        self.key = key
        self.upload_id = upload_id


class InvalidPartsError(StorageError):
    """The parts differ from the uploaded ones, or one but the last is too small."""

    def __init__(self, code: str) -> None:
        super().__init__(f"R2 cannot join these parts ({code}).")


class ObjectTooLargeError(StorageError):
    """The object has more bytes than the caller wants to hold in memory."""

    def __init__(self, key: str, max_bytes: int) -> None:
        super().__init__(f"The object {key!r} has more than {max_bytes} bytes.")
        self.key = key
        self.max_bytes = max_bytes


class StorageUnavailableError(StorageError):
    """R2 did not answer in time, or said that it cannot answer now; the same call may work later."""


class StorageNotConfiguredError(StorageError):
    """The environment lacks the bucket's address or the key to sign with; `names` are the variables to set."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"R2 is not configured. Missing: {', '.join(names)}.")
        self.names = names
