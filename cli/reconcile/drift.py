"""The kinds of drift between R2 and Firestore, and the ages from which files and work are old."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from repositories.model.fields import utc_now


class DriftKind(StrEnum):
    """A way in which R2 and Firestore differ, or Firestore differs from itself. The order is that of the repairs."""

    UNFINISHED_DELETE = "unfinished-delete"
    FILE_WITHOUT_METADATA = "file-without-metadata"
    METADATA_WITHOUT_FILE = "metadata-without-file"
    SIZE_DIFFERS = "size-differs"
    THUMBNAIL_DIFFERS = "thumbnail-differs"
    CLIP_STUCK = "clip-stuck"
    CLIP_WITHOUT_VIDEO = "clip-without-video"
    GUESS_OUTDATED = "guess-outdated"
    VIDEO_STUCK = "video-stuck"
    DOCUMENT_ODD = "document-odd"
    STATISTICS_DIFFER = "statistics-differ"
    STALE_UPLOAD = "stale-upload"


@dataclass(frozen=True)
class Drift:
    """One thing that differs; `clip_id` and `key` where it is about a clip, or a file."""

    kind: DriftKind
    user_id: str
    video_id: str
    text: str
    clip_id: str | None = None
    key: str | None = None

    @property
    def place(self) -> str:
        """The file's key, or else the document as `user/video/clip`."""
        return self.key or "/".join(filter(None, (self.user_id, self.video_id, self.clip_id)))

    def to_json(self) -> dict[str, Any]:
        """The drift as a line of JSON shows it."""
        return asdict(self)


@dataclass(frozen=True)
class Rules:
    """The rules of drift: work and files that are younger may still be on their way. `now` is the clock for ages."""

    stuck_after: timedelta
    older_than: timedelta
    now: Callable[[], datetime] = utc_now

    def check_is_stuck(self, updated_at: datetime) -> bool:
        """Whether nobody has written this for so long that nobody works on it any more."""
        return self.now() - updated_at >= self.stuck_after

    def check_is_orphan(self, modified_at: datetime) -> bool:
        """Whether the file is so old that no worker is about to describe it."""
        return self.now() - modified_at >= self.older_than
