"""Videos that were read before: a document is made a model once for each of its versions.

Firestore answers documents with the moment of their last write, which no two versions of a document share. So this is
no cache of reads: each document was just read, and only what it means is known from the last time.
"""

import sys
from collections import OrderedDict
from datetime import datetime

from repositories.firestore.stored import StoredDocument
from repositories.mapping.reader import read_video_document
from repositories.models import VideoMetadata

# Of a model beside its texts; each entry of its dictionaries and lists is counted as one of these, too.
BYTES_PER_VIDEO = 3_000
BYTES_PER_ENTRY = 200

_Key = tuple[str, datetime | None]


class VideoCache:
    """The models of videos that were read last, of all users, in at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._videos = OrderedDict[_Key, tuple[VideoMetadata, int]]()
        self.size_bytes = 0

    def read(self, document: StoredDocument) -> VideoMetadata | None:
        """What `read_video_document` answers."""
        key = (document.path, document.update_time)
        known = self._videos.get(key)
        if known is not None:
            self._videos.move_to_end(key)
            return known[0]
        video = read_video_document(document)
        if video is not None and document.update_time is not None:
            self._keep(key, video)
        return video

    def _keep(self, key: _Key, video: VideoMetadata) -> None:
        size_bytes = _measure(video)
        if size_bytes > self._max_bytes:
            return
        self._videos[key] = video, size_bytes
        self.size_bytes += size_bytes
        while self.size_bytes > self._max_bytes:
            _, (_, oldest_bytes) = self._videos.popitem(last=False)
            self.size_bytes -= oldest_bytes


def _measure(video: VideoMetadata) -> int:
    """The bytes of memory that the model takes, and rather more than less."""
    categories = video.highlights_summary.categories if video.highlights_summary else []
    entries = [*video.styles_processed, *video.clips_by_style, *categories]
    texts = [value for value in (*video.__dict__.values(), *entries) if isinstance(value, str)]
    return BYTES_PER_VIDEO + BYTES_PER_ENTRY * len(entries) + sum(map(sys.getsizeof, texts))
