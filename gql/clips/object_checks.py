"""A clip's files in R2, checked before the clip becomes COMPLETED."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.identifiers import check_form_c
from domain.keys import THUMBNAIL_SUFFIX, clip_id_of
from repositories.clips import ClipRepository
from repositories.exceptions import ClipNotFoundError
from repositories.model.statuses import ClipStatusChange
from repositories.models import ClipMetadata, ClipStatus
from storage.exceptions import ObjectEmptyError, ObjectNotFoundError
from storage.r2 import R2Storage


@dataclass(frozen=True)
class ClipFiles:
    """A clip's files as R2 has them."""

    size_bytes: int
    has_thumbnail: bool
    changed_at: datetime


async def add_files(
    storage: R2Storage, repository: ClipRepository, changes: Sequence[ClipStatusChange]
) -> list[ClipStatusChange]:
    """The changes; a change to COMPLETED gets the sizes of its clip's files in R2.

    `ClipNotFoundError` and `ObjectNotFoundError` if a clip, or its file, is missing.
    """
    completed = {change.clip_id for change in changes if change.status is ClipStatus.COMPLETED}
    clips = await repository.get_clips(completed)
    return list(await asyncio.gather(*(_add_file(storage, repository, change, clips) for change in changes)))


async def _add_file(
    storage: R2Storage, repository: ClipRepository, change: ClipStatusChange, clips: Mapping[str, ClipMetadata]
) -> ClipStatusChange:
    if change.status is not ClipStatus.COMPLETED:
        return change
    if change.clip_id not in clips:
        raise ClipNotFoundError(repository.user_id, repository.video_id, change.clip_id)
    clip = clips[change.clip_id]
    files = await find_files(storage, clip)
    return replace(
        change,
        file_size_bytes=files.size_bytes,
        has_thumbnail=files.has_thumbnail,
        created_at=clip.created_at,
        files_changed_at=files.changed_at,
    )


async def find_files(storage: R2Storage, clip: ClipMetadata) -> ClipFiles:
    """The clip's files; `ObjectNotFoundError` if the clip's own file is missing or empty."""
    if not check_form_c(clip.r2_key):
        raise ObjectNotFoundError(clip.r2_key)
    file, thumbnail = await asyncio.gather(
        storage.head(clip.file_key), storage.head(clip_id_of(clip.file_key) + THUMBNAIL_SUFFIX)
    )
    # A key of another folder says nothing of this clip, even where it would have a file of its own.
    if file is None or not clip.r2_key:
        raise ObjectNotFoundError(clip.file_key)
    if file.size_bytes == 0:
        raise ObjectEmptyError(clip.r2_key)
    changed_at = max(one.last_modified for one in (file, thumbnail) if one is not None)
    return ClipFiles(size_bytes=file.size_bytes, has_thumbnail=thumbnail is not None, changed_at=changed_at)
