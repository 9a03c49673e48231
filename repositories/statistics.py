"""A video's statistics: how many completed clips it has, in all and in each style."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from google.cloud.firestore import DELETE_FIELD, Increment
from google.cloud.firestore_v1.field_path import FieldPath

from domain.identifiers import parse_style
from repositories.model.fields import MAX_INTEGER, utc_now
from repositories.model.statuses import find_status
from repositories.models import UNKNOWN_STYLE, ClipMetadata, ClipStatus, VideoMetadata

REVISION_FIELD = "clips_revision"
"""The number of writes of the video's clips: so each of them changes the video."""


def count_by_style(clips: Iterable[ClipMetadata]) -> Counter[str]:
    """The number of completed clips, by style."""
    return Counter(clip.style for clip in clips if clip.status is ClipStatus.COMPLETED)


def count_documents(documents: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """The number of completed clips, by style, of stored documents with at least these two fields."""
    completed = (data for data in documents if find_status(data.get("status")) == ClipStatus.COMPLETED.value)
    return Counter(read_style(data.get("style")) for data in completed)


def read_style(style: object) -> str:
    """The style that a clip is shown with whose document has this one."""
    try:
        return parse_style(style) if isinstance(style, str) else UNKNOWN_STYLE
    except ValueError:
        return UNKNOWN_STYLE


def negate(counted: Counter[str]) -> Counter[str]:
    """The change of the statistics that removes these clips."""
    return Counter({style: -count for style, count in counted.items()})


def compute_difference(before: ClipMetadata, after: ClipMetadata) -> Counter[str]:
    """The change of the statistics that follows from a clip's change."""
    difference = count_by_style([after])
    difference.subtract(count_by_style([before]))
    return difference


def to_field_changes(difference: Mapping[str, int], emptied: Collection[str] = ()) -> dict[str, Any]:
    """The change as increments, which need no read of the video and never overwrite each other.

    The statistics must pass `check_takes_increments`. The styles in `emptied` leave the map: the caller holds the video
    as it was read. A style can be any text: its field path is quoted as one segment.
    """
    counts: dict[str, Any] = {style: Increment(count) for style, count in difference.items() if count != 0}
    total = {"clips_count": Increment(sum(difference.values()))} if counts else {}
    counts |= dict.fromkeys(emptied, DELETE_FIELD)
    by_style = {FieldPath("clips_by_style", style).to_api_repr(): change for style, change in counts.items()}
    # A write that changes nothing leaves a document's version, and two workers may write in one microsecond.
    return {**total, **by_style, "updated_at": utc_now(), REVISION_FIELD: Increment(1)}


def list_emptied(stored: object, difference: Mapping[str, int]) -> list[str]:
    """The styles of a stored `clips_by_style` of which no clip is left after the difference."""
    if not isinstance(stored, Mapping):
        return []
    return [style for style, count in stored.items() if type(count) is int and count + difference.get(style, 0) == 0]


def apply_difference(data: dict[str, Any], difference: Mapping[str, int]) -> dict[str, Any]:
    """The video's fields as they will be once the increments are done."""
    revision = data.get(REVISION_FIELD)
    return {**data, **_add(data, difference), REVISION_FIELD: revision + 1 if isinstance(revision, int) else 1}


def check_takes_increments(data: Mapping[str, Any]) -> bool:
    """Whether Firestore can add to the statistics: an increment replaces a value that is no number."""
    by_style = data.get("clips_by_style")
    counts = [data.get("clips_count"), *(by_style.values() if isinstance(by_style, Mapping) else [by_style])]
    return all(count is None or _check_is_countable(count) for count in counts)


def to_whole_changes(data: Mapping[str, Any], difference: Mapping[str, int]) -> dict[str, Any]:
    """The change as whole statistics, for fields that no increment can be added to."""
    return {**_add(data, difference), REVISION_FIELD: Increment(1)}


def _add(data: Mapping[str, Any], difference: Mapping[str, int]) -> dict[str, Any]:
    known = data if check_takes_increments(data) else VideoMetadata.from_document(data).to_document()
    by_style = Counter(known.get("clips_by_style") or {})
    by_style.update(difference)
    total = (known.get("clips_count") or 0) + sum(difference.values())
    return {"clips_count": total, "clips_by_style": dict(by_style), "updated_at": utc_now()}


def _check_is_countable(count: object) -> bool:
    if isinstance(count, float):
        return count.is_integer() and abs(count) <= MAX_INTEGER
    return type(count) is int and abs(count) <= MAX_INTEGER
