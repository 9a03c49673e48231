"""Reads a target's state at a past version, for resumes that the removal log does not cover."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from google.api_core import exceptions as google_exceptions

from repositories.client import FirestoreClient
from repositories.exceptions import TooManyDocumentsError, UnavailableError, VersionTooOldError
from repositories.firestore.backoff import RPC_BACKOFF
from repositories.firestore.paths import build_video_path, get_collection
from repositories.firestore.rpc import DEFAULT_TIMEOUT_SECONDS, NO_ANSWER
from repositories.firestore.stored import StoredDocument
from repositories.firestore.transport import Transport
from repositories.listening.fair_queue import FairQueue
from repositories.listening.read_accounts import UNCHARGED, ReadAccount
from repositories.listening.target_state import DEFAULT_MAX_DOCUMENTS
from repositories.listening.targets import AnyTarget, VideoTarget
from repositories.listening.versions import Version, digest_path, to_moment
from repositories.statistics import read_style
from repositories.tombstones import TOMBSTONE_FIELDS, check_is_deleting

# Of all targets together: after a restart all clients return at once.
MAX_READS_AT_ONCE = 8
# Of one user: a client that returns with many versions leaves turns for other users.
MAX_READS_PER_USER = 2
# A message of so many documents takes a millisecond or two to decode; then it is others' turn.
DOCUMENTS_PER_PAGE = 100
# Between two pages, for each second that one took: who reads a long past leaves half of the time to others.
PAUSE_PER_SECOND = 1.0
_SHOWN_FIELDS = (*TOMBSTONE_FIELDS, "style")
_REFUSALS = (google_exceptions.InvalidArgument, google_exceptions.FailedPrecondition, google_exceptions.OutOfRange)
_DENIALS = (google_exceptions.PermissionDenied, google_exceptions.NotFound)

KnownStyles = dict[str, str | None]
# Documents, and the token of the next page, empty after the last.
Page = tuple[list[StoredDocument], str]


@dataclass(frozen=True, slots=True)
class PastState:
    """The state of a target as a subscriber knows it that received all changes up to a version.

    `known` has the documents with their styles. `had_owner` says whether the video existed, or was deleted by that very
    commit.
    """

    known: KnownStyles
    had_owner: bool


class PastReader:
    """Reads of past states. Firestore keeps an hour of them."""

    def __init__(self, client: FirestoreClient, max_documents: int = DEFAULT_MAX_DOCUMENTS) -> None:
        self._client = client
        self._max_documents = max_documents
        self._turns = FairQueue(MAX_READS_AT_ONCE, MAX_READS_PER_USER)
        self._pages: set[asyncio.Task[Page]] = set()
        self.documents_read = 0

    async def close(self) -> None:
        """All reads have ended."""
        for page in self._pages:
            page.cancel()
        await asyncio.gather(*self._pages, return_exceptions=True)

    async def read(
        self, source: AnyTarget, owner: AnyTarget | None, version: Version, account: ReadAccount = UNCHARGED
    ) -> PastState:
        """The state at a version, in turn with other users' reads; each page is charged to the account as it comes.

        `VersionTooOldError` where Firestore no longer has it, `TooManyDocumentsError` where it is too large.
        """
        # The commit at this very time may be known by half: documents of higher digests are as before it.
        async with self._turns.turn(account.name):
            told = await self._look(source, owner, version.micros, account)
            untold = await self._look(source, owner, version.micros - 1, account)
        known = _pick(source, told or {}, version, is_told=True) | _pick(source, untold or {}, version, is_told=False)
        return PastState(known, had_owner=told is not None or untold is not None)

    async def _look(
        self, source: AnyTarget, owner: AnyTarget | None, micros: int, account: ReadAccount
    ) -> KnownStyles | None:
        """The documents that were shown at a time, with their styles; None where their video did not exist."""
        if owner is not None and owner != source and not await self._list(owner, micros, account):
            return None
        known = await self._list(source, micros, account)
        return known if known or owner != source else None

    async def _list(self, target: AnyTarget, micros: int, account: ReadAccount) -> KnownStyles:
        """The documents that existed at a time, with their styles."""
        known: KnownStyles = {}
        async for documents in self._each_page(target, to_moment(micros), account):
            shown = (document for document in documents if document.fields is not None)
            known |= {doc.id: _read_style(doc) for doc in shown if not check_is_deleting(doc.fields)}
        return known

    async def _each_page(
        self, target: AnyTarget, read_time: datetime, account: ReadAccount
    ) -> AsyncIterator[Sequence[StoredDocument]]:
        token, read = "", 0
        while True:
            # A page that was requested is read to its end, and paid for, also after its subscriber has left.
            page = asyncio.get_running_loop().create_task(self._read_page(target, read_time, token, account))
            self._pages.add(page)
            page.add_done_callback(self._pages.discard)
            started_at = time.monotonic()
            documents, token = await asyncio.shield(page)
            yield documents
            read += len(documents)
            if read > self._max_documents:
                raise TooManyDocumentsError(self._max_documents)
            if not token:
                return
            await asyncio.sleep(PAUSE_PER_SECOND * (time.monotonic() - started_at))

    async def _read_page(self, target: AnyTarget, read_time: datetime, token: str, account: ReadAccount) -> Page:
        account.begin_read()
        try:
            documents, next_token = await self._insist(target, read_time, token)
            self.documents_read += max(1, len(documents))
            account.charge(max(1, len(documents)))
        finally:
            account.end_read()
        return documents, next_token

    async def _insist(self, target: AnyTarget, read_time: datetime, token: str) -> Page:
        """A page of the documents at a time, read again after transient errors without end."""
        for attempt in itertools.count():
            try:
                return await self._read(target, read_time, token)
            except _REFUSALS as error:
                raise VersionTooOldError from error
            except _DENIALS as error:
                raise UnavailableError(NO_ANSWER) from error
            except google_exceptions.GoogleAPICallError:
                await asyncio.sleep(RPC_BACKOFF.compute_seconds(attempt))
        raise AssertionError  # the loop has no end of its own

    async def _read(self, target: AnyTarget, read_time: datetime, token: str) -> Page:
        transport = Transport(self._client)
        if isinstance(target, VideoTarget):
            path = build_video_path(target.user_id, target.video_id)
            return await transport.get_all([path], DEFAULT_TIMEOUT_SECONDS, read_time), ""
        return await transport.list_page(
            get_collection(self._client, target.folder),
            "",
            DOCUMENTS_PER_PAGE,
            token,
            DEFAULT_TIMEOUT_SECONDS,
            read_time=read_time,
            field_names=_SHOWN_FIELDS,
        )


def _pick(target: AnyTarget, known: KnownStyles, version: Version, *, is_told: bool) -> KnownStyles:
    """The documents whose change at the version's own time was told, or with `is_told` False was not."""
    return {
        document_id: style
        for document_id, style in known.items()
        if (digest_path(f"{target.folder}/{document_id}") <= version.digest) is is_told
    }


def _read_style(document: StoredDocument) -> str | None:
    return read_style(document.get("style"))
