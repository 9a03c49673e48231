"""Names what differs between a video's documents and its files, by looking only."""

from collections.abc import Iterator
from functools import partial

from cli.reconciling.drift import Drift, DriftKind, Rules
from cli.reconciling.files import Folder
from repositories import statistics
from repositories.models import ClipMetadata, ClipStatus, VideoStatus
from repositories.scanning import ScannedClip, ScannedVideo
from storage.keys import THUMBNAIL_SUFFIX, ObjectKind, clip_id_of, parse_key
from storage.r2 import StoredObject


def judge_video(scanned: ScannedVideo, folder: Folder, rules: Rules) -> list[Drift]:
    """Everything that differs, in the order in which it is to be mended.

    Both sides were read at different moments, and workers write: this is what to look at again.
    """
    deleting = judge_delete(scanned, rules)
    if scanned.is_deleting or scanned.is_unreadable:
        return deleting
    found = [*find_files_without_metadata(scanned, folder, rules), *judge_video_document(scanned, rules)]
    for clip in scanned.clips.values():
        if scanned.video is None and not clip.is_deleting:
            found.append(judge_orphan(scanned, clip))
        elif scanned.video is not None:
            file, thumbnail = (None if key is None else folder.objects.get(key) for key in find_keys(clip))
            found.extend(judge_clip(scanned, clip, file, thumbnail, rules))
    order = list(DriftKind)
    return sorted(found, key=lambda drift: order.index(drift.kind))


def judge_clip(
    video: ScannedVideo, scanned: ScannedClip, file: StoredObject | None, thumbnail: StoredObject | None, rules: Rules
) -> Iterator[Drift]:
    """What differs between the clip's document and its files."""
    clip = scanned.clip
    drift = partial(Drift, user_id=video.user_id, video_id=video.video_id, clip_id=scanned.clip_id)
    if scanned.is_deleting and rules.check_is_stuck(scanned.updated_at):
        yield drift(DriftKind.UNFINISHED_DELETE, text=f"is being deleted since {scanned.updated_at:%Y-%m-%d %H:%M}.")
    if clip is None:
        return
    if clip.status is ClipStatus.PROCESSING and rules.check_is_stuck(scanned.updated_at):
        yield drift(DriftKind.CLIP_STUCK, text=f"is in processing since {scanned.updated_at:%Y-%m-%d %H:%M}.")
    if clip.status is not ClipStatus.COMPLETED:
        return
    if file is None:
        yield drift(DriftKind.METADATA_WITHOUT_FILE, text=f"is completed, and R2 has no {clip.r2_key}.")
        return
    if file.size_bytes != clip.file_size_bytes:
        text = f"says {clip.file_size_bytes:,} bytes, and R2 has {file.size_bytes:,}."
        yield drift(DriftKind.SIZE_DIFFERS, text=text)
    if (thumbnail is not None) != clip.has_thumbnail:
        text = "says it has no thumbnail, and R2 has one." if thumbnail else "says it has a thumbnail, and R2 has none."
        yield drift(DriftKind.THUMBNAIL_DIFFERS, text=text)


def judge_orphan(video: ScannedVideo, clip: ScannedClip) -> Drift:
    """What a clip is whose video has no document."""
    text = "has no video above it."
    return Drift(DriftKind.CLIP_WITHOUT_VIDEO, video.user_id, video.video_id, text, clip.clip_id)


def judge_delete(video: ScannedVideo, rules: Rules) -> list[Drift]:
    """Whether a delete of the video has begun, and nobody goes on with it."""
    if not video.is_deleting or video.updated_at is None or not rules.check_is_stuck(video.updated_at):
        return []
    text = f"is being deleted since {video.updated_at:%Y-%m-%d %H:%M}."
    return [Drift(DriftKind.UNFINISHED_DELETE, video.user_id, video.video_id, text)]


def judge_video_document(scanned: ScannedVideo, rules: Rules) -> list[Drift]:
    """What the video's document alone, and a count of the clips that were read, tell."""
    video, found = scanned.video, list[Drift]()
    if video is None or scanned.updated_at is None:
        return found
    drift = partial(Drift, user_id=scanned.user_id, video_id=scanned.video_id)
    if video.status is VideoStatus.PROCESSING and rules.check_is_stuck(scanned.updated_at):
        text = f"is in processing, and was written last {scanned.updated_at:%Y-%m-%d %H:%M}."
        found.append(drift(DriftKind.VIDEO_STUCK, text=text))
    counted = statistics.count_by_style(clip.clip for clip in scanned.clips.values() if clip.clip is not None)
    if (video.clips_count, video.clips_by_style) != (counted.total(), dict(counted)):
        found.append(drift(DriftKind.STATISTICS_DIFFER, text=describe_statistics(video.clips_count, counted.total())))
    return found


def describe_statistics(said: int, counted: int) -> str:
    """How the statistics differ; with equal sums, the styles do."""
    styles = ", by other styles" if said == counted else ""
    return f"says {said} completed clips, and has {counted}{styles}."


def find_keys(scanned: ScannedClip) -> tuple[str | None, str | None]:
    """The keys of the clip's file and of its thumbnail, also of one that the clip does not know of."""
    return (None, None) if scanned.clip is None else (scanned.clip.r2_key, find_thumbnail_key(scanned.clip))


def find_thumbnail_key(clip: ClipMetadata) -> str:
    """Where the clip's thumbnail is, or would be."""
    return clip.thumbnail_r2_key or clip_id_of(clip.r2_key) + THUMBNAIL_SUFFIX


def find_files_without_metadata(scanned: ScannedVideo, folder: Folder, rules: Rules) -> Iterator[Drift]:
    """Clips, thumbnails and a highlights.json that no document knows of; other files are nobody's to judge."""
    named = {key for clip in scanned.clips.values() for key in (*clip.keys, *find_keys(clip))}
    for key, found in folder.objects.items():
        parsed = parse_key(key)
        if key in named or not rules.check_is_orphan(found.last_modified):
            continue
        clip_id = None
        if parsed.kind in {ObjectKind.CLIP, ObjectKind.THUMBNAIL}:
            clip_id = clip_id_of(str(parsed.filename))
        elif parsed.kind is not ObjectKind.HIGHLIGHTS or scanned.video is not None:
            continue
        if clip_id not in scanned.clips:
            text = f"has {found.size_bytes:,} bytes, and no metadata."
            kind = DriftKind.FILE_WITHOUT_METADATA
            yield Drift(kind, scanned.user_id, scanned.video_id, text, clip_id, key)
