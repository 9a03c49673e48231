"""A video's files as the bucket lists them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from cli.bucket_import.listing import VideoFiles
from cli.bucket_import.sources import SourceFile
from domain.identifiers import MAX_KEY_BYTES
from domain.keys import parse_key
from storage.r2 import R2Storage, StoredObject


@dataclass
class Folder:
    """The objects below `{user_id}/{video_id}/`, by key."""

    user_id: str
    video_id: str
    objects: dict[str, StoredObject] = field(default_factory=dict)

    def to_video_files(self) -> VideoFiles:
        """The same as an import reads them."""
        files = VideoFiles(self.user_id, self.video_id)
        for found in self.objects.values():
            parsed = parse_key(found.key)
            if parsed.filename is not None:
                files.add(parsed, SourceFile(found.key, found.size_bytes, found.last_modified))
        return files


async def list_folders(storage: R2Storage, prefix: str = "") -> AsyncIterator[str]:
    """The names of the folders directly below the prefix, which is empty or ends with a slash; no file is listed."""
    if _check_holds_nothing(prefix):
        return
    async for folder in storage.list_prefixes(prefix):
        yield folder.removeprefix(prefix).removesuffix("/")


async def list_files(storage: R2Storage, user_id: str, video_id: str) -> AsyncIterator[StoredObject]:
    """The video's files, by key."""
    prefix = f"{user_id}/{video_id}/"
    if _check_holds_nothing(prefix):
        return
    async for found in storage.list(prefix):
        yield found


async def read_folder(storage: R2Storage, user_id: str, video_id: str) -> Folder:
    """All files of the video, as the bucket lists them now."""
    return Folder(user_id, video_id, {found.key: found async for found in list_files(storage, user_id, video_id)})


def _check_holds_nothing(prefix: str) -> bool:
    """Whether no key is long enough for this prefix: a document's id may be, and R2 refuses to look for it."""
    return len(prefix.encode()) >= MAX_KEY_BYTES
