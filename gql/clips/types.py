"""Clips' GraphQL types."""

from collections.abc import Hashable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.identifiers import check_form_c
from gql.clips.enums import ClipStatus
from gql.context import Info
from gql.errors import bad_user_input
from gql.execution.field_metadata import cache_key, cost
from gql.model_types import model_backed
from gql.relay import Node, encode_global_id
from repositories import models
from storage.signing import MAX_EXPIRES_IN_SECONDS, UrlWindow

if TYPE_CHECKING:
    from gql.videos.types import Video

DEFAULT_EXPIRES_IN_SECONDS = 3600
# A signature takes 6 to 30 µs, and its URL has some 450 bytes; an attribute takes 0.3 µs.
SIGNING_COST = 20

ExpiresIn = Annotated[
    int,
    strawberry.argument(description="The minimum validity of the URL in seconds: 1 to 604,800 (7 days)."),
]


def _make_clip_window(info: Info, changed_at: datetime | None = None) -> UrlWindow:
    """The window of the URLs of clips' files."""
    return UrlWindow(info.context.services.settings.url_window_seconds, changed_at)


def _make_thumbnail_window(info: Info, changed_at: datetime | None = None) -> UrlWindow:
    """The window of the URLs of thumbnails."""
    return UrlWindow(info.context.services.settings.thumbnail_url_window_seconds, changed_at)


# Cache keys of URLs: R2's access key, and the window for which they are signed. The time of a file is its clip's.


def _get_clip_window(*, info: Info, expires_in: int = DEFAULT_EXPIRES_IN_SECONDS, **_: object) -> Hashable:
    window = _make_clip_window(info)
    return info.context.services.storage.get_window(expires_in, window, now=info.context.loaders.signed_at)


def _get_thumbnail_window(*, info: Info, expires_in: int = DEFAULT_EXPIRES_IN_SECONDS, **_: object) -> Hashable:
    window = _make_thumbnail_window(info)
    return info.context.services.storage.get_window(expires_in, window, now=info.context.loaders.signed_at)


def _get_windows(*, info: Info, expires_in: int = DEFAULT_EXPIRES_IN_SECONDS, **_: object) -> Hashable:
    return _get_clip_window(info=info, expires_in=expires_in), _get_thumbnail_window(info=info, expires_in=expires_in)


@model_backed(
    renamed={"title": "scene_title", "description": "scene_description"},
    computed={
        "id": lambda self: encode_global_id("Clip", self.user_id, self.video_id, self.clip_id),
        "status": lambda self: ClipStatus[self.model.status.name],
    },
)
@strawberry.type(description="A short clip, cut out of a video.")
class Clip(Node):
    """A clip document; its attributes are read when they are selected."""

    model: strawberry.Private[models.ClipMetadata]
    clip_id: strawberry.ID = strawberry.field(
        description="The id of the clip, unique within its video: the filename without its extension."
    )
    video_id: strawberry.ID = strawberry.field(description="The id of the video of the clip.")
    user_id: strawberry.ID = strawberry.field(description="The id of the user who owns the clip.")
    scene_id: int = strawberry.field(description="The id of the highlight that the clip shows.")
    title: str = strawberry.field(description="The title of the clip.")
    description: str | None = strawberry.field(description="The description of the clip.")
    filename: str = strawberry.field(description="The name of the clip's file in R2.")
    style: str = strawberry.field(description="The style of the clip, such as `split`. Workers may add styles.")
    priority: int = strawberry.field(description="The rank of the clip within its video; 1 is the best.")
    start_time: str = strawberry.field(description="The start time in the video, as `HH:MM:SS` or `HH:MM:SS.mmm`.")
    end_time: str = strawberry.field(description="The end time in the video, as `HH:MM:SS` or `HH:MM:SS.mmm`.")
    duration_seconds: float = strawberry.field(description="The duration in seconds.")
    file_size_bytes: float = strawberry.field(
        description="The size of the clip's file in bytes, a whole number. Float, because files can "
        "exceed the range of Int."
    )
    file_size_mb: float = strawberry.field(description="The size of the clip's file in MB.")
    has_thumbnail: bool = strawberry.field(description="Whether the clip has a thumbnail.")
    status: ClipStatus = strawberry.field(description="The processing status of the clip.")
    created_at: datetime = strawberry.field(description="The time at which the clip was created.")
    completed_at: datetime | None = strawberry.field(
        description="The time at which the clip was completed; null unless it is COMPLETED."
    )
    failed_at: datetime | None = strawberry.field(
        description="The time at which the clip failed; null unless it is FAILED."
    )
    error_message: str | None = strawberry.field(
        description="The reason of the failure, at most 1,000 characters; null unless the clip is FAILED."
    )
    created_by: str = strawberry.field(description="The id of the caller who created the object.")

    def __init__(self, model: models.ClipMetadata) -> None:
        self.model = model

    @strawberry.field(description="The size of the clip's file as text, such as `11.8 MB`.")
    def size(self) -> str:
        """The size in the largest unit that leaves a whole number before the point."""
        return format_size(self.model.file_size_bytes)

    @strawberry.field(description="The video of the clip.")
    async def video(self, info: Info) -> Annotated["Video", strawberry.lazy("gql.videos.types")] | None:
        """The parent, loaded once for all clips of a request."""
        from gql.videos.types import Video

        model = await info.context.loaders.videos.load((self.model.user_id, self.model.video_id))
        return None if model is None else Video(model)

    @strawberry.field(
        description="A presigned URL of the clip's file, which needs no token; null unless the clip is COMPLETED. It is"
        " another one as soon as the file is another one.",
        metadata={**cache_key(_get_clip_window), **cost(SIGNING_COST)},
    )
    def url(
        self,
        info: Info,
        expires_in: ExpiresIn = DEFAULT_EXPIRES_IN_SECONDS,
        download: Annotated[
            bool, strawberry.argument(description="Whether browsers save the file instead of playing it.")
        ] = False,
    ) -> str | None:
        """A presigned URL, signed only when the field is selected."""
        _assert_expires_in(expires_in)
        key = self.model.r2_key
        if self.model.status is not models.ClipStatus.COMPLETED or not key or not check_form_c(key):
            return None
        return info.context.services.storage.presign_get(
            self.model.r2_key,
            expires_in_seconds=expires_in,
            download_filename=self.model.filename if download else None,
            window=_make_clip_window(info, self.model.completed_at),
            now=info.context.loaders.signed_at,
        )

    @strawberry.field(
        description="A presigned URL of the clip's thumbnail, which needs no token; null unless the clip is"
        " COMPLETED and has one. It is another one as soon as the clip was rendered again.",
        metadata={**cache_key(_get_thumbnail_window), **cost(SIGNING_COST)},
    )
    def thumbnail_url(self, info: Info, expires_in: ExpiresIn = DEFAULT_EXPIRES_IN_SECONDS) -> str | None:
        """A presigned URL, signed only when the field is selected."""
        _assert_expires_in(expires_in)
        # Of a clip that is rendered again, the thumbnail may be replaced at any moment: no URL could tell.
        key = self.model.thumbnail_r2_key
        if (
            self.model.status is not models.ClipStatus.COMPLETED
            or not self.has_thumbnail
            or key is None
            or not check_form_c(key)
        ):
            return None
        return info.context.services.storage.presign_get(
            key,
            expires_in_seconds=expires_in,
            window=_make_thumbnail_window(info, self.model.completed_at),
            now=info.context.loaders.signed_at,
        )

    @strawberry.field(
        description="The time at which the first of `url` and `thumbnailUrl` with the same `expiresIn` expires.",
        metadata=cache_key(_get_windows),
    )
    def urls_expire_at(self, info: Info, expires_in: ExpiresIn = DEFAULT_EXPIRES_IN_SECONDS) -> datetime:
        """The end of the validity that both URLs have now."""
        _assert_expires_in(expires_in)
        windows = [_make_clip_window(info, self.model.completed_at)]
        if self.has_thumbnail:
            windows.append(_make_thumbnail_window(info, self.model.completed_at))
        storage, now = info.context.services.storage, info.context.loaders.signed_at
        return min(storage.urls_expire_at(expires_in, window, now=now) for window in windows)


def format_size(size_bytes: int) -> str:
    """`12345678` as `11.8 MB`, in units of 1,024 as `fileSizeMb` counts them."""
    size = float(size_bytes)
    for unit in ("B", "KB", "MB"):
        if size < 1024:  # noqa: PLR2004  bytes in a kilobyte, and so on
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"


def _assert_expires_in(seconds: int) -> None:
    if not 1 <= seconds <= MAX_EXPIRES_IN_SECONDS:
        raise bad_user_input(f"`expiresIn` must be between 1 and {MAX_EXPIRES_IN_SECONDS} seconds.", path=["expiresIn"])
