"""The base of both repositories: the user, the client, and the commit that a call becomes."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from google.cloud.firestore import AsyncCollectionReference, AsyncDocumentReference

from repositories.arguments import parse_client, parse_id, parse_timeout, parse_unit, parse_user_id
from repositories.client import FirestoreClient, default_client
from repositories.exceptions import VideoNotFoundError
from repositories.firestore import paths
from repositories.firestore.rpc import FirestoreRpc
from repositories.firestore.transactions import Transaction
from repositories.mapping.reader import read_video
from repositories.models import VideoMetadata
from repositories.unit_of_work import UnitOfWork, open_transaction, run_locked, run_unlocked

T = TypeVar("T")


class Repository:
    """The documents of one user's videos and of their clips."""

    def __init__(self, user_id: str, client: FirestoreClient | None, timeout_seconds: float) -> None:
        self.user_id = parse_user_id(user_id)
        self._client = parse_client(client)
        self._timeout_seconds = parse_timeout(timeout_seconds)

    def transaction(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A unit of work for calls of any repository, passed on as `transaction=`: committed at the block's end.

        Documents that it reads are locked until then. All or nothing is written; `ContentionError` (a `ConflictError`)
        after a concurrent write. `await transaction.commit()` commits it earlier, once. `run_in_transaction` does the
        same with a function that it can run again.
        """
        return open_transaction(self._rpc)

    def rehearse(self) -> UnitOfWork:
        """A unit of work that nobody commits: calls with it as `transaction=` answer and refuse, and write nothing.

        They see each other's writes. Nothing is locked.
        """
        return UnitOfWork(self._rpc)

    @property
    def _rpc(self) -> FirestoreRpc:
        return FirestoreRpc(self._client or default_client(), self._timeout_seconds)

    @property
    def _videos(self) -> AsyncCollectionReference:
        return paths.get_videos(self._rpc.client, self.user_id)

    def _video(self, video_id: str) -> AsyncDocumentReference:
        return self._videos.document(parse_id(video_id, "video_id"))

    def _clips_of(self, video_id: str) -> AsyncCollectionReference:
        return paths.get_clips_below(self._video(video_id))

    async def _run_unlocked(self, function: Callable[[UnitOfWork], Awaitable[T]], transaction: UnitOfWork | None) -> T:
        """The function's answer, in the caller's transaction, or in a commit of its own that locks nothing."""
        unit = parse_unit(transaction)
        return await (run_unlocked(self._rpc, function) if unit is None else function(unit))

    async def _run_locked(self, function: Callable[[UnitOfWork], Awaitable[T]], transaction: UnitOfWork | None) -> T:
        """The function's answer, in the caller's transaction or in one of its own."""
        unit = parse_unit(transaction)
        return await (run_locked(self._rpc, function) if unit is None else function(unit))

    async def _get_video(self, unit: UnitOfWork, video_id: str) -> VideoMetadata:
        data = await unit.get(self._video(video_id))
        if data is None:
            raise VideoNotFoundError(self.user_id, video_id)
        return read_video(data)


def transaction_of(transaction: UnitOfWork | None) -> Transaction | None:
    """The transaction that reads of the unit go through, which has not ended."""
    unit = parse_unit(transaction)
    if unit is None:
        return None
    unit.assert_open()
    return unit.transaction
