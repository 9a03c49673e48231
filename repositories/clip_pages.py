"""Pages of the clips of many videos, in one round trip; each video's statistics decide how its page is read."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from google.cloud.firestore import AsyncCollectionReference, FieldFilter

from repositories.cache.clip_cache import ClipCache
from repositories.cache.clip_sets import ClipSet, Filter
from repositories.firestore import paths
from repositories.firestore.metering import count_saved_reads
from repositories.firestore.rpc import FirestoreRpc
from repositories.firestore.stored import StoredDocument
from repositories.mapping.reader import read_clip_document
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata
from repositories.paging.page import Page
from repositories.paging.page_query import MAX_LISTED, PageQuery, filter_equal, read_page

# `in` takes at most 30 values.
VIDEOS_PER_GROUP_QUERY = 30
# A query over many videos cannot stop at a page's end; one of a video's own can. It costs 1.2 ms of CPU, ours and the
# embedded Firestore's, and a document that is read 0.22: so many of each video may be read in vain.
MAX_CLIPS_READ_IN_VAIN = 4
# Listing all clips of a video needs a fifth of a query's CPU a document, and reads every one: so it may read three
# times as many as are wanted.
MAX_CLIPS_LISTED_PER_CLIP_SHOWN = 3

Pages = dict[str, Page[ClipMetadata]]
FindVideos = Callable[[Sequence[str]], Awaitable[Mapping[str, VideoMetadata]]]
"""The videos that are there, by their ids."""


def bound_reads(limit: int) -> int:
    """The largest number of documents that the first page of `limit` clips of a video reads."""
    listed = min(limit * MAX_CLIPS_LISTED_PER_CLIP_SHOWN, MAX_LISTED)
    # Where a list is given up for a query, which reads one more than it shows, both are paid for.
    # The same goes for a shared query in which clips are missing that the statistics count.
    return max(listed + limit + 1, limit + 1 + MAX_CLIPS_READ_IN_VAIN)


class ClipPages:
    """Reads the same page of the clips of several videos of a user."""

    def __init__(
        self, rpc: FirestoreRpc, user_id: str, wanted: Filter, page_query: PageQuery, cache: ClipCache | None = None
    ) -> None:
        self._rpc = rpc
        self._cache = cache
        self._user_id = user_id
        self._wanted = wanted
        self._page_query = page_query

    async def read(self, videos: Sequence[VideoMetadata]) -> Pages:
        """The page of each video, by its id: in one round trip, or in two where a video has many unfinished clips."""
        pages = self.find_cached(videos)
        unknown = {video.video_id: video for video in videos if video.video_id not in pages}
        listed, grouped, own = self._plan(unknown.values())
        # Each of these reads begins after the videos were read: `ClipCache.keep` relies on it.
        *found, own_pages = await asyncio.gather(self._list(listed), self._query_groups(grouped), self._query_each(own))
        for video_id, clips in (found[0] | self._without_gaps(found[1], unknown)).items():
            pages[video_id] = self._get_page(clips)
            if self._cache is not None:
                self._cache.keep(unknown[video_id], clips)
        own_pages |= await self._query_each(video_id for video_id in (*listed, *grouped) if video_id not in pages)
        for video_id, page in own_pages.items():
            if self._cache is not None:
                own_pages[video_id] = self._cache.keep_page(unknown[video_id], self._wanted, self._page_query, page)
        return pages | own_pages

    def find_cached(self, videos: Sequence[VideoMetadata]) -> Pages:
        """The pages of videos whose clips are as they were when they were read last."""
        pages: Pages = {}
        if self._cache is None:
            return pages
        for video in videos:
            if (page := self._cache.find_page(video, self._wanted, self._page_query)) is not None:
                pages[video.video_id] = page
                count_saved_reads(len(page))
        return pages

    async def read_groups(self, video_ids: Sequence[str], find_videos: FindVideos) -> Pages:
        """The page of each video, by queries that read every clip that the filter leaves of 30 videos each.

        A video of which the statistics do not tell whether all clips were found has a query of its own.
        """
        if self._wanted.status is not ClipStatus.COMPLETED:
            return await self._query_each(video_ids)
        sets, videos = await asyncio.gather(self._query_groups(video_ids), find_videos(video_ids))
        whole = self._without_gaps({video_id: sets[video_id] for video_id in videos}, videos)
        pages = {video_id: self._get_page(clips) for video_id, clips in whole.items()}
        pages |= await self._query_each(video_id for video_id in video_ids if video_id not in pages)
        return {video_id: pages[video_id] for video_id in video_ids}

    def _plan(self, videos: Iterable[VideoMetadata]) -> tuple[list[str], list[str], list[str]]:
        """The ids of videos by method: their clips are listed, queried in groups, or queried one by one."""
        listed, grouped, own = list[str](), list[VideoMetadata](), list[str]()
        for video in videos:
            if self._check_is_listable(video):
                listed.append(video.video_id)
            elif self._check_is_groupable(video):
                grouped.append(video)
            else:
                own.append(video.video_id)
        if len(grouped) == 1:
            own.append(grouped.pop().video_id)
        return listed, [video.video_id for video in grouped], own

    async def _list(self, video_ids: Sequence[str]) -> dict[str, ClipSet]:
        """All clips of each video that has no more than one list may hold."""
        limit = min(self._page_query.limit * MAX_CLIPS_LISTED_PER_CLIP_SHOWN, MAX_LISTED)
        found = await asyncio.gather(
            *(self._rpc.list_documents(self._clips_of(video_id), limit) for video_id in video_ids)
        )
        return {
            video_id: await ClipSet.read(Filter(), documents)
            for video_id, documents in zip(video_ids, found, strict=True)
            if documents is not None
        }

    async def _query_each(self, video_ids: Iterable[str]) -> Pages:
        own = list(video_ids)
        return dict(zip(own, await asyncio.gather(*map(self._query_one, own)), strict=True))

    async def _query_one(self, video_id: str) -> Page[ClipMetadata]:
        filters = {"status": self._wanted.status, "style": self._wanted.style}
        return await read_page(self._rpc, self._clips_of(video_id), filters, self._page_query, read_clip_document)

    async def _query_groups(self, video_ids: Sequence[str]) -> dict[str, ClipSet]:
        size = VIDEOS_PER_GROUP_QUERY
        chunks = [list(video_ids[at : at + size]) for at in range(0, len(video_ids), size)]
        found = await asyncio.gather(*map(self._query_group, chunks))
        return {video_id: clips for chunk in found for video_id, clips in chunk.items()}

    async def _query_group(self, video_ids: list[str]) -> dict[str, ClipSet]:
        """Every clip that the filter leaves; equalities alone need no composite index, so they are sorted here."""
        filters = {"user_id": self._user_id, "status": self._wanted.status, "style": self._wanted.style}
        group = filter_equal(paths.get_clip_group(self._rpc.client), filters)
        clips: defaultdict[str, list[StoredDocument]] = defaultdict(list)
        for document in await self._rpc.run_query(group.where(filter=FieldFilter("video_id", "in", video_ids))):
            video_id = document.get("video_id")
            # The group has all collections of this name, wherever in the database they lie.
            if document.path == paths.build_clip_path(self._user_id, video_id, document.id):
                clips[video_id].append(document)
        return {video_id: await ClipSet.read(self._wanted, clips[video_id]) for video_id in video_ids}

    def _without_gaps(self, sets: dict[str, ClipSet], videos: Mapping[str, VideoMetadata]) -> dict[str, ClipSet]:
        """The sets that have as many clips as the statistics say.

        Other programs' clips may lack the ids by which a query over many videos finds them; one of their own does.
        """
        return {
            video_id: clips
            for video_id, clips in sets.items()
            if (completed := self._count_completed(videos[video_id])) is not None and len(clips.rows) >= completed
        }

    def _get_page(self, clips: ClipSet) -> Page[ClipMetadata]:
        return clips.get_page(self._wanted, self._page_query)

    def _check_is_listable(self, video: VideoMetadata) -> bool:
        """Whether the wanted clips are a large part of the video's; statistics count completed clips only."""
        completed = self._count_completed(video)
        if self._has_cursor or completed is None or not 0 < video.clips_count <= MAX_LISTED:
            return False
        return video.clips_count <= min(completed, self._page_query.limit) * MAX_CLIPS_LISTED_PER_CLIP_SHOWN

    def _check_is_groupable(self, video: VideoMetadata) -> bool:
        completed = self._count_completed(video)
        if self._has_cursor or self._page_query.from_end or completed is None:
            return False
        return completed <= min(self._page_query.limit + MAX_CLIPS_READ_IN_VAIN, MAX_LISTED)

    @property
    def _has_cursor(self) -> bool:
        return self._page_query.after is not None or self._page_query.before is not None

    def _count_completed(self, video: VideoMetadata) -> int | None:
        """The number of clips that the filter leaves; None where the video's statistics do not say it."""
        if self._wanted.status is not ClipStatus.COMPLETED or not _check_keeps_statistics(video):
            return None
        style = self._wanted.style
        return video.clips_count if style is None else video.clips_by_style.get(style, 0)

    def _clips_of(self, video_id: str) -> AsyncCollectionReference:
        return paths.get_clips(self._rpc.client, self._user_id, video_id)


def _check_keeps_statistics(video: VideoMetadata) -> bool:
    """Whether the video's statistics are there and agree with each other: other programs may not keep them."""
    is_stored = {"clips_count", "clips_by_style"} <= video.model_fields_set
    is_certain = not (video.check_is_mended("clips_count") or video.check_is_mended("clips_by_style"))
    return is_stored and is_certain and video.clips_count == sum(video.clips_by_style.values())
