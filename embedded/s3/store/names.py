"""From an object's key to its name, and from the name to the place of its file.

A key lies as a plain file below its bucket's folder, where a file system can hold it so. Keys that it cannot hold
(`dir/`, `a//b`, segments beyond 255 bytes, and `a` beside `a/b`) lie apart, under the SHA-256 of their name.
"""

import hashlib
import os
import re
import unicodedata

from embedded.s3.errors import S3Error

MAX_KEY_BYTES = 1024
MAX_SEGMENT_BYTES = 255
"""What ext4, XFS, APFS and their like take as one name."""

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def check_bucket_name(name: str) -> bool:
    """Whether R2 takes the name for a bucket."""
    return _BUCKET_NAME.fullmatch(name) is not None


def normalize(key: str) -> str:
    """The name of the key: R2 takes keys that differ in their Unicode form only for the same object."""
    return key if key.isascii() else unicodedata.normalize("NFC", key)


def assert_key(key: str) -> None:
    """Raises InvalidObjectName for a key that is too long, or that no file system and no URL can be trusted with."""
    if len(key.encode(errors="surrogatepass")) > MAX_KEY_BYTES:
        raise S3Error("InvalidObjectName", f"The key has more than {MAX_KEY_BYTES} bytes.")
    if not check_utf8(key) or "\0" in key:
        raise S3Error("InvalidObjectName", "The key is not valid UTF-8, or contains NUL.")
    if any(segment in {".", ".."} for segment in key.split("/")):
        raise S3Error("InvalidObjectName", "The key has `.` or `..` between its slashes.")


def check_utf8(text: str) -> bool:
    """Whether the text has a form in UTF-8, which lone surrogates have not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_plain(name: str) -> bool:
    """Whether a file system can hold the name as a path."""
    return all(0 < len(segment.encode()) <= MAX_SEGMENT_BYTES for segment in name.split("/"))


def find_plain_paths(root: str, bucket: str, name: str) -> list[str]:
    """Where the object may lie in its bucket's folder: macOS and people write names in the other Unicode form, too."""
    if not check_plain(name):
        return []
    forms = [name] if name.isascii() else dict.fromkeys((name, unicodedata.normalize("NFD", name)))
    return [os.path.join(root, bucket, form) for form in forms]  # noqa: PTH118 - a Path costs more than the look-up


def find_apart_path(root: str, bucket: str, name: str) -> str:
    """Where the object lies if not in its bucket's folder."""
    return os.path.join(root, ".apart", bucket, hashlib.sha256(name.encode()).hexdigest())  # noqa: PTH118 - as above
