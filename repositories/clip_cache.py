"""Sets of clips, kept in memory for as long as they are what is stored.

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
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from repositories.clip_sets import ClipRow, ClipSet, Filter
from repositories.models import VideoMetadata

# Larger ones are paged in Firestore: one user's longest video must not push out everybody else's.
MAX_CLIPS_KEPT = 1_000
# Of a set, and of a row beside its texts: objects, dictionaries, numbers and moments.
BYTES_PER_SET = 1_000
BYTES_PER_ROW = 3_000

_Key = tuple[str, str, Filter]


@dataclass(frozen=True, slots=True)
class _Entry:
    version: datetime
    clips: ClipSet
    size_bytes: int


class ClipCache:
    """The sets of clips that were used last, of all users, in at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries = OrderedDict[_Key, _Entry]()
        self.size_bytes = 0

    def find(self, video: VideoMetadata, wanted: Filter) -> ClipSet | None:
        """A set with all clips that the filter leaves of this version of the video, or None."""
        for key in _list_keys(video, wanted):
            entry = self._entries.get(key)
            if entry is not None and entry.version == video.version:
                self._entries.move_to_end(key)
                return entry.clips
        return None

    def keep(self, video: VideoMetadata, clips: ClipSet) -> None:
        """The set, which was read after the video, is found from now on, if it is of moderate size."""
        key = (video.user_id, video.video_id, clips.filter)
        known = self._entries.get(key)
        size_bytes = _measure(clips)
        if video.version is None or len(clips.rows) > MAX_CLIPS_KEPT or size_bytes > self._max_bytes:
            return
        # Of two requests under way, the one with the older video may come last.
        if known is not None and known.version > video.version:
            return
        self._drop(key)
        self._entries[key] = _Entry(video.version, clips, size_bytes)
        self.size_bytes += size_bytes
        while self.size_bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: _Key) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            self.size_bytes -= entry.size_bytes


def _list_keys(video: VideoMetadata, wanted: Filter) -> Iterator[_Key]:
    """Where a set may be kept that has what is wanted: the one that is wanted, or a larger one."""
    for filter_ in dict.fromkeys((Filter(), Filter(wanted.status), Filter(None, wanted.style), wanted)):
        yield video.user_id, video.video_id, filter_


def _measure(clips: ClipSet) -> int:
    """The bytes of memory that the set takes, and rather more than less: what rows share is counted for each."""
    return BYTES_PER_SET + sum(map(_measure_row, clips.rows))


def _measure_row(row: ClipRow) -> int:
    values = list(row.values.values() if row.clip is None else row.clip.__dict__.values())
    return BYTES_PER_ROW + sum(sys.getsizeof(value) for value in (row.id, row.style, *values) if isinstance(value, str))
