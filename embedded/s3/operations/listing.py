"""Pages of objects and of uploads, with folders made of a delimiter."""

import base64
import binascii
from dataclasses import dataclass, field

from embedded.s3.errors import S3Error
from embedded.s3.store.model import StoredObject, Upload
from embedded.s3.store.names import check_utf8, normalize
from embedded.s3.store.store import Store
from embedded.s3.store.walk import Cursor


@dataclass(frozen=True, slots=True)
class Asked:
    """Which objects are asked for; `after` may be a folder that was listed, all of which is passed then."""

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    limit: int = 1000


@dataclass(slots=True)
class Page:
    """Objects and folders, in order among themselves; `last` is the last of both, where there are more."""

    objects: list[StoredObject] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    last: str | None = None


def list_objects(store: Store, bucket: str, asked: Asked) -> Page:
    """The first objects that are asked for."""
    prefix, delimiter = normalize(asked.prefix), asked.delimiter
    cursor = Cursor(prefix, normalize(asked.after))
    if delimiter and asked.after and fold(cursor.after, prefix, delimiter) == cursor.after:
        cursor.skip_beyond(cursor.after)
    found: list[tuple[str, str]] = []
    page = Page()
    last = None
    for name, path in store.objects.scan(bucket, cursor) if asked.limit else ():
        if len(found) + len(page.folders) == asked.limit:
            page.last = last
            break
        folder = fold(name, prefix, delimiter)
        if folder is None:
            found.append((name, path))
        else:
            page.folders.append(folder)
            cursor.skip_beyond(folder)
        last = folder or name
    page.objects = store.objects.describe_all(bucket, found)
    return page


def list_uploads(store: Store, bucket: str, asked: Asked, upload_id: str) -> tuple[list[Upload], list[str], bool]:
    """The first uploads beyond the key `after`, or beyond the id of that key; their folders; whether there are more."""
    prefix, after = normalize(asked.prefix), normalize(asked.after)
    marker = (after, upload_id) if upload_id else (after, "\U0010ffff" if after else "")
    uploads: list[Upload] = []
    folders: dict[str, None] = {}
    for upload in store.uploads.scan(bucket, prefix, marker):
        folder = fold(normalize(upload.key), prefix, asked.delimiter)
        if folder is not None and (folder in folders or folder == after):
            continue
        if len(uploads) + len(folders) == asked.limit:
            return uploads, list(folders), True
        if folder is None:
            uploads.append(upload)
        else:
            folders[folder] = None
    return uploads, list(folders), False


def fold(name: str, prefix: str, delimiter: str) -> str | None:
    """The name up to the first delimiter beyond the prefix; None where there is none."""
    at = name.find(delimiter, len(prefix)) if delimiter and name.startswith(prefix) else -1
    return None if at < 0 else name[: at + len(delimiter)]


def make_token(name: str) -> str:
    """A continuation token: from beyond this name on."""
    return base64.urlsafe_b64encode(name.encode()).decode()


def parse_token(token: str) -> str:
    """The name in the token; InvalidArgument where it is none of ours."""
    try:
        name = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect.") from None
    if not name or not check_utf8(name):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect.")
    return name
