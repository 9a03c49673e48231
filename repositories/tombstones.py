"""Tombstones: documents that are being deleted, until their files are gone.

A delete spans Firestore and R2, which share no transaction. So the document becomes a tombstone first, in the commit
that counts it out of the statistics; its files go next, the tombstone last. A tombstone has none of the fields that
lists are ordered by and a status that no filter asks for: it is in no list and in no count, and reads by id find
nothing. It keeps what is needed to finish the delete.

A document of another program may have the same status: it is shown, as an odd document.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self, runtime_checkable

from domain import identifiers, keys
from repositories.firestore.paths import parse_path
from repositories.firestore.stored import StoredDocument
from repositories.model.fields import utc_now
from repositories.models import ClipMetadata

DELETING_STATUS = "deleting"
_DELETING_AT = "deleting_at"
# But for `updated_at`, which a commit that counts a clip may still write on its video's tombstone.
_LISTED_FIELDS = frozenset({"created_at", "video_title", "priority", "start_time", "duration_seconds"})
TOMBSTONE_FIELDS = ("status", _DELETING_AT, *sorted(_LISTED_FIELDS))
"""The fields by which `check_is_deleting` knows a tombstone."""


@runtime_checkable
class FileStore(Protocol):
    """The store of the files; `storage.r2.R2Storage` is one."""

    async def delete(self, keys: Iterable[str], /) -> None:
        """None of the keys has a file any more."""

    async def delete_prefix(self, prefix: str, /) -> int:
        """No file is left below the prefix, which ends with a slash; how many there were."""


@dataclass(frozen=True)
class UnfinishedDelete:
    """A video, or with a `clip_id` a clip, whose delete has begun and has not ended."""

    video_id: str
    clip_id: str | None
    deleting_at: datetime | None

    @classmethod
    def from_document(cls, document: StoredDocument) -> Self:
        """The unfinished delete that the tombstone records."""
        ids = parse_path(document.path)
        return cls(ids.video_id, ids.clip_id, document.get(_DELETING_AT))


def check_is_deleting(fields: Mapping[str, Any] | None) -> bool:
    """Whether these are the fields of a tombstone: the status, the time, and nothing that lists are ordered by."""
    if fields is None or fields.get("status") != DELETING_STATUS:
        return False
    return isinstance(fields.get(_DELETING_AT), datetime) and _LISTED_FIELDS.isdisjoint(fields)


def list_file_keys(tombstone: Mapping[str, Any], user_id: str, video_id: str) -> list[str]:
    """The keys in a clip's tombstone that lie in its video's folder: another program may have written any."""
    found = tombstone.get("file_keys")
    named = [key for key in found if isinstance(key, str)] if isinstance(found, list) else []
    return [key for key in named if keys.check_is_within(key, user_id, video_id)]


def mark_video_deleted(user_id: str, video_id: str) -> dict[str, Any]:
    """The tombstone of a video: its folder says where the files are."""
    return _mark_deleted({"user_id": user_id, "video_id": video_id})


def mark_clip_deleted(clip: ClipMetadata) -> dict[str, Any]:
    """The tombstone of a clip, with the keys of its files."""
    # A thumbnail may lie there although the document says that there is none.
    thumbnail_key = identifiers.split_filename(clip.file_key)[0] + keys.THUMBNAIL_SUFFIX
    file_keys = {clip.file_key, clip.thumbnail_r2_key or thumbnail_key, thumbnail_key}
    ids = {"user_id": clip.user_id, "video_id": clip.video_id, "clip_id": clip.clip_id}
    return _mark_deleted({**ids, "file_keys": sorted(file_keys)})


def _mark_deleted(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "status": DELETING_STATUS, _DELETING_AT: utc_now()}
