"""The statuses of videos and clips, and the rules by which one follows another.

1. Work that is PROCESSING ends COMPLETED or FAILED.
2. Work that has ended can begin again: a retry after FAILED, a re-render after COMPLETED.
3. A status that is set again changes nothing: a worker may repeat what it said.
4. `completed_at` is set only while COMPLETED, `failed_at` and `error_message` only while FAILED.

`NEXT_STATUSES` is the whole machine of both kinds, and `plan_status_change` the only way through it: nothing else
writes one of `STATUS_FIELDS` to a document that exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from repositories.exceptions import InvalidStatusChangeError

MAX_ERROR_MESSAGE_CHARACTERS = 1_000

STATUS_FIELDS = ("status", "completed_at", "failed_at", "error_message")


class VideoStatus(StrEnum):
    """The progress of the work on a video."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class ClipStatus(StrEnum):
    """The progress of the work on a clip."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True)
class ClipStatusChange:
    """A step of a clip, with the facts of its files in R2; None leaves a fact as it is."""

    clip_id: str
    status: ClipStatus
    error_message: str | None = None
    file_size_bytes: int | None = None
    has_thumbnail: bool | None = None
    created_at: datetime | None = None
    """The creation time of the clip whose files were checked; a clip created later has other files."""

    files_changed_at: datetime | None = None
    """The time at which the last of the checked files was written; a later one than a completed clip's becomes that."""


AnyStatus = TypeVar("AnyStatus", VideoStatus, ClipStatus)

# By `VideoStatus`, whose members are equal to those of `ClipStatus` as texts.
NEXT_STATUSES: Mapping[str, frozenset[str]] = {
    VideoStatus.PROCESSING: frozenset({VideoStatus.COMPLETED, VideoStatus.FAILED}),
    VideoStatus.FAILED: frozenset({VideoStatus.PROCESSING}),
    VideoStatus.COMPLETED: frozenset({VideoStatus.PROCESSING}),
}


def find_status(value: object) -> str | None:
    """The status whose text `value` is, in any case; None for any other value."""
    text = value.strip().lower() if isinstance(value, str) else None
    return text if text in NEXT_STATUSES else None


def plan_status_change(
    from_status: AnyStatus,
    to_status: AnyStatus,
    *,
    now: datetime,
    error_message: str | None = None,
    rendered_at: datetime | None = None,
    is_mended: bool = False,
) -> dict[str, object]:
    """The fields that the step changes.

    Where the status stays, these are the status that was mended when it was read, and of a COMPLETED document the time
    at which its file was replaced, if it was.

    Raises `InvalidStatusChangeError` for a step that `NEXT_STATUSES` lacks.
    """
    if from_status == to_status:
        stays: dict[str, object] = {"status": to_status} if is_mended else {}
        is_rendered = rendered_at is not None and to_status == VideoStatus.COMPLETED.value
        return {**stays, "completed_at": rendered_at} if is_rendered else stays
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
    """`text` cut to 1,000 characters, with U+FFFD for NUL and `?` for what UTF-8 cannot hold. Never raises."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")[:MAX_ERROR_MESSAGE_CHARACTERS]
