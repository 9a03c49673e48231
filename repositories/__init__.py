"""Firestore's documents as models, and the calls that read and write them: the names here are public."""

from repositories.client import FirestoreClient, create_client, default_client
from repositories.clips import ClipRepository
from repositories.exceptions import (
    ClipAlreadyExistsError,
    ClipBeingDeletedError,
    ClipNotFoundError,
    ClipRepositoryError,
    ConflictError,
    ContentionError,
    DocumentNotFoundError,
    DocumentTooLargeError,
    FirestoreError,
    InvalidCursorError,
    InvalidStatusChangeError,
    NotFoundError,
    RepositoryError,
    TransactionEndedError,
    UnavailableError,
    ValidationError,
    VideoAlreadyExistsError,
    VideoBeingDeletedError,
    VideoNotFoundError,
    VideoRepositoryError,
)
from repositories.model.statuses import ClipStatusChange
from repositories.models import ClipMetadata, ClipStatus, HighlightsSummary, VideoMetadata, VideoStatus
from repositories.paging.orders import ClipOrder, VideoOrder
from repositories.paging.page import Page
from repositories.tombstones import FileStore, UnfinishedDelete
from repositories.unit_of_work import UnitOfWork, run_in_transaction
from repositories.videos import VideoRepository

__all__ = [
    "ClipAlreadyExistsError",
    "ClipBeingDeletedError",
    "ClipMetadata",
    "ClipNotFoundError",
    "ClipOrder",
    "ClipRepository",
    "ClipRepositoryError",
    "ClipStatus",
    "ClipStatusChange",
    "ConflictError",
    "ContentionError",
    "DocumentNotFoundError",
    "DocumentTooLargeError",
    "FileStore",
    "FirestoreClient",
    "FirestoreError",
    "HighlightsSummary",
    "InvalidCursorError",
    "InvalidStatusChangeError",
    "NotFoundError",
    "Page",
    "RepositoryError",
    "TransactionEndedError",
    "UnavailableError",
    "UnfinishedDelete",
    "UnitOfWork",
    "ValidationError",
    "VideoAlreadyExistsError",
    "VideoBeingDeletedError",
    "VideoMetadata",
    "VideoNotFoundError",
    "VideoOrder",
    "VideoRepository",
    "VideoRepositoryError",
    "VideoStatus",
    "create_client",
    "default_client",
    "run_in_transaction",
]
