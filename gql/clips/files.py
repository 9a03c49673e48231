"""What R2 holds of a clip: asked before anything says COMPLETED."""

import asyncio
from dataclasses import dataclass

from repositories.models import ClipMetadata
from storage.exceptions import ObjectNotFoundError
from storage.keys import thumbnail_key
from storage.r2 import R2Storage


@dataclass(frozen=True)
class ClipFiles:
    """A clip's files as R2 has them."""

    size_bytes: int
    has_thumbnail: bool


async def find_files(storage: R2Storage, clip: ClipMetadata) -> ClipFiles:
    """What is there of the clip's files; `ObjectNotFoundError` where the clip itself is not."""
    file, thumbnail = await asyncio.gather(
        storage.head(clip.r2_key),
        storage.head(thumbnail_key(clip.user_id, clip.video_id, clip.filename)),
    )
    if file is None:
        raise ObjectNotFoundError(clip.r2_key)
    return ClipFiles(size_bytes=file.size_bytes, has_thumbnail=thumbnail is not None)
