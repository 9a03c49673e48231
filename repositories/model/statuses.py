"""The statuses of videos and clips, and which may follow which."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from repositories.exceptions import InvalidStatusChangeError

MAX_ERROR_MESSAGE_CHARACTERS = 1_000


class VideoStatus(StrEnum):
    """How far the work on a video is."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class ClipStatus(StrEnum):
    """How far the work on a clip is."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True)
class ClipStatusChange:
    """A step of a clip, and what R2 says of its files; None says nothing."""

    clip_id: str
    status: ClipStatus
    error_message: str | None = None
    file_size_bytes: int | None = None
    has_thumbnail: bool | None = None
    created_at: datetime | None = None
    """When the clip was created whose files were looked at. One that took its place since then has other files."""


AnyStatus = TypeVar("AnyStatus", VideoStatus, ClipStatus)

# The state machine of both. A status may also follow itself: a worker says again what it said, and nothing changes.
NEXT_STATUSES: Mapping[str, frozenset[str]] = {
    "processing": frozenset({"completed", "failed"}),
    "failed": frozenset({"processing"}),  # a retry
    "completed": frozenset({"processing"}),  # a re-render
}


def find_status(value: object) -> str | None:
    """The status's own text, where `value` is that text in any case; None for any other value."""
    text = value.strip().lower() if isinstance(value, str) else None
    return text if text in NEXT_STATUSES else None


def plan_status_change(
    from_status: AnyStatus, to_status: AnyStatus, *, now: datetime, error_message: str | None = None
) -> dict[str, object]:
    """The fields that the step changes, none where the status stays; `InvalidStatusChangeError` for no such step.

    Times follow the status: `completed_at` is there only while completed, `failed_at` and `error_message` only while
    failed.
    """
    if from_status == to_status:
        return {}
    if to_status not in NEXT_STATUSES[from_status]:
        raise InvalidStatusChangeError(from_status, to_status)
    is_failed = to_status == VideoStatus.FAILED.value
    return {
        "status": to_status,
        "completed_at": now if to_status == VideoStatus.COMPLETED.value else None,
        "failed_at": now if is_failed else None,
        "error_message": cut_error_message(error_message) if is_failed and error_message else None,
    }


def cut_error_message(text: str) -> str:
    """`text` as it can be kept: at most 1,000 characters, and whatever UTF-8 cannot hold replaced. Never an error."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")[:MAX_ERROR_MESSAGE_CHARACTERS]
