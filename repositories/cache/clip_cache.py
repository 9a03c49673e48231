"""Sets of clips and first pages of larger ones, kept in memory for as long as they are what is stored.

Why a kept set is never older than the video that was read beside it:

- Every commit that changes a clip in any list also writes its video (`UnitOfWork.add_to_statistics`), in a way that
  cannot leave the document as it was (`statistics.to_field_changes`). So Firestore gives the video a new
  `update_time`, its version, at the moment when the clips change; and no version comes twice.
- A set is kept under the version of a video that was read before the set was: each is one strongly consistent read, so
  the set holds all that was committed up to that version. Where a writer came between the two reads, the set is newer
  than its version says. It is then found only by requests that read the video before that write, and to them it shows
  what they would have read themselves.
- Whoever reads the video after the write sees another version, and finds nothing under it until somebody has read the
  clips after that.

What writes clips without their video breaks the first of these; `CLIPGRAPH_CLIP_CACHE_MB=0` is for those.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from repositories.cache.clip_sets import ClipRow, ClipSet, Filter
from repositories.cache.lru import LruCache
from repositories.models import ClipMetadata, VideoMetadata
from repositories.paging.page import Page
from repositories.paging.page_query import PageQuery

# Larger ones are paged in Firestore: one user's longest video must not evict all others'.
MAX_CLIPS_KEPT = 1_000
# Of a set or page, and of a clip in it beside its texts: objects, dictionaries, numbers and moments.
BYTES_PER_SET = 1_000
BYTES_PER_ROW = 3_000

_Key = tuple[str, str, Filter, PageQuery | None]


@dataclass(frozen=True, slots=True)
class _Entry:
    version: datetime
    clips: ClipSet | Page[ClipMetadata]


class ClipCache:
    """The sets and pages of clips that were used last, of all users, in at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._entries = LruCache[_Key, _Entry](max_bytes)

    @property
    def size_bytes(self) -> int:
        """The bytes of memory that all entries take."""
        return self._entries.size

    def find(self, video: VideoMetadata, wanted: Filter) -> ClipSet | None:
        """A set with all clips that the filter leaves of this version of the video, or None."""
        for filter_ in _list_covering(wanted):
            clips = self._find((video.user_id, video.video_id, filter_, None), video)
            if isinstance(clips, ClipSet):
                return clips
        return None

    def find_page(self, video: VideoMetadata, wanted: Filter, page_query: PageQuery) -> Page[ClipMetadata] | None:
        """The page of this version of the video, out of a set or as it was read, or None."""
        if (clips := self.find(video, wanted)) is not None:
            return clips.get_page(wanted, page_query)
        page = self._find((video.user_id, video.video_id, wanted, page_query), video)
        return page if isinstance(page, Page) else None

    def keep(self, video: VideoMetadata, clips: ClipSet) -> None:
        """The set, which was read after the video, is found from now on, if it is of moderate size."""
        if len(clips.rows) <= MAX_CLIPS_KEPT:
            self._keep(video, clips.filter, None, clips, _measure(map(_list_values, clips.rows)))

    def keep_page(
        self, video: VideoMetadata, wanted: Filter, page_query: PageQuery, page: Page[ClipMetadata]
    ) -> Page[ClipMetadata]:
        """Stores the page, which was read after the video, if it is a first one of moderate size.

        Returns it as it is found from now on: what is shown of it now is then not made again for the next request.
        """
        if page_query.after is not None or page_query.before is not None or len(page) > MAX_CLIPS_KEPT:
            return page
        page = replace(page, page_key=object())
        size_bytes = _measure(clip.__dict__.values() for clip in page)
        self._keep(video, wanted, page_query, page, size_bytes)
        return page

    def _find(self, key: _Key, video: VideoMetadata) -> ClipSet | Page[ClipMetadata] | None:
        entry = self._entries.peek(key)
        if entry is None or entry.version != video.version:
            return None
        self._entries.get(key)
        return entry.clips

    def _keep(
        self,
        video: VideoMetadata,
        wanted: Filter,
        page_query: PageQuery | None,
        clips: ClipSet | Page[ClipMetadata],
        size_bytes: int,
    ) -> None:
        key = (video.user_id, video.video_id, wanted, page_query)
        known = self._entries.peek(key)
        if video.version is None:
            return
        # Of two requests under way, the one with the older video may come last.
        if known is None or known.version <= video.version:
            self._entries.put(key, _Entry(video.version, clips), size_bytes)


def _list_covering(wanted: Filter) -> Iterator[Filter]:
    """The filters of all sets that cover the wanted one: the filter itself, and broader ones."""
    yield from dict.fromkeys((Filter(), Filter(wanted.status), Filter(None, wanted.style), wanted))


def _measure(clips: Iterable[Iterable[Any]]) -> int:
    """The bytes of memory that clips of these values take, estimated high: shared values count twice."""
    return BYTES_PER_SET + sum(BYTES_PER_ROW + _measure_texts(values) for values in clips)


def _measure_texts(values: Iterable[Any]) -> int:
    return sum(sys.getsizeof(value) for value in values if isinstance(value, str))


def _list_values(row: ClipRow) -> list[Any]:
    return [row.id, row.style, *(row.values if row.clip is None else row.clip.__dict__).values()]
