"""Corrections by a later import or `reconcile`: they replace guesses, and never facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cli.bucket_import.reader import FROM_HIGHLIGHTS, VideoReading
from domain import timecodes
from repositories.model.guesses import Guesses
from repositories.models import ClipMetadata, VideoMetadata

CLIP_FIELDS = ("scene_id", "scene_title", "scene_description", "style", "priority", "start_time", "end_time")

Fields = Mapping[str, Any]


@dataclass
class Correction:
    """The changes of a document, what of it is still a guess then, and the facts in which its files say otherwise."""

    changes: dict[str, Any] = field(default_factory=dict)
    guesses: dict[str, Any] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def check_writes(self, marked: Guesses) -> bool:
        """Whether the document has to be written, on which these guesses are `marked`."""
        return bool(self.changes) or self.guesses != marked


def correct_video(known: VideoMetadata, marked: Guesses, found: VideoReading, base: VideoReading | None) -> Correction:
    """The corrections of a video's document by its files; `base` is their content at the import."""
    if found.video is None:
        return Correction(guesses=dict(marked))
    read = found.video.to_document()
    old = base.video.to_document() if base and base.video else None
    stored = known.to_document()
    plan = _plan(FROM_HIGHLIGHTS, stored, marked, read, found.guesses.get(None, {}), old)
    if "video_url" in plan.changes:
        plan.changes["youtube_id"] = found.video.youtube_id
    if "highlights_summary" in plan.changes:
        plan.changes["highlights_summary"] = found.video.highlights_summary
    _merge_styles(plan, known, marked, found)
    return plan


def correct_clip(known: ClipMetadata, marked: Guesses, found: VideoReading, base: VideoReading | None) -> Correction:
    """The corrections of a clip's document by its files."""
    read = next((clip for clip in found.clips if clip.clip_id == known.clip_id), None)
    if read is None:
        return Correction(guesses=dict(marked))
    old = next((clip for clip in base.clips if clip.clip_id == known.clip_id), None) if base else None
    guesses = found.guesses.get(known.clip_id, {})
    plan = _plan(
        CLIP_FIELDS, known.to_document(), marked, read.to_document(), guesses, old.to_document() if old else None
    )
    _follow_times(plan, known)
    return plan


def find_known_styles(video: VideoMetadata | None, marked: Guesses) -> list[str]:
    """The styles that the video is known to have: what filenames may end in, without an import's own guesses."""
    guessed = marked.get("styles_processed") or ()
    return [style for style in video.styles_processed if style not in guessed] if video else []


def _plan(
    names: Sequence[str], known: Fields, marked: Guesses, found: Fields, guesses: Guesses, base: Fields | None
) -> Correction:
    plan = Correction()
    for name in names:
        was_guessed = name in marked and marked[name] == known[name]
        # What stands in the document as an older highlights.json said it, follows the file.
        was_copied = base is not None and base[name] == known[name]
        if name in guesses:
            if was_guessed:
                plan.guesses[name] = known[name]
        elif known[name] != found[name]:
            if was_guessed or was_copied:
                plan.changes[name] = found[name]
            elif found[name]:
                plan.differences.append(name)
    return plan


def _follow_times(plan: Correction, known: ClipMetadata) -> None:
    """The duration follows the times; an end before the start is no better knowledge."""
    times = {name: plan.changes.get(name, getattr(known, name)) for name in ("start_time", "end_time")}
    if not times.keys() & plan.changes.keys():
        return
    duration_seconds = timecodes.compute_duration_seconds(**times)
    if duration_seconds > 0:
        plan.changes["duration_seconds"] = duration_seconds
        return
    for name in times:
        plan.changes.pop(name, None)


def _merge_styles(plan: Correction, known: VideoMetadata, marked: Guesses, found: VideoReading) -> None:
    """Styles of the files join those of the document, out of which guessed ones go that no file has."""
    read = found.video.styles_processed if found.video else []
    kept = [*find_known_styles(known, marked), *(style for style in known.styles_processed if style in read)]
    styles = list(dict.fromkeys([*kept, *read]))
    if set(styles) != set(known.styles_processed):
        plan.changes["styles_processed"] = styles
    if found.guessed_styles:
        plan.guesses["styles_processed"] = sorted(found.guessed_styles)
