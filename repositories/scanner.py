"""Scans of all stored documents of a user's videos, with tombstones and orphans, to compare them with R2."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from google.api_core.exceptions import GoogleAPIError
from google.api_core.retry import AsyncRetry, if_transient_error
from google.cloud.firestore import AsyncCollectionReference
from google.cloud.firestore_v1.async_query import AsyncQuery

from repositories.client import FirestoreClient
from repositories.exceptions import UnavailableError
from repositories.firestore import paths
from repositories.firestore.backoff import RPC_BACKOFF
from repositories.firestore.rpc import DEFAULT_TIMEOUT_SECONDS, FirestoreRpc
from repositories.firestore.stored import StoredDocument
from repositories.mapping.reader import read_clip_document, read_video_document
from repositories.model.guesses import Guesses, read_guesses
from repositories.models import ClipMetadata, VideoMetadata
from repositories.tombstones import check_is_deleting

# A page is held as messages and as models at once: at a thousand, that was tens of megabytes.
DOCUMENTS_PER_QUERY = 200


@dataclass(frozen=True)
class ScannedClip:
    """A clip's document, written last at `updated_at`; `clip` is None for a tombstone.

    `keys` are all keys of R2 that the document names; `guesses` are its marks of guesses.
    """

    clip_id: str
    clip: ClipMetadata | None
    updated_at: datetime
    is_deleting: bool
    keys: frozenset[str]
    guesses: Guesses = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class ScannedVideo:
    """A video's document, written last at `updated_at`; `video` is None where it is missing, or `is_deleting`."""

    user_id: str
    video_id: str
    video: VideoMetadata | None = None
    updated_at: datetime | None = None
    is_deleting: bool = False
    guesses: Guesses = field(default_factory=dict, hash=False)


class Scanner:
    """Reads all documents, also hidden ones, and changes nothing. Ids come in Firestore's order."""

    def __init__(self, client: FirestoreClient, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self._rpc = FirestoreRpc(client, timeout_seconds)

    async def list_users(self) -> AsyncIterator[str]:
        """Every user with a video; users have no documents of their own."""
        async for user_id in self._list_ids(paths.get_users(self._rpc.client)):
            yield user_id

    async def list_videos(self, user_id: str) -> AsyncIterator[str]:
        """Every video, also where nothing but clips is left of it."""
        async for video_id in self._list_ids(self._videos(user_id)):
            yield video_id

    async def list_clips(self, user_id: str, video_id: str) -> AsyncIterator[ScannedClip]:
        """Every clip of the video, read page by page; a concurrent write may or may not be seen."""
        async for document in self._list_documents(self._clips(user_id, video_id)):
            yield _scan(document)

    async def read_video(self, user_id: str, video_id: str) -> ScannedVideo:
        """The video's document; one without any is no error."""
        (document,) = await self._rpc.get_all([self._videos(user_id).document(video_id)])
        if document.fields is None:
            return ScannedVideo(user_id, video_id)
        video = read_video_document(document)
        guesses = read_guesses(document.fields)
        return ScannedVideo(user_id, video_id, video, document.update_time, is_deleting=video is None, guesses=guesses)

    async def read_clip(self, user_id: str, video_id: str, clip_id: str) -> ScannedClip | None:
        """The clip's document, or None."""
        (document,) = await self._rpc.get_all([self._clips(user_id, video_id).document(clip_id)])
        return None if document.fields is None else _scan(document)

    def _videos(self, user_id: str) -> AsyncCollectionReference:
        return paths.get_videos(self._rpc.client, user_id)

    def _clips(self, user_id: str, video_id: str) -> AsyncCollectionReference:
        return paths.get_clips(self._rpc.client, user_id, video_id)

    async def _list_ids(self, collection: AsyncCollectionReference) -> AsyncIterator[str]:
        """The ids of the collection's documents, also of missing ones with collections below, which queries omit."""
        timeout_seconds = self._rpc.timeout_seconds
        # Its own retry goes on for a minute, and gives up with an error that is no GoogleAPICallError.
        retry = AsyncRetry(
            if_transient_error,
            initial=RPC_BACKOFF.first_seconds,
            maximum=RPC_BACKOFF.max_seconds,
            timeout=timeout_seconds,
        )
        try:
            async for reference in collection.list_documents(retry=retry, timeout=timeout_seconds):
                yield reference.id
        except GoogleAPIError as error:
            raise UnavailableError("Firestore does not list its documents.") from error

    async def _list_documents(self, collection: AsyncCollectionReference) -> AsyncIterator[StoredDocument]:
        query = AsyncQuery(collection).order_by("__name__").limit(DOCUMENTS_PER_QUERY)
        documents = await self._rpc.run_query(query)
        while documents:
            for document in documents:
                yield document
            if len(documents) < DOCUMENTS_PER_QUERY:
                return
            last: dict[str, Any] = {"__name__": collection.document(documents[-1].id)}
            documents = await self._rpc.run_query(query.start_after(last))


def _scan(document: StoredDocument) -> ScannedClip:
    if document.update_time is None:
        raise AssertionError(document.path)  # a document that is there was written once
    is_deleting = check_is_deleting(document.fields)
    file_keys = document.get("file_keys") if is_deleting else None
    named = file_keys if isinstance(file_keys, list) else ()
    keys = [document.get("r2_key"), document.get("thumbnail_r2_key"), *named]
    return ScannedClip(
        document.id,
        read_clip_document(document),
        document.update_time,
        is_deleting,
        frozenset(key for key in keys if isinstance(key, str)),
        read_guesses(document.fields),
    )
