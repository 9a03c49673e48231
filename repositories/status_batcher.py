"""Batches of single status changes: a video's document takes about one write a second.

Every step of a clip writes its video's statistics. Fifty workers that report one clip each would write that one
document fifty times, and wait for each other. Here the first report is written at once; reports within the window after
it become one commit, with one write on the video. Nothing is acknowledged before its commit.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from repositories.arguments import parse_change
from repositories.clips import MAX_CLIPS_PER_BATCH, ClipRepository
from repositories.firestore.metering import Meter, add_to_meter, metered
from repositories.model.statuses import ClipStatusChange
from repositories.models import ClipMetadata


@dataclass(frozen=True)
class _Waiting:
    """A change with its waiting caller; `cost` is the cost of the commit, set for the first change in it."""

    change: ClipStatusChange
    outcome: asyncio.Future[ClipMetadata]
    cost: Meter


class StatusBatcher:
    """The status changes of all videos in this process."""

    def __init__(self, window_seconds: float) -> None:
        self._window_seconds = window_seconds
        self._queues: dict[tuple[str, str], deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def update(self, repository: ClipRepository, change: ClipStatusChange) -> ClipMetadata:
        """The clip with its new status, once it is committed; errors are those of `update_clip_status`."""
        # One that is malformed would fail those that it is merged with.
        parse_change(change)
        waiting = _Waiting(change, asyncio.get_running_loop().create_future(), Meter())
        key = repository.user_id, repository.video_id
        if key in self._queues:
            self._queues[key].append(waiting)
        else:
            self._queues[key] = deque([waiting])
            task = asyncio.create_task(self._write(key, repository))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            return await waiting.outcome
        finally:
            add_to_meter(waiting.cost)

    async def close(self) -> None:
        """All commits have ended, and waiting callers are cancelled."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # A task that was cancelled before its first step has answered no caller.
        for waiting in [waiting for queue in self._queues.values() for waiting in queue]:
            waiting.outcome.cancel()
        self._queues.clear()

    async def _write(self, key: tuple[str, str], repository: ClipRepository) -> None:
        """The video's changes, a commit a window, until none comes within one."""
        queue = self._queues[key]
        try:
            while queue:
                next_at = asyncio.get_running_loop().time() + self._window_seconds
                batch = [queue.popleft() for _ in range(min(len(queue), MAX_CLIPS_PER_BATCH))]
                await _commit(repository, batch)
                await asyncio.sleep(next_at - asyncio.get_running_loop().time())
        finally:
            self._queues.pop(key, None)
            for waiting in queue:
                waiting.outcome.cancel()


async def _commit(repository: ClipRepository, batch: list[_Waiting]) -> None:
    """Every caller in the batch has its outcome."""
    outcomes: Sequence[ClipMetadata | Exception]
    try:
        with metered(batch[0].cost):
            outcomes = await repository.try_update_clip_statuses([waiting.change for waiting in batch])
    except Exception as error:  # noqa: BLE001  whatever it is, it is the answer of all who wait
        outcomes = [error] * len(batch)
    except asyncio.CancelledError:
        for waiting in batch:
            waiting.outcome.cancel()
        raise
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if waiting.outcome.done():
            continue  # the caller is gone
        if isinstance(outcome, Exception):
            waiting.outcome.set_exception(outcome)
        else:
            waiting.outcome.set_result(outcome)
