"""The RPCs of the repositories: each with a deadline, a bounded retry, a meter, and repository errors."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from google.api_core import exceptions as google_exceptions
from google.cloud.firestore import AsyncCollectionReference, AsyncDocumentReference, AsyncWriteBatch
from google.cloud.firestore_v1.async_query import AsyncQuery

from repositories.client import FirestoreClient
from repositories.exceptions import (
    ContentionError,
    DocumentNotFoundError,
    FirestoreError,
    RepositoryError,
    UnavailableError,
    ValidationError,
)
from repositories.firestore.backoff import RPC_BACKOFF
from repositories.firestore.metering import Meter, count_aggregation, count_reads, count_rpc, count_writes, metered
from repositories.firestore.stored import FoundDocuments, StoredDocument
from repositories.firestore.transactions import Transaction
from repositories.firestore.transport import Transport

__all__ = ["DEFAULT_TIMEOUT_SECONDS", "FirestoreRpc", "Meter", "metered"]

DEFAULT_TIMEOUT_SECONDS = 10.0
MAX_READ_ATTEMPTS = 6

NO_ANSWER = "Firestore does not answer."

T = TypeVar("T")

_TRANSIENT = (
    google_exceptions.ServiceUnavailable,
    google_exceptions.InternalServerError,
    google_exceptions.DeadlineExceeded,
    google_exceptions.ResourceExhausted,
)


class FirestoreRpc:
    """The RPCs that the repositories send. Each takes at most `timeout_seconds`, its retries included."""

    def __init__(self, client: FirestoreClient, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self.client = client
        self.timeout_seconds = timeout_seconds

    async def get_all(
        self, references: Sequence[AsyncDocumentReference], transaction: Transaction | None = None
    ) -> list[StoredDocument]:
        """The documents in one RPC, in any order; missing ones without fields."""

        async def send(timeout_seconds: float) -> list[StoredDocument]:
            paths = [reference.path for reference in references]
            return await self._transport.get_all(paths, timeout_seconds, transaction=transaction)

        documents = await self._read(send, transaction)
        count_reads(len(documents))
        return documents

    async def run_query(self, query: AsyncQuery, transaction: Transaction | None = None) -> FoundDocuments:
        """The query's documents in their order."""

        async def send(timeout_seconds: float) -> FoundDocuments:
            return await self._transport.run_query(query, timeout_seconds, transaction=transaction)

        documents = await self._read(send, transaction)
        count_reads(len(documents))
        return documents

    async def list_documents(self, collection: AsyncCollectionReference, limit: int) -> list[StoredDocument] | None:
        """All documents of the collection by id, in one message; None where there are more than `limit`."""
        documents = await self._read(
            lambda timeout_seconds: self._transport.list_documents(collection, limit, timeout_seconds)
        )
        count_reads(limit if documents is None else len(documents))
        return documents

    async def list_first(self, collection: AsyncCollectionReference, order_by: str, limit: int) -> list[StoredDocument]:
        """The first documents in this order, in one message; in more where one does not hold them."""
        found, token = list[StoredDocument](), ""
        while True:
            rest = partial(self._transport.list_page, collection, order_by, limit - len(found), token)
            documents, token = await self._read(rest)
            count_reads(len(documents))
            found += documents
            if not token or len(found) >= limit:
                return found

    @property
    def _transport(self) -> Transport:
        return Transport(self.client)

    async def count(self, query: AsyncQuery, transaction: Transaction | None = None, up_to: int | None = None) -> int:
        """The number of the query's documents, at most `up_to`; none of them is read, and a thousand cost one read."""
        counted_query = query if up_to is None else query.limit(up_to)

        async def send(timeout_seconds: float) -> int:
            aggregation: Any = counted_query.count()  # its annotation says a class, and it is an instance
            answer = await aggregation.get(transaction=transaction, retry=None, timeout=timeout_seconds)
            return int(answer[0][0].value)

        counted = await self._read(send, transaction)
        count_aggregation(counted)
        return counted

    async def commit(self, batch: AsyncWriteBatch) -> datetime | None:
        """The time at which the batch was written, all or nothing.

        It is sent once: the caller reads again before it builds another.

        `ContentionError` where a precondition no longer holds.
        """
        writes = len(batch)
        try:
            committed_at = await self._send(lambda timeout_seconds: self._transport.commit(batch, timeout_seconds))
        except (
            google_exceptions.AlreadyExists,
            google_exceptions.FailedPrecondition,
            google_exceptions.NotFound,
        ) as error:
            raise ContentionError from error
        except google_exceptions.GoogleAPICallError as error:
            raise _convert(error) from error
        count_writes(writes)
        return committed_at

    async def begin(self, transaction: Transaction, retried: Transaction | None) -> None:
        """The transaction has begun; `retried` is the one that was aborted before it, whose place in line it takes."""
        await self._read(lambda timeout_seconds: transaction.begin(retried, timeout_seconds))

    async def commit_transaction(self, transaction: Transaction) -> datetime | None:
        """The time at which the transaction was committed, if its reads still held; errors are those of `commit`."""
        writes = len(transaction)
        try:
            committed_at = await self._send(transaction.commit_once)
        except (google_exceptions.AlreadyExists, google_exceptions.NotFound) as error:
            raise ContentionError from error
        except google_exceptions.GoogleAPICallError as error:
            raise _convert(error) from error
        count_writes(writes)
        return committed_at

    async def roll_back(self, transaction: Transaction) -> None:
        """The transaction's locks are given up; where that fails, they end with its idle time."""
        try:
            await self._send(transaction.roll_back)
        except google_exceptions.GoogleAPICallError:
            return

    async def _read(self, send: Callable[[float], Awaitable[T]], transaction: Transaction | None = None) -> T:
        """The answer of a read that is sent again after transient errors, within the deadline."""
        # An aborted transaction has to begin anew; a read without one only has to be sent again.
        transient = _TRANSIENT if transaction is not None else (*_TRANSIENT, google_exceptions.Aborted)
        ends_at = time.monotonic() + self.timeout_seconds
        for attempt in itertools.count():
            try:
                return await self._send(send, ends_at - time.monotonic())
            except transient as error:
                backoff_seconds = RPC_BACKOFF.compute_seconds(attempt)
                if attempt + 1 == MAX_READ_ATTEMPTS or time.monotonic() + backoff_seconds >= ends_at:
                    is_aborted = isinstance(error, google_exceptions.Aborted)
                    raise (UnavailableError(NO_ANSWER) if is_aborted else _convert(error)) from error
            except google_exceptions.GoogleAPICallError as error:
                raise _convert(error) from error
            await asyncio.sleep(backoff_seconds)
        raise AssertionError  # the loop has no end of its own

    async def _send(self, send: Callable[[float], Awaitable[T]], timeout_seconds: float | None = None) -> T:
        count_rpc()
        return await send(self.timeout_seconds if timeout_seconds is None else timeout_seconds)


def _convert(error: google_exceptions.GoogleAPICallError) -> RepositoryError:
    """Converts Google API errors to repository errors."""
    text = str(error.message)
    is_lost_transaction = isinstance(error, google_exceptions.InvalidArgument) and "transaction" in text.lower()
    if isinstance(error, google_exceptions.Aborted) or is_lost_transaction:
        return ContentionError()
    if isinstance(error, google_exceptions.NotFound):
        return DocumentNotFoundError()
    if isinstance(error, google_exceptions.InvalidArgument):
        return ValidationError(f"Firestore refused the request: {text}")
    if isinstance(error, _TRANSIENT) and not isinstance(error, google_exceptions.InternalServerError):
        return UnavailableError(NO_ANSWER)
    return FirestoreError(f"Firestore refused the request: {text}")
