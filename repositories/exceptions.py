"""The exceptions of the repositories, typed for callers. They depend on neither GraphQL, pydantic nor gRPC."""

from enum import StrEnum


class RepositoryError(Exception):
    """Any failure of a repository; `message` describes it for people."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class VideoRepositoryError(RepositoryError):
    """A failure about a video. Every error that a `VideoRepository` raises about no clip is one."""


class ClipRepositoryError(RepositoryError):
    """A failure about a clip. Every error that a `ClipRepository` raises is one."""


class FirestoreError(VideoRepositoryError, ClipRepositoryError):
    """Firestore refuses a call, or a stored document cannot be read."""


class NotFoundError(RepositoryError):
    """The document does not exist."""


class DocumentNotFoundError(NotFoundError, VideoRepositoryError, ClipRepositoryError):
    """Firestore has no such document."""

    def __init__(self) -> None:
        super().__init__("The document does not exist.")


class ConflictError(RepositoryError):
    """The stored state does not allow this, or a concurrent write changed it. Nothing was written."""


class ContentionError(ConflictError, VideoRepositoryError, ClipRepositoryError):
    """A concurrent write invalidated this one."""

    def __init__(self) -> None:
        super().__init__("A concurrent write invalidated this one. Nothing was written. Read again and retry.")


class TransactionEndedError(VideoRepositoryError, ClipRepositoryError):
    """The unit of work was committed or given up, and takes no more calls. Nothing was written by this one."""

    def __init__(self) -> None:
        super().__init__("The transaction has ended. Nothing was written. Begin another one.")


class UnavailableError(VideoRepositoryError, ClipRepositoryError):
    """Firestore did not answer in time. A write may have been done all the same: the same call again is safe."""


class ValidationError(VideoRepositoryError, ClipRepositoryError):
    """A value is not valid; `path` leads to it by field names and indexes, such as `("clips", 3, "start_time")`."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class DocumentTooLargeError(ValidationError):
    """The document would pass Firestore's limit of 1 MiB; nothing was sent."""

    def __init__(self, size_bytes: int, path: tuple[str | int, ...]) -> None:
        super().__init__(f"The document would have {size_bytes:,} bytes; the limit is 1,048,572.", path)
        self.size_bytes = size_bytes


class InvalidCursorError(ValidationError):
    """The cursor was not made for this list and this order."""

    def __init__(self, path: tuple[str | int, ...] = ("cursor",)) -> None:
        super().__init__("The cursor does not belong to this list and order.", path)


class InvalidVersionError(ValidationError):
    """The version was not made by clipgraph, or lies in the future."""

    def __init__(self) -> None:
        super().__init__("The value is not a version that this API issued.", ("after",))


class VersionTooOldError(RepositoryError):
    """The changes since this version are no longer known: the present state has to be read again."""

    def __init__(self) -> None:
        super().__init__("The changes since this version are no longer available. Start again without a version.")


class SubscriberTooSlowError(RepositoryError):
    """The subscriber fell too far behind; it can subscribe again after its last version."""

    def __init__(self) -> None:
        super().__init__("The subscriber fell too far behind. Resume with the last received version.")


class TooManyDocumentsError(RepositoryError):
    """More documents than can be followed at once; `limit` is how many can."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The target has more than {limit:,} documents, which is the limit.")
        self.limit = limit


class FollowsTooMuchError(RepositoryError):
    """All that is followed for one account already has `limit` documents or more."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The caller's targets have {limit:,} documents, which is the limit.")
        self.limit = limit


class VideoNotFoundError(VideoRepositoryError, ClipRepositoryError, NotFoundError):
    """The user has no such video."""

    def __init__(self, user_id: str, video_id: str) -> None:
        super().__init__(f"The video {video_id!r} does not exist.")
        self.user_id = user_id
        self.video_id = video_id


class ClipNotFoundError(ClipRepositoryError, NotFoundError):
    """The video has no such clip."""

    def __init__(self, user_id: str, video_id: str, clip_id: str) -> None:
        super().__init__(f"The clip {clip_id!r} of the video {video_id!r} does not exist.")
        self.user_id = user_id
        self.video_id = video_id
        self.clip_id = clip_id


class VideoAlreadyExistsError(VideoRepositoryError, ConflictError):
    """The id is taken by a video with other content; `fields` are the differing ones."""

    def __init__(self, video_id: str, fields: tuple[str, ...]) -> None:
        super().__init__(f"The video {video_id!r} exists with different values of {', '.join(fields)}.")
        self.video_id = video_id
        self.fields = fields


class ClipAlreadyExistsError(ClipRepositoryError, ConflictError):
    """The id is taken by a clip with other content; `fields` are the differing ones."""

    def __init__(self, clip_id: str, fields: tuple[str, ...]) -> None:
        super().__init__(f"The clip {clip_id!r} exists with different values of {', '.join(fields)}.")
        self.clip_id = clip_id
        self.fields = fields


class VideoBeingDeletedError(VideoAlreadyExistsError):
    """The id belongs to a video whose delete has begun; the same delete again finishes it."""

    def __init__(self, video_id: str) -> None:
        super().__init__(video_id, ())
        self.message = f"The video {video_id!r} is being deleted. Delete it again to complete that, then create it."


class ClipBeingDeletedError(ClipAlreadyExistsError):
    """The id belongs to a clip whose delete has begun; the same delete again finishes it."""

    def __init__(self, clip_id: str) -> None:
        super().__init__(clip_id, ())
        self.message = f"The clip {clip_id!r} is being deleted. Delete it again to complete that, then create it."


class InvalidStatusChangeError(ConflictError, VideoRepositoryError, ClipRepositoryError):
    """The state machine has no such step."""

    def __init__(self, from_status: StrEnum, to_status: StrEnum) -> None:
        super().__init__(f"The status cannot change from {from_status} to {to_status}.")
        self.from_status = from_status
        self.to_status = to_status
