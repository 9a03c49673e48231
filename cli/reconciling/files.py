"""A video's files as the bucket lists them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from cli.importing.sources import SourceFile, VideoFiles
from storage.keys import HIGHLIGHTS_FILENAME, ObjectKind, parse_key
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
            file = SourceFile(found.key, found.size_bytes, found.last_modified)
            if parsed.kind is ObjectKind.HIGHLIGHTS:
                files.highlights = file
            elif parsed.kind is ObjectKind.CLIP:
                files.clips[str(parsed.filename)] = file
            elif parsed.kind is ObjectKind.THUMBNAIL:
                files.thumbnails[str(parsed.filename)] = file
        return files

    @property
    def highlights_key(self) -> str:
        """Where the video's highlights.json is, or would be."""
        return f"{self.user_id}/{self.video_id}/{HIGHLIGHTS_FILENAME}"


async def list_users(storage: R2Storage) -> AsyncIterator[tuple[str, None]]:
    """The bucket's folders, without their slashes."""
    async for prefix in storage.list_prefixes():
        yield prefix.removesuffix("/"), None


async def list_folders(storage: R2Storage, user_id: str) -> AsyncIterator[tuple[str, Folder]]:
    """The user's videos in the bucket, each with all of its files: one is held at a time."""
    folder: Folder | None = None
    async for found in storage.list(f"{user_id}/"):
        segments = found.key.split("/")
        if len(segments) < len(("user", "video", "file")):
            continue
        if folder is None or folder.video_id != segments[1]:
            if folder is not None:
                yield folder.video_id, folder
            folder = Folder(user_id, segments[1])
        folder.objects[found.key] = found
    if folder is not None:
        yield folder.video_id, folder
