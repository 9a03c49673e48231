"""The streams of a process and their targets: as few streams as possible, and related targets on one."""

import asyncio
from collections.abc import Hashable

from repositories.client import FirestoreClient
from repositories.firestore.transport import Transport
from repositories.listening.persistent_stream import PersistentStream
from repositories.listening.target_state import TargetState
from repositories.listening.targets import VideosTarget

MAX_TARGETS_PER_STREAM = 100
"""The limit of snapshot listeners of one client that Firestore's best practices name."""

_TARGETS_PER_VIDEO = 2  # itself and its clips, whether they are watched or not: so both always find room


class StreamPool:
    """All streams of a process."""

    def __init__(self, client: FirestoreClient) -> None:
        self._client = client
        self._streams: dict[PersistentStream, dict[Hashable, set[TargetState]]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._read_by_closed = 0

    @property
    def count(self) -> int:
        """The number of open streams."""
        return len(self._streams)

    @property
    def documents_read(self) -> int:
        """The number of documents that Firestore has sent."""
        return self._read_by_closed + sum(stream.documents_read for stream in self._streams)

    def add(self, state: TargetState) -> None:
        """The target receives its documents."""
        key = _get_group(state)
        stream = self._find(key) or self._find_room(key) or self._open()
        self._streams[stream].setdefault(key, set()).add(state)
        stream.add(state)

    def remove(self, state: TargetState) -> None:
        """The target receives nothing more; a stream without targets is closed."""
        key = _get_group(state)
        stream = self._find(key)
        if stream is None:
            return
        stream.remove(state)
        group = self._streams[stream][key]
        group.discard(state)
        if not group:
            del self._streams[stream][key]
        if not self._streams[stream]:
            self._close(stream)

    async def close(self) -> None:
        """No stream is open."""
        for stream in list(self._streams):
            self._close(stream)
        await asyncio.gather(*self._closing)

    def _find(self, key: Hashable) -> PersistentStream | None:
        return next((stream for stream, groups in self._streams.items() if key in groups), None)

    def _find_room(self, key: Hashable) -> PersistentStream | None:
        for stream, groups in self._streams.items():
            if sum(map(_weigh, groups)) + _weigh(key) <= MAX_TARGETS_PER_STREAM and not stream.is_refused:
                return stream
        return None

    def _open(self) -> PersistentStream:
        stream = PersistentStream(Transport(self._client))
        self._streams[stream] = {}
        return stream

    def _close(self, stream: PersistentStream) -> None:
        del self._streams[stream]
        self._read_by_closed += stream.documents_read
        task = asyncio.get_running_loop().create_task(stream.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _get_group(state: TargetState) -> Hashable:
    """The key of the targets that share a stream."""
    target = state.target
    return target.user_id if isinstance(target, VideosTarget) else (target.user_id, target.video_id)


def _weigh(key: Hashable) -> int:
    return _TARGETS_PER_VIDEO if isinstance(key, tuple) else 1
