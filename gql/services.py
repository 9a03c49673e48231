"""The process: the clients of Firestore and R2, the caches, the limits and the listener that its requests share."""

from dataclasses import dataclass
from functools import cached_property

from gql.authentication.access_control import AccessControl
from gql.cost.bound_cache import BoundCache
from gql.execution.document_cache import DocumentCache
from gql.execution.result_cache import ResultCache
from gql.rate_limits.admission import Admission
from gql.rate_limits.budgets import Budgets
from gql.trusted_documents import NO_DOCUMENTS, TrustedDocuments
from repositories.cache.clip_cache import ClipCache
from repositories.cache.video_cache import VideoCache
from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.listening.listener import Listener
from repositories.status_batcher import StatusBatcher
from repositories.videos import VideoRepository
from settings import Settings
from storage.r2 import R2Storage


@dataclass(frozen=True)
class Services:
    """The clients of Firestore and R2 and the known documents, shared by all requests of a process."""

    settings: Settings
    firestore: FirestoreClient
    storage: R2Storage
    documents: TrustedDocuments = NO_DOCUMENTS

    def videos(self, user_id: str) -> VideoRepository:
        """The repository of a user's videos."""
        return VideoRepository(
            user_id,
            self.firestore,
            timeout_seconds=self.settings.firestore_timeout_seconds,
            clip_cache=self.clip_cache,
            video_cache=self.video_cache,
        )

    def clips(self, user_id: str, video_id: str) -> ClipRepository:
        """The repository of a video's clips."""
        return ClipRepository(
            user_id, video_id, self.firestore, timeout_seconds=self.settings.firestore_timeout_seconds
        )

    @cached_property
    def clip_cache(self) -> ClipCache | None:
        """The sets of clips that all requests read last; None where the setting turns that off."""
        max_bytes = self._share_clip_cache(0.75)
        return ClipCache(max_bytes) if max_bytes else None

    @cached_property
    def result_cache(self) -> ResultCache | None:
        """The pages of clips that all requests were shown last; None as above."""
        max_bytes = self._share_clip_cache(0.2)
        return ResultCache(max_bytes) if max_bytes else None

    @cached_property
    def video_cache(self) -> VideoCache | None:
        """The videos that all requests read last; None as above."""
        max_bytes = self._share_clip_cache(0.05)
        return VideoCache(max_bytes) if max_bytes else None

    def _share_clip_cache(self, part: float) -> int:
        """This share of the cache budget, in bytes."""
        return int(self.settings.clip_cache_mb * 2**20 * part)

    @cached_property
    def status_batcher(self) -> StatusBatcher:
        """The batcher of single status changes of all requests."""
        return StatusBatcher(self.settings.statistics_window_ms / 1000)

    @cached_property
    def document_cache(self) -> DocumentCache:
        """The documents that all requests sent last."""
        return DocumentCache()

    @cached_property
    def bound_cache(self) -> BoundCache:
        """The bounds of the documents that all requests sent last."""
        return BoundCache()

    @cached_property
    def budgets(self) -> Budgets:
        """The callers' budgets for a minute."""
        return Budgets(self.settings)

    @cached_property
    def access_control(self) -> AccessControl:
        """Identifies callers, and counts their requests."""
        return AccessControl(self.settings, self.budgets)

    @cached_property
    def admission(self) -> Admission:
        """The requests that run at once."""
        return Admission(self.settings.max_requests_in_flight, self.settings.allowed_origins)

    @cached_property
    def listener(self) -> Listener:
        """The listener of all subscriptions of this process."""
        return Listener(
            self.firestore,
            max_documents=self.settings.max_followed_documents,
            max_documents_per_account=self.settings.max_followed_documents_per_caller,
        )

    async def close(self) -> None:
        """All clients' connections are closed."""
        await self.status_batcher.close()
        await self.listener.close()
        await self.budgets.close()
        self.firestore.close()
        self.storage.close()
