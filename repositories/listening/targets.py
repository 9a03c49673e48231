"""Targets of a Listen stream: one document, or a collection with all its documents.

Each kind has the path of its documents' collection (`folder`), builds the protobuf Target without its id, and reads
documents: None where one is being deleted or cannot be read. Equal targets are the same.
"""

from dataclasses import dataclass
from typing import Any

from google.cloud.firestore_v1.types import Target as TargetMessage

from repositories.firestore.paths import build_clips_path, build_video_path, build_videos_path
from repositories.firestore.stored import StoredDocument
from repositories.listening.changes import Model
from repositories.mapping.reader import read_clip_document, read_video_document


@dataclass(frozen=True, slots=True)
class VideoTarget:
    """One video."""

    user_id: str
    video_id: str

    @property
    def folder(self) -> str:
        """The path of the user's videos."""
        return build_videos_path(self.user_id)

    def build(self, root: str) -> Any:
        """A target of one document."""
        return TargetMessage.pb()(documents={"documents": [f"{root}/{build_video_path(self.user_id, self.video_id)}"]})

    def read(self, document: StoredDocument) -> Model | None:
        """The video."""
        return read_video_document(document)


@dataclass(frozen=True, slots=True)
class VideosTarget:
    """All videos of a user."""

    user_id: str

    @property
    def folder(self) -> str:
        """The path of the user's videos."""
        return build_videos_path(self.user_id)

    def build(self, root: str) -> Any:
        """A target of a collection."""
        return _build_collection(root, self.folder)

    def read(self, document: StoredDocument) -> Model | None:
        """The video."""
        return read_video_document(document)


@dataclass(frozen=True, slots=True)
class ClipsTarget:
    """All clips of a video."""

    user_id: str
    video_id: str

    @property
    def folder(self) -> str:
        """The path of the video's clips."""
        return build_clips_path(self.user_id, self.video_id)

    def build(self, root: str) -> Any:
        """A target of a collection."""
        return _build_collection(root, self.folder)

    def read(self, document: StoredDocument) -> Model | None:
        """The clip."""
        return read_clip_document(document)


AnyTarget = VideoTarget | VideosTarget | ClipsTarget


def _build_collection(root: str, path: str) -> Any:
    parent, _, collection_id = path.rpartition("/")
    query = {"from_": [{"collection_id": collection_id}]}
    return TargetMessage.pb()(query={"parent": f"{root}/{parent}", "structured_query": query})
