"""An LRU cache of models of videos: each version of a document is validated once.

Firestore sends a document with the time of its last write, which no two of its versions share. The cache saves no
reads: each document was just read, and only its model is known from an earlier read.
"""

import sys
from datetime import datetime

from repositories.cache.lru import LruCache
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
        self._videos = LruCache[_Key, VideoMetadata](max_bytes)

    @property
    def size_bytes(self) -> int:
        """The bytes of memory that all models take."""
        return self._videos.size

    def read(self, document: StoredDocument) -> VideoMetadata | None:
        """The document's video, as `read_video_document` reads it."""
        key = (document.path, document.update_time)
        if (known := self._videos.get(key)) is not None:
            known.set_snapshot_time(document.read_time)
            return known
        video = read_video_document(document)
        if video is not None and document.update_time is not None:
            self._videos.put(key, video, _measure(video))
        return video


def _measure(video: VideoMetadata) -> int:
    """The bytes of memory that the model takes, and rather more than less."""
    categories = video.highlights_summary.categories if video.highlights_summary else []
    entries = [*video.styles_processed, *video.clips_by_style, *categories]
    texts = [value for value in (*video.__dict__.values(), *entries) if isinstance(value, str)]
    return BYTES_PER_VIDEO + BYTES_PER_ENTRY * len(entries) + sum(map(sys.getsizeof, texts))
