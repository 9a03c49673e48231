"""Where an import reads from: a folder on this machine, or the bucket itself."""

import mimetypes
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from domain.keys import ObjectKind, parse_key
from storage.r2 import R2Storage

MAX_HIGHLIGHTS_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True)
class SourceFile:
    """A file as its source lists it; `path` only where it lies on this machine."""

    key: str
    size_bytes: int
    modified_at: datetime
    path: Path | None = None


@dataclass
class VideoFiles:
    """All files of one video."""

    user_id: str
    video_id: str
    highlights: SourceFile | None = None
    clips: dict[str, SourceFile] = field(default_factory=dict)
    thumbnails: dict[str, SourceFile] = field(default_factory=dict)
    others: list[SourceFile] = field(default_factory=list)

    @property
    def all(self) -> list[SourceFile]:
        """Every file, the clips last: what is there before them is what describes them."""
        highlights = [] if self.highlights is None else [self.highlights]
        return [*highlights, *self.others, *self.thumbnails.values(), *self.clips.values()]


class Source(Protocol):
    """A bucket's layout."""

    def list_files(self) -> AsyncIterator[SourceFile]:
        """Every file, in no particular order."""

    async def read(self, file: SourceFile) -> bytes:
        """A small file's content."""


class FolderSource:
    """A folder that is laid out as the bucket is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def list_files(self) -> AsyncIterator[SourceFile]:
        """Every file below the folder; hidden ones are left out."""
        for path in sorted(self._folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                status = path.stat()
                yield SourceFile(
                    # A name that is no UTF-8 cannot be a key as it is.
                    key=path.relative_to(self._folder).as_posix().encode("utf-8", "replace").decode(),
                    size_bytes=status.st_size,
                    modified_at=datetime.fromtimestamp(int(status.st_mtime), UTC),
                    path=path,
                )

    async def read(self, file: SourceFile) -> bytes:
        """The file's content."""
        path = file.path or self._folder / file.key
        with path.open("rb") as content:
            return content.read(MAX_HIGHLIGHTS_BYTES)


class BucketSource:
    """The bucket itself, from a prefix on."""

    def __init__(self, storage: R2Storage, prefix: str) -> None:
        self._storage = storage
        self._prefix = prefix

    async def list_files(self) -> AsyncIterator[SourceFile]:
        """Every object below the prefix."""
        async for found in self._storage.list(self._prefix):
            yield SourceFile(found.key, found.size_bytes, found.last_modified)

    async def read(self, file: SourceFile) -> bytes:
        """The object's content."""
        return await self._storage.get(file.key, max_bytes=MAX_HIGHLIGHTS_BYTES)


async def list_videos(source: Source, user_id: str | None) -> tuple[list[VideoFiles], list[SourceFile]]:
    """The source's videos (of `user_id` only, if given), and the files that belong to none."""
    videos: dict[tuple[str, str], VideoFiles] = {}
    strays: list[SourceFile] = []
    async for file in source.list_files():
        parsed = parse_key(file.key)
        if parsed.user_id is None or parsed.video_id is None or parsed.filename is None:
            strays.append(file)
            continue
        if user_id is not None and parsed.user_id != user_id:
            continue
        owner = parsed.user_id, parsed.video_id
        _place(videos.setdefault(owner, VideoFiles(*owner)), parsed.kind, parsed.filename, file)
    return list(videos.values()), strays


def _place(video: VideoFiles, kind: ObjectKind, filename: str, file: SourceFile) -> None:
    if kind is ObjectKind.HIGHLIGHTS:
        video.highlights = file
    elif kind is ObjectKind.CLIP:
        video.clips[filename] = file
    elif kind is ObjectKind.THUMBNAIL:
        video.thumbnails[filename] = file
    else:
        video.others.append(file)


def guess_content_type(key: str) -> str:
    """The media type that a file's name stands for."""
    return mimetypes.guess_type(key)[0] or "application/octet-stream"
