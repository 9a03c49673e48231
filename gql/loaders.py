"""A request's loaders: reads of one tick go to Firestore and R2 in one batch."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self, TypeVar, cast
from weakref import WeakMethod

import structlog
from aiodataloader import DataLoader

from gql.execution.checkpoints import checkpoint, run_with_checkpoints
from gql.rate_limits.errors import too_expensive
from gql.services import Services
from repositories.arguments import parse_id
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata
from repositories.paging.orders import ClipOrder
from repositories.paging.page import Page, PageRequest
from storage.exceptions import ObjectNotFoundError, ObjectTooLargeError
from storage.highlights import Highlights, HighlightsError, parse_highlights

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

log = structlog.get_logger(__name__)

# highlights.json holds text: some 100 KB at most in the wild.
MAX_HIGHLIGHTS_BYTES = 5 * 1024 * 1024
# A thousand such files, or a dozen of the largest: as objects in memory they take five times as much.
MAX_FILE_BYTES_PER_REQUEST = 64 * 1024 * 1024


@dataclass(frozen=True)
class ClipsKey:
    """A page of a video's clips."""

    video_id: str
    version: datetime | None
    """Of the video as it was read: a page is of no earlier moment, and a video may be read twice in a request."""

    group: "ClipsGroup"
    video: VideoMetadata = field(compare=False)

    @classmethod
    def for_video(cls, video: VideoMetadata, group: "ClipsGroup") -> Self:
        """The key of a page of `video`'s clips."""
        return cls(video.video_id, video.version, group, video)

    @classmethod
    def for_cover(cls, video: VideoMetadata) -> Self:
        """The key of the one best completed clip."""
        return cls.for_video(video, ClipsGroup(video.user_id, None, ClipStatus.COMPLETED, ClipOrder.PRIORITY_ASC, _ONE))

    @property
    def completed_count(self) -> int | None:
        """How many clips all pages have, where they are completed ones: the video's statistics say it."""
        if self.group.status is not ClipStatus.COMPLETED:
            return None
        style = self.group.style
        return self.video.clips_count if style is None else self.video.clips_by_style.get(style, 0)


@dataclass(frozen=True)
class ClipsGroup:
    """The arguments that pages of clips must share to be read together."""

    user_id: str
    style: str | None
    status: ClipStatus | None
    order_by: ClipOrder
    request: PageRequest

    def to_arguments(self) -> dict[str, Any]:
        """The arguments of `VideoRepository.list_clips` and `find_clips` beside the videos."""
        filters = {"status": self.status, "style": self.style, "order_by": self.order_by}
        return {**filters, **self.request.to_arguments()}


_ONE = PageRequest(limit=1)


class Loaders:
    """A loader a kind of thing; made anew for every request, so that nothing outlives it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._running = set[asyncio.Task[Any]]()
        self._file_bytes = 0
        self._signed_at: datetime | None = None
        self._found: defaultdict[ClipsGroup, dict[tuple[str, datetime | None], Page[ClipMetadata]]] = defaultdict(dict)
        self.videos = DataLoader[tuple[str, str], VideoMetadata | None](self._cancellable(self._load_videos))
        self.clips = DataLoader[ClipsKey, Page[ClipMetadata]](self._cancellable(self._load_clips))
        self.clips_by_id = DataLoader[tuple[str, str, str], ClipMetadata | None](
            self._cancellable(self._load_clips_by_id)
        )
        self.highlights = DataLoader[str, Highlights | None](self._cancellable(self._load_highlights))

    @property
    def signed_at(self) -> datetime:
        """The time (UTC) of all URLs of the request, or of a subscription's event: that of the first one."""
        if self._signed_at is None:
            self._signed_at = datetime.fromtimestamp(time.time(), UTC)
        return self._signed_at

    def cancel(self) -> None:
        """Cancels the batches that run: they are tasks of their own, and outlive the tasks that wait for them."""
        for task in list(self._running):
            task.cancel()

    def clear(self) -> None:
        """Forgets everything loaded, so that later loads read again, and URLs are signed at a time of their own."""
        self._file_bytes = 0
        self._signed_at = None
        for loader in (self.videos, self.clips, self.clips_by_id, self.highlights):
            loader.clear_all()

    def disable_cache(self) -> None:
        """Turns the cache off: every later load reads again, still in one batch a tick."""
        for loader in (self.videos, self.clips, self.clips_by_id, self.highlights):
            loader.cache = False

    def _cancellable(
        self, load: Callable[[list[K]], Awaitable[list[V]]]
    ) -> Callable[[list[K]], Coroutine[Any, Any, list[V]]]:
        # Not the method itself: loaders that refer to each other are left to the garbage collector.
        find_load, running = WeakMethod(load), self._running

        async def run(keys: list[K]) -> list[V]:
            task, load = asyncio.current_task(), find_load()
            if task is None or load is None:
                raise asyncio.CancelledError
            running.add(task)
            try:
                return await load(keys)
            finally:
                running.discard(task)

        return run

    async def load_video(self, user_id: str, video_id: str) -> VideoMetadata | None:
        """The video, or None; `ValidationError` for an id that none can have, before others' loads are part of it."""
        return await self.videos.load((user_id, parse_id(video_id, "video_id")))

    async def load_clip(self, user_id: str, video_id: str, clip_id: str) -> ClipMetadata | None:
        """The clip, or None; `ValidationError` as for a video."""
        return await self.clips_by_id.load((user_id, parse_id(video_id, "video_id"), parse_id(clip_id, "clip_id")))

    def find_clips(self, group: ClipsGroup, videos: Sequence[VideoMetadata]) -> list[Page[ClipMetadata]] | None:
        """The page of each of a user's videos, where all of them are kept in memory."""
        if not self.clips.cache or any(video.user_id != group.user_id for video in videos):
            return None
        found = self._found[group]
        if unknown := [video for video in videos if (video.video_id, video.version) not in found]:
            kept = self._services.videos(group.user_id).find_clips(unknown, **group.to_arguments())
            found |= {(one.video_id, one.version): kept[one.video_id] for one in unknown if one.video_id in kept}
        pages = [found.get((video.video_id, video.version)) for video in videos]
        return None if None in pages else cast("list[Page[ClipMetadata]]", pages)

    async def load_clips(self, key: ClipsKey) -> Page[ClipMetadata]:
        """The page, found in the cache or read; a found page stays the same for the request."""
        found = self._found[key.group].get((key.video_id, key.version)) if self.clips.cache else None
        return await self.clips.load(key) if found is None else found

    async def _load_videos(self, keys: list[tuple[str, str]]) -> list[VideoMetadata | None]:
        groups: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for key in keys:
            groups[key[0]].append(key)
        return await _load_groups(keys, groups.values(), self._load_videos_of)

    async def _load_videos_of(self, keys: list[tuple[str, str]]) -> dict[tuple[str, str], VideoMetadata | None]:
        user_id = keys[0][0]
        found = await self._services.videos(user_id).get_videos(video_id for _, video_id in keys)
        return {key: found.get(key[1]) for key in keys}

    async def _load_clips_by_id(self, keys: list[tuple[str, str, str]]) -> list[ClipMetadata | None]:
        groups: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for key in keys:
            groups[key[0]].append(key)
        return await _load_groups(keys, groups.values(), self._load_clips_by_id_of)

    async def _load_clips_by_id_of(
        self, keys: list[tuple[str, str, str]]
    ) -> dict[tuple[str, str, str], ClipMetadata | None]:
        found = await self._services.videos(keys[0][0]).get_clips(key[1:] for key in keys)
        return {key: found.get(key[1:]) for key in keys}

    async def _load_clips(self, keys: list[ClipsKey]) -> list[Page[ClipMetadata]]:
        groups: defaultdict[ClipsGroup, list[ClipsKey]] = defaultdict(list)
        for key in keys:
            groups[key.group].append(key)
        return await _load_groups(keys, groups.values(), self._load_clips_of)

    async def _load_clips_of(self, keys: list[ClipsKey]) -> dict[ClipsKey, Page[ClipMetadata]]:
        group = keys[0].group
        # Of a video that was read twice, the later one: no page is older than either.
        videos = {key.video_id: key.video for key in sorted(keys, key=_get_version)}
        pages = await self._services.videos(group.user_id).list_clips(videos.values(), **group.to_arguments())
        return {key: pages[key.video_id] for key in keys}

    async def _load_highlights(self, keys: list[str]) -> list[Highlights | None]:
        return await _load_groups(keys, ([key] for key in keys), self._load_highlights_of)

    def _count_file(self, size_bytes: int) -> None:
        self._file_bytes += size_bytes
        _assert_file_bytes(self._file_bytes)

    async def _load_highlights_of(self, keys: list[str]) -> dict[str, Highlights | None]:
        (key,) = keys
        try:
            content = await self._services.storage.get(key, max_bytes=MAX_HIGHLIGHTS_BYTES)
            self._count_file(len(content))
            highlights, _ = await run_with_checkpoints(partial(parse_highlights, content, checkpoint))
        except ObjectNotFoundError:
            return {key: None}
        except (HighlightsError, ObjectTooLargeError) as error:
            log.warning("highlights_unreadable", key=key, reason=str(error))
            return {key: None}
        return {key: highlights}


def _assert_file_bytes(size_bytes: int) -> None:
    """Raises QUERY_TOO_EXPENSIVE for more bytes of files than a request may read."""
    if size_bytes > MAX_FILE_BYTES_PER_REQUEST:
        message = "The files have at least {bound} bytes; the limit for a request is {limit}."
        raise too_expensive(message, measure="fileBytes", bound=size_bytes, limit=MAX_FILE_BYTES_PER_REQUEST)


def _get_version(key: ClipsKey) -> tuple[bool, datetime]:
    """Sorts videos by when they were written; one that was just written itself, and not read, comes last."""
    return key.version is None, key.version or datetime.min.replace(tzinfo=UTC)


async def _load_groups(
    keys: list[K], groups: Iterable[list[K]], load: Callable[[list[K]], Awaitable[dict[K, V]]]
) -> list[V]:
    """The value of each key, loaded by all groups at once; a failing group fails its own keys only."""
    groups = list(groups)
    answers = await asyncio.gather(*(load(group) for group in groups), return_exceptions=True)
    by_key: dict[K, V | Exception] = {}
    for group, answer in zip(groups, answers, strict=True):
        if isinstance(answer, Exception):
            by_key.update(dict.fromkeys(group, answer))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            by_key.update(answer)
    # An exception in a result's place fails that one load: aiodataloader has it so, and its types do not.
    return cast("list[V]", [by_key[key] for key in keys])
