"""A source's files, sorted into videos; each file that is left out has a remark."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cli.bucket_import.sources import Source, SourceFile
from domain.keys import ObjectKind, ParsedKey, folder_prefix, parse_key


@dataclass(frozen=True)
class Problem:
    """A remark on a file that was repaired, guessed or left out."""

    key: str
    text: str


@dataclass
class VideoFiles:
    """All files of one video."""

    user_id: str
    video_id: str
    highlights: SourceFile | None = None
    clips: dict[str, SourceFile] = field(default_factory=dict)
    thumbnails: dict[str, SourceFile] = field(default_factory=dict)
    others: dict[str, SourceFile] = field(default_factory=dict)
    """Files that are neither, by key."""

    reasons: dict[str, str] = field(default_factory=dict)
    """Why each of the others is none, by key."""

    @property
    def folder(self) -> str:
        """The prefix of all files of the video."""
        return folder_prefix(self.user_id, self.video_id)

    @property
    def all(self) -> list[SourceFile]:
        """Every file."""
        highlights = [] if self.highlights is None else [self.highlights]
        return [*highlights, *self.others.values(), *self.thumbnails.values(), *self.clips.values()]

    @property
    def moments(self) -> list[datetime]:
        """When the files were written; now where no file tells."""
        return [file.modified_at for file in self.all if file.modified_at is not None] or [datetime.now(UTC)]

    def add(self, parsed: ParsedKey, file: SourceFile) -> None:
        """The file is one of the video's."""
        filename = str(parsed.filename)
        if parsed.kind is ObjectKind.HIGHLIGHTS:
            self.highlights = file
        elif parsed.kind is ObjectKind.CLIP:
            self.clips[filename] = file
        elif parsed.kind is ObjectKind.THUMBNAIL:
            self.thumbnails[filename] = file
        else:
            self.others[file.key] = file
            self.reasons[file.key] = parsed.reason


async def list_videos(source: Source, user_id: str | None) -> tuple[list[VideoFiles], list[Problem]]:
    """The source's videos, of `user_id` only if given, and a remark for each file that belongs to none."""
    videos: dict[tuple[str, str], VideoFiles] = {}
    problems: list[Problem] = []
    async for file in source.list_files(user_id):
        parsed = parse_key(file.key)
        if file.fault is not None or parsed.user_id is None or parsed.video_id is None:
            problems.append(Problem(file.key, f"{file.fault or parsed.reason}: skipped."))
            continue
        if file.modified_at is None:
            problems.append(Problem(file.key, "has a date outside the years 1 to 9999: the present time is used."))
        owner = parsed.user_id, parsed.video_id
        videos.setdefault(owner, VideoFiles(*owner)).add(parsed, file)
    found = [video for video in videos.values() if video.clips or video.highlights]
    empty = (video for video in videos.values() if not (video.clips or video.highlights))
    problems.extend(problem for video in empty for problem in _refuse(video))
    return found, problems


def _refuse(video: VideoFiles) -> Iterator[Problem]:
    for file in video.all:
        yield Problem(file.key, "is in a folder with neither a clip nor a highlights.json: skipped.")
