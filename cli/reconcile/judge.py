"""Names what differs between a video's documents and its files, by looking only."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from cli.reconcile.drift import Drift, DriftKind, Rules
from cli.reconcile.files import describe_kept
from domain.keys import (
    CLIPS_FOLDER,
    HIGHLIGHTS_FILENAME,
    THUMBNAIL_SUFFIX,
    ObjectKind,
    clip_id_of,
    folder_prefix,
    parse_key,
)
from repositories import statistics
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from repositories.scanner import ScannedClip, ScannedVideo
from storage.r2 import StoredObject

MAX_WAITING = 200
"""Files that wait for their clips before those are given up that wait in vain."""

LAST_CHARACTER = "\U0010ffff"


class Judge:
    """Takes a video's files and clips as both lists go on, and keeps only what differs.

    A clip takes its files out of those that came so far; a file that no clip can take any more has no metadata. Both
    sides are read at different moments, and workers write: what differs is what to look at again.
    """

    def __init__(self, video: ScannedVideo, rules: Rules) -> None:
        self.clips_count = 0
        self.files_count = 0
        self.has_guesses = bool(video.guesses)
        self._video = video
        self._rules = rules
        self._is_left_out = video.is_deleting
        self._prefix = folder_prefix(video.user_id, video.video_id, CLIPS_FOLDER)
        self._waiting: dict[str, StoredObject] = {}
        self._left: dict[str, StoredObject] = {}
        self._named_elsewhere = set[str]()
        self._beside: dict[str, str] = {}
        self._counted = Counter[str]()
        self._found = [*judge_delete(video, rules), *judge_video_document(video, rules)]

    def find_last_key(self, clip_id: str) -> str:
        """The last key that a file of the clip can have: files up to it come before the clip."""
        return f"{self._prefix}{clip_id}.{LAST_CHARACTER}"

    def add_file(self, file: StoredObject) -> None:
        """The file waits for its clip. Files come in the order of their keys."""
        self.files_count += 1
        self._waiting[file.key] = file

    def add_clip(self, scanned: ScannedClip) -> None:
        """The clip was held against its files. Clips come in the order of their ids."""
        self.clips_count += 1
        file, thumbnail = (None if key is None else self._waiting.get(key) for key in find_keys(scanned))
        self._claim_files(scanned)
        self.has_guesses = self.has_guesses or bool(scanned.guesses)
        if scanned.clip is not None:
            self._counted.update(statistics.count_by_style([scanned.clip]))
        if not self._is_left_out:
            self._found.extend(judge_clip(self._video, scanned, file, thumbnail, self._rules))
        if len(self._waiting) > MAX_WAITING:
            self._give_up_files(before=scanned.clip_id)

    def finish(self) -> list[Drift]:
        """Everything that differs, in the order in which it is to be repaired."""
        if not self._is_left_out:
            self._found.extend(judge_statistics(self._video, self._counted))
            self._found.extend(self.find_files_without_metadata())
        order = list(DriftKind)
        return sorted(self._found, key=lambda drift: order.index(drift.kind))

    def find_files_without_metadata(self) -> Iterator[Drift]:
        """Clips, thumbnails and a highlights.json that no document knows of."""
        for key, found in self._list_left():
            if parse_key(key).reason or not self._check_is_judged(found):
                continue
            clip_id = None if key.endswith(HIGHLIGHTS_FILENAME) else find_clip_id(key)
            text = f"has {found.size_bytes:,} bytes, but no metadata."
            kind = DriftKind.FILE_WITHOUT_METADATA
            yield Drift(kind, self._video.user_id, self._video.video_id, text, clip_id, key)

    def list_remarks(self) -> Iterator[str]:
        """A remark on each file that is nobody's: of another type, hidden, or beside the file of a clip of its name."""
        for key, found in self._list_left():
            if reason := parse_key(found.key).reason:
                yield describe_kept(key, reason)
        for key, clip_id in self._beside.items():
            if key not in self._named_elsewhere:
                reason = f"has the name of the clip {clip_id!r}, whose document has another file"
                yield describe_kept(key, parse_key(key).reason or reason)

    def _list_left(self) -> Iterator[tuple[str, StoredObject]]:
        """The files that no document names."""
        if not self._is_left_out:
            left = (self._left | self._waiting).items()
            yield from ((key, found) for key, found in left if key not in self._named_elsewhere)

    def _claim_files(self, clip: ScannedClip) -> None:
        """The files that the clip's document names, and those that its id tells, wait no longer."""
        own = self._prefix + clip.clip_id
        # Of any extension: a file whose name differs in nothing else cannot be another clip.
        by_id = [key for key in self._waiting if key.startswith(own) and clip_id_of(key) == own]
        named = {*clip.keys, *filter(None, find_keys(clip))}
        if clip.clip is not None and not self._is_left_out:
            self._beside.update(dict.fromkeys(set(by_id) - named, clip.clip_id))
        for key in named.union(by_id):
            self._waiting.pop(key, None)
            if clip_id_of(key) != own:
                # It may have come already, or not yet.
                self._named_elsewhere.add(key)

    def _give_up_files(self, before: str) -> None:
        """Files whose clip would have come before that one wait no longer."""
        given_up = [key for key in self._waiting if not key.startswith(self._prefix) or find_clip_id(key) < before]
        for key in given_up:
            found = self._waiting.pop(key)
            if parse_key(key).reason or self._check_is_judged(found):
                self._left[key] = found

    def _check_is_judged(self, found: StoredObject) -> bool:
        is_described = parse_key(found.key).kind is ObjectKind.HIGHLIGHTS and self._video.video is not None
        return not is_described and self._rules.check_is_orphan(found.last_modified)


def find_clip_id(key: str) -> str:
    """The id of the clip that a file belongs to by its key."""
    return clip_id_of(key.rpartition("/")[2])


def judge_clip(
    video: ScannedVideo, scanned: ScannedClip, file: StoredObject | None, thumbnail: StoredObject | None, rules: Rules
) -> Iterator[Drift]:
    """The differences between the clip's document and its files."""
    clip = scanned.clip
    drift = partial(Drift, user_id=video.user_id, video_id=video.video_id, clip_id=scanned.clip_id)
    if scanned.is_deleting:
        if rules.check_is_stuck(scanned.updated_at):
            text = f"has been in deletion since {scanned.updated_at:%Y-%m-%d %H:%M}."
            yield drift(DriftKind.UNFINISHED_DELETE, text=text)
        return
    if video.video is None:
        yield drift(DriftKind.CLIP_WITHOUT_VIDEO, text="has no video.")
        return
    if clip is None:
        return
    if text := describe_odd_fields(clip):
        yield drift(DriftKind.DOCUMENT_ODD, text=text)
    # A status that cannot be read says nothing of whether somebody is at work.
    is_processing = clip.status is ClipStatus.PROCESSING and clip.check_is_certain("status")
    if is_processing and rules.check_is_stuck(scanned.updated_at):
        yield drift(DriftKind.CLIP_STUCK, text=f"has been in processing since {scanned.updated_at:%Y-%m-%d %H:%M}.")
    # A key of another folder says nothing of where its file is: that is for a person to find.
    if clip.status is ClipStatus.COMPLETED and clip.r2_key:
        yield from _judge_files(drift, clip, file, thumbnail)


def _judge_files(
    drift: Callable[..., Drift], clip: ClipMetadata, file: StoredObject | None, thumbnail: StoredObject | None
) -> Iterator[Drift]:
    """The differences between a completed clip and its files."""
    if file is None or file.size_bytes == 0:
        found = "R2 has no" if file is None else "R2 has 0 bytes of"
        yield drift(DriftKind.METADATA_WITHOUT_FILE, text=f"is completed, but {found} {clip.r2_key}.")
        return
    if file.size_bytes != clip.file_size_bytes:
        text = f"has {clip.file_size_bytes:,} bytes in its document, but {file.size_bytes:,} in R2."
        yield drift(DriftKind.SIZE_DIFFERS, text=text)
    if (thumbnail is not None) != clip.has_thumbnail:
        text = (
            "has no thumbnail in its document, but one in R2."
            if thumbnail
            else "has a thumbnail in its document, but none in R2."
        )
        yield drift(DriftKind.THUMBNAIL_DIFFERS, text=text)


def judge_delete(video: ScannedVideo, rules: Rules) -> Iterator[Drift]:
    """Whether a delete of the video has begun, and nobody goes on with it."""
    if video.is_deleting and video.updated_at is not None and rules.check_is_stuck(video.updated_at):
        text = f"has been in deletion since {video.updated_at:%Y-%m-%d %H:%M}."
        yield Drift(DriftKind.UNFINISHED_DELETE, video.user_id, video.video_id, text)


def judge_video_document(scanned: ScannedVideo, rules: Rules) -> Iterator[Drift]:
    """The drift that the video's document alone shows."""
    video, updated_at = scanned.video, scanned.updated_at
    if video is None or updated_at is None:
        return
    if text := describe_odd_fields(video):
        yield Drift(DriftKind.DOCUMENT_ODD, scanned.user_id, scanned.video_id, text)
    is_processing = video.status is VideoStatus.PROCESSING and video.check_is_certain("status")
    if is_processing and rules.check_is_stuck(updated_at):
        text = f"is in processing, unchanged since {updated_at:%Y-%m-%d %H:%M}."
        yield Drift(DriftKind.VIDEO_STUCK, scanned.user_id, scanned.video_id, text)


def judge_statistics(scanned: ScannedVideo, counted: Counter[str]) -> Iterator[Drift]:
    """Whether the video says something else of its clips than a count of them."""
    video = scanned.video
    if video is not None and (video.clips_count, video.clips_by_style) != (counted.total(), dict(counted)):
        text = describe_statistics(video.clips_count, counted.total())
        yield Drift(DriftKind.STATISTICS_DIFFER, scanned.user_id, scanned.video_id, text)


def describe_odd_fields(model: VideoMetadata | ClipMetadata) -> str:
    """The fields that the document does not hold as they are shown, and why; empty where there is none."""
    told = [f"{one.name} ({one.reason.rstrip('.')})" for one in model.mended]
    certain = sum(one.is_certain for one in model.mended)
    return f"has odd fields, {certain} of {len(told)} with a certain value: {', '.join(told)}." if told else ""


def describe_statistics(said: int, counted: int) -> str:
    """How the statistics differ; with equal sums, the styles do."""
    styles = ", in other styles" if said == counted else ""
    return f"counts {said} completed clips, but has {counted}{styles}."


def find_keys(scanned: ScannedClip) -> tuple[str | None, str | None]:
    """The keys of the clip's file and of its thumbnail, also of one that the clip does not know of."""
    return (None, None) if scanned.clip is None else (scanned.clip.file_key, find_thumbnail_key(scanned.clip))


def find_thumbnail_key(clip: ClipMetadata) -> str:
    """Where the clip's thumbnail is, or would be."""
    return clip.thumbnail_r2_key or clip_id_of(clip.file_key) + THUMBNAIL_SUFFIX
