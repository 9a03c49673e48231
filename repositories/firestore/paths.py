"""The paths of documents below the database's root: `users/{user_id}/videos/{video_id}/clips/{clip_id}`.

No other module spells them out. Users have no documents of their own.
"""

from typing import NamedTuple

from google.cloud.firestore import AsyncCollectionReference, AsyncDocumentReference
from google.cloud.firestore_v1.async_query import AsyncCollectionGroup

from repositories.client import FirestoreClient

_USERS, _VIDEOS, _CLIPS = "users", "videos", "clips"
_VIDEO_SLASHES = 3


class DocumentIds(NamedTuple):
    """The ids on a document's path; `clip_id` is None for a video."""

    user_id: str
    video_id: str
    clip_id: str | None


def build_videos_path(user_id: str) -> str:
    """The path of the collection of a user's videos."""
    return f"{_USERS}/{user_id}/{_VIDEOS}"


def build_video_path(user_id: str, video_id: str) -> str:
    """The path of a video."""
    return f"{build_videos_path(user_id)}/{video_id}"


def build_clips_path(user_id: str, video_id: str) -> str:
    """The path of the collection of a video's clips."""
    return f"{build_video_path(user_id, video_id)}/{_CLIPS}"


def build_clip_path(user_id: str, video_id: str, clip_id: str) -> str:
    """The path of a clip."""
    return f"{build_clips_path(user_id, video_id)}/{clip_id}"


def parse_path(path: str) -> DocumentIds:
    """The ids on the path of a video or a clip; ValueError for a path of another length."""
    if check_is_video(path):
        _, user_id, _, video_id = path.split("/")
        return DocumentIds(user_id, video_id, None)
    return DocumentIds(*parse_clip_path(path))


def parse_clip_path(path: str) -> tuple[str, str, str]:
    """The ids of the user, the video and the clip; ValueError for a path of another length.

    Not a `DocumentIds`: every clip that is read passes here, and its path was built by Firestore.
    """
    _, user_id, _, video_id, _, clip_id = path.split("/")
    return user_id, video_id, clip_id


def check_is_video(path: str) -> bool:
    """Whether the path, which is a video's or a clip's, is a video's."""
    return path.count("/") == _VIDEO_SLASHES


def check_is_owned(path: str, user_id: str) -> bool:
    """Whether the document belongs to the user: a collection group holds every collection of its name."""
    return path.startswith(f"{build_videos_path(user_id)}/")


def get_collection(client: FirestoreClient, path: str) -> AsyncCollectionReference:
    """The collection at a path that one of these functions built."""
    return client.collection(*path.split("/"))


def get_users(client: FirestoreClient) -> AsyncCollectionReference:
    """The collection below which all videos lie."""
    return client.collection(_USERS)


def get_videos(client: FirestoreClient, user_id: str) -> AsyncCollectionReference:
    """The collection of a user's videos."""
    return client.collection(_USERS, user_id, _VIDEOS)


def get_clips(client: FirestoreClient, user_id: str, video_id: str) -> AsyncCollectionReference:
    """The collection of a video's clips."""
    return client.collection(_USERS, user_id, _VIDEOS, video_id, _CLIPS)


def get_clips_below(video: AsyncDocumentReference) -> AsyncCollectionReference:
    """The collection of the clips of a video's document."""
    clips: AsyncCollectionReference = video.collection(_CLIPS)
    return clips


def get_clip_group(client: FirestoreClient) -> AsyncCollectionGroup:
    """Every collection that is named as clips are, of all users and wherever it lies."""
    return client.collection_group(_CLIPS)
