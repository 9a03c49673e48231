"""Guesses of an import that the bucket's files tell better by now, such as a highlights.json that came later."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from cli.bucket_import.corrections import Correction, correct_clip, correct_video, find_known_styles
from cli.bucket_import.reader import read_video
from cli.bucket_import.sources import BucketSource
from cli.reconcile.drift import Drift, DriftKind
from cli.reconcile.files import read_folder
from domain.keys import folder_prefix
from gql.services import Services
from repositories.models import ClipMetadata, VideoMetadata
from repositories.scanner import Scanner


@dataclass(frozen=True)
class OutdatedGuess:
    """A document as it is, and what would make facts of its guesses."""

    known: VideoMetadata | ClipMetadata
    plan: Correction

    @property
    def clip_id(self) -> str | None:
        """The clip's id; None for the video."""
        return self.known.clip_id if isinstance(self.known, ClipMetadata) else None

    def to_drift(self) -> Drift:
        """The same as drift."""
        names = ", ".join(sorted(self.plan.changes))
        text = f"has guesses for which its files have better values ({names})."
        return Drift(DriftKind.GUESS_OUTDATED, self.known.user_id, self.known.video_id, text, self.clip_id)


async def find_outdated_guesses(
    services: Services, scanner: Scanner, user_id: str, video_id: str
) -> AsyncIterator[OutdatedGuess]:
    """The video's and its clips' guesses that are outdated, as documents and files are now."""
    video = await scanner.read_video(user_id, video_id)
    if video.video is None:
        return
    folder = await read_folder(services.storage, user_id, video_id)
    source = BucketSource(services.storage, folder_prefix(user_id, video_id))
    styles = find_known_styles(video.video, video.guesses)
    reading = await read_video(source, folder.to_video_files(), video.video, styles)
    plan = correct_video(video.video, video.guesses, reading, None)
    if plan.changes.keys() - {"styles_processed"}:
        yield OutdatedGuess(video.video, plan)
    async for scanned in scanner.list_clips(user_id, video_id):
        if scanned.clip is None or not scanned.guesses:
            continue
        plan = correct_clip(scanned.clip, scanned.guesses, reading, None)
        if plan.changes:
            yield OutdatedGuess(scanned.clip, plan)


async def correct_guess(services: Services, guess: OutdatedGuess) -> bool:
    """Whether the document says now what its files do; not where it was changed meanwhile."""
    known, plan = guess.known, guess.plan
    if isinstance(known, ClipMetadata):
        clips = services.clips(known.user_id, known.video_id)
        return await clips.correct_clip(known, plan.changes, plan.guesses) is not None
    return await services.videos(known.user_id).correct_video(known, plan.changes, plan.guesses) is not None
