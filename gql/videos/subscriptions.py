"""`videoChanged` and `videoEvents`."""

from collections.abc import AsyncGenerator
from typing import Self

import strawberry

from gql.context import Info
from gql.inputs import UserId, VideoId
from gql.permissions import resolve_user_id
from gql.relay import encode_global_id
from gql.subscription import VERSION_DESCRIPTION, AfterVersion, EventKind, follow
from gql.versions import build_video_scope, build_videos_scope, format_version, parse_after
from gql.videos.types import Video
from repositories.listening.changes import Change
from repositories.models import VideoMetadata


@strawberry.type(description="A change to a video.")
class VideoEvent:
    """One change of a video."""

    kind: EventKind = strawberry.field(description="The kind of the change.")
    version: str = strawberry.field(description=VERSION_DESCRIPTION)
    video_id: strawberry.ID = strawberry.field(description="The id of the video, unique among the user's videos.")
    video: Video | None = strawberry.field(
        description="The video at the time of the event or later; null if it was removed."
    )
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The global id of the video if it was removed, by which client caches evict it; otherwise null."
    )

    @classmethod
    def from_change(cls, change: Change, user_id: str, scope: str) -> Self:
        """The event that tells of the change."""
        model = change.model
        return cls(
            kind=EventKind[change.kind.name],
            version=format_version(change.version, scope),
            video_id=strawberry.ID(change.id),
            video=Video(model) if isinstance(model, VideoMetadata) else None,
            deleted_id=encode_global_id("Video", user_id, change.id) if change.is_removal else None,
        )


@strawberry.type
class VideoSubscriptions:
    """The root fields that tell of videos."""

    @strawberry.subscription(
        description="The changes to one video: its present state, or its creation, then each change. "
        "Completes when the video is deleted."
    )
    def video_changed(
        self, info: Info, video_id: VideoId, after: AfterVersion = None, user_id: UserId = None
    ) -> AsyncGenerator[VideoEvent, None]:
        """The events of the video."""
        owner_id = resolve_user_id(info.context.principal, user_id)
        scope = build_video_scope(owner_id, video_id)
        position = parse_after(after, scope)
        listener = info.context.services.listener
        return follow(
            info,
            lambda account: listener.watch_video(owner_id, video_id, position, account=account),
            lambda change: VideoEvent.from_change(change, owner_id, scope),
            after=position,
            max_documents=1,
        )

    @strawberry.subscription(
        description="The changes to a user's videos: their present state, then each change. Never completes."
    )
    def video_events(
        self, info: Info, after: AfterVersion = None, user_id: UserId = None
    ) -> AsyncGenerator[VideoEvent, None]:
        """The events of the user's videos."""
        owner_id = resolve_user_id(info.context.principal, user_id)
        scope = build_videos_scope(owner_id)
        position = parse_after(after, scope)
        listener = info.context.services.listener
        return follow(
            info,
            lambda account: listener.watch_videos(owner_id, position, account=account),
            lambda change: VideoEvent.from_change(change, owner_id, scope),
            after=position,
        )
