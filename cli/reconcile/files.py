"""Files as the bucket lists them: a video's folder, and uploads in parts that no worker continues."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from cli.bucket_import.listing import VideoFiles
from cli.bucket_import.sources import SourceFile
from cli.reconcile.drift import Drift, DriftKind, Rules
from domain.identifiers import MAX_KEY_BYTES
from domain.keys import folder_prefix, parse_key
from storage.r2 import MultipartUpload, R2Storage, StoredObject


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


async def list_folders(storage: R2Storage, remark: Callable[[str], None], prefix: str = "") -> AsyncIterator[str]:
    """The names of the folders directly below the prefix, which is empty or ends with a slash.

    A file there is in no video's folder: it has a remark.
    """
    if _check_holds_nothing(prefix):
        return
    async for name in storage.list_directory(prefix):
        if name.endswith("/") and name != prefix:
            yield name.removeprefix(prefix).removesuffix("/")
        else:
            remark(describe_kept(name, parse_key(name).reason))


def describe_kept(key: str, reason: str) -> str:
    """A remark on a file that is nobody's."""
    return f"{key} {reason}: kept."


async def list_files(storage: R2Storage, user_id: str, video_id: str) -> AsyncIterator[StoredObject]:
    """The video's files, by key."""
    prefix = folder_prefix(user_id, video_id)
    if _check_holds_nothing(prefix):
        return
    async for found in storage.list(prefix):
        yield found


async def read_folder(storage: R2Storage, user_id: str, video_id: str) -> Folder:
    """All files of the video, as the bucket lists them now."""
    return Folder(user_id, video_id, {found.key: found async for found in list_files(storage, user_id, video_id)})


async def find_stale_uploads(
    storage: R2Storage, user_id: str | None, rules: Rules
) -> AsyncIterator[tuple[Drift, MultipartUpload]]:
    """The user's, or all users', uploads that began so long ago that no worker still sends parts."""
    async for upload in storage.list_multipart_uploads("" if user_id is None else folder_prefix(user_id)):
        parsed = parse_key(upload.key)
        if parsed.user_id is None or parsed.video_id is None or not rules.check_is_stuck(upload.started_at):
            continue
        text = f"has been an open upload since {upload.started_at:%Y-%m-%d %H:%M}."
        yield Drift(DriftKind.STALE_UPLOAD, parsed.user_id, parsed.video_id, text, key=upload.key), upload


def _check_holds_nothing(prefix: str) -> bool:
    """Whether no key is long enough for this prefix: a document's id may be, and R2 refuses to look for it."""
    return len(prefix.encode()) >= MAX_KEY_BYTES
