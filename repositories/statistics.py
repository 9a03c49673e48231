"""A video's statistics: how many completed clips it has, in all and in each style."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from google.cloud.firestore import DELETE_FIELD, Increment
from google.cloud.firestore_v1.field_path import FieldPath

from domain.identifiers import check_style
from repositories.fields import utc_now
from repositories.models import ClipMetadata, ClipStatus

REVISION_FIELD = "clips_revision"
"""How often the video's clips were written: no write of a clip leaves the video as it was."""


def count_by_style(clips: Iterable[ClipMetadata]) -> Counter[str]:
    """How many of the clips are completed, by style."""
    return Counter(clip.style for clip in clips if clip.status is ClipStatus.COMPLETED)


def count_documents(documents: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """The same of documents as they are stored, also of those that no model can read."""
    completed = (data for data in documents if data.get("status") == ClipStatus.COMPLETED.value)
    return Counter(_read_style(data.get("style")) for data in completed)


def _read_style(style: object) -> str:
    """The style, or what a clip without one counts as, which is also what one counts as that no map can hold."""
    try:
        return check_style(str(style or ""))
    except ValueError:
        return str(ClipMetadata.STORED_DEFAULTS["style"])


def negate(counted: Counter[str]) -> Counter[str]:
    """What the statistics lose with these clips."""
    return Counter({style: -count for style, count in counted.items()})


def compute_difference(before: ClipMetadata, after: ClipMetadata) -> Counter[str]:
    """What the change of a clip adds to the statistics, or (negative) takes from them."""
    difference = count_by_style([after])
    difference.subtract(count_by_style([before]))
    return difference


def to_field_changes(difference: Mapping[str, int], emptied: Collection[str] = ()) -> dict[str, Any]:
    """The change as increments, which need no read of the video and never lose each other. The video counts as changed.

    The styles in `emptied` leave the map: whoever names them holds the video as it was read.
    A style can be any text, so its field path is quoted as a path's segment.
    """
    counts: dict[str, Any] = {style: Increment(count) for style, count in difference.items() if count != 0}
    total = {"clips_count": Increment(sum(difference.values()))} if counts else {}
    counts |= dict.fromkeys(emptied, DELETE_FIELD)
    by_style = {FieldPath("clips_by_style", style).to_api_repr(): change for style, change in counts.items()}
    # What changes nothing leaves a document's version as it was, and two workers may write in the same microsecond.
    return {**total, **by_style, "updated_at": utc_now(), REVISION_FIELD: Increment(1)}


def find_emptied(stored: object, difference: Mapping[str, int]) -> list[str]:
    """The styles of a stored `clips_by_style` of which no clip is left after the difference."""
    if not isinstance(stored, Mapping):
        return []
    return [style for style, count in stored.items() if type(count) is int and count + difference.get(style, 0) == 0]


def apply_difference(data: dict[str, Any], difference: Mapping[str, int]) -> dict[str, Any]:
    """The video's fields as they will be once the increments are done."""
    by_style = Counter(data.get("clips_by_style") or {})
    by_style.update(difference)
    total = (data.get("clips_count") or 0) + sum(difference.values())
    return {**data, "clips_count": total, "clips_by_style": dict(by_style), "updated_at": utc_now()}
