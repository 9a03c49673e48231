"""What was there at an earlier moment, read from Firestore: for those who come back and nobody here remembers."""

import asyncio
import itertools
from dataclasses import dataclass
from datetime import datetime

from google.api_core import exceptions as google_exceptions
from google.cloud.firestore_v1.async_query import AsyncQuery

from repositories.calls import DEFAULT_TIMEOUT_SECONDS, NO_ANSWER, compute_backoff_seconds
from repositories.client import FirestoreClient
from repositories.deleting import check_is_deleting
from repositories.exceptions import UnavailableError, VersionTooOldError
from repositories.listening.targets import AnyTarget, VideoTarget
from repositories.listening.versions import Version, digest_path, to_moment
from repositories.metering import count_reads
from repositories.models import ClipMetadata
from repositories.stored import StoredDocument
from repositories.wire import Wire

# Of all targets together: after a restart everybody comes back at once.
MAX_READS_AT_ONCE = 8
_SHOWN_FIELDS = ("status", "style")
_REFUSALS = (google_exceptions.InvalidArgument, google_exceptions.FailedPrecondition, google_exceptions.OutOfRange)
_DENIALS = (google_exceptions.PermissionDenied, google_exceptions.NotFound)

Known = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class History:
    """What somebody knows who was told all changes up to a version.

    `known` has the documents with their styles. `had_owner` says whether the video was there, or had just gone.
    """

    known: Known
    had_owner: bool


class Histories:
    """Reads of the past. Firestore keeps an hour of it."""

    def __init__(self, client: FirestoreClient) -> None:
        self._client = client
        self._turns = asyncio.Semaphore(MAX_READS_AT_ONCE)
        self.documents_read = 0

    async def read(self, source: AnyTarget, owner: AnyTarget | None, version: Version) -> History:
        """The history at a version. `VersionTooOldError` where Firestore does not know it any more."""
        # The commit at this very time may have been told by half: those with higher digests are as they were before it.
        async with self._turns:
            told = await self._look(source, owner, version.micros)
            untold = await self._look(source, owner, version.micros - 1)
        known = _pick(source, told or {}, version, is_told=True) | _pick(source, untold or {}, version, is_told=False)
        return History(known, had_owner=told is not None or untold is not None)

    async def _look(self, source: AnyTarget, owner: AnyTarget | None, micros: int) -> Known | None:
        """The documents that were shown at a time, with their styles; None where their video was not there."""
        known = await self._list(source, micros)
        has_owner = owner is None or bool(known if owner == source else await self._list(owner, micros))
        return known if has_owner else None

    async def _list(self, target: AnyTarget, micros: int) -> Known:
        """The documents that were there at a time, with their styles."""
        for attempt in itertools.count():
            try:
                documents = await self._read(target, to_moment(micros))
            except _REFUSALS as error:
                raise VersionTooOldError from error
            except _DENIALS as error:
                raise UnavailableError(NO_ANSWER) from error
            except google_exceptions.GoogleAPICallError:
                await asyncio.sleep(compute_backoff_seconds(attempt))
            else:
                reads = max(1, len(documents))
                self.documents_read += reads
                # On behalf of the one who comes back: what is told to many is counted for none.
                count_reads(reads)
                shown = (document for document in documents if document.fields is not None)
                return {doc.id: _read_style(doc) for doc in shown if not check_is_deleting(doc.fields)}
        raise AssertionError  # the loop has no end of its own

    async def _read(self, target: AnyTarget, read_time: datetime) -> list[StoredDocument]:
        wire = Wire(self._client)
        if isinstance(target, VideoTarget):
            path = f"{target.folder}/{target.video_id}"
            return await wire.get_all([path], DEFAULT_TIMEOUT_SECONDS, read_time)
        query = AsyncQuery(self._client.collection(*target.folder.split("/"))).select(_SHOWN_FIELDS)
        return await wire.run_query(query, DEFAULT_TIMEOUT_SECONDS, read_time)


def _pick(target: AnyTarget, known: Known, version: Version, *, is_told: bool) -> Known:
    """Those whose change at the version's own time was told, or those whose was not."""
    return {
        document_id: style
        for document_id, style in known.items()
        if (digest_path(f"{target.folder}/{document_id}") <= version.digest) is is_told
    }


def _read_style(document: StoredDocument) -> str | None:
    style = document.get("style")
    return style if isinstance(style, str) else str(ClipMetadata.STORED_DEFAULTS["style"])
