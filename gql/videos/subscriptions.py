"""`videoChanged` and `videoEvents`."""

from collections.abc import AsyncGenerator
from typing import Self

import strawberry

from gql.arguments import UserId, VideoId
from gql.context import Info
from gql.permissions import resolve_user_id
from gql.relay import encode_global_id
from gql.subscription import VERSION_DESCRIPTION, AfterVersion, EventKind, follow
from gql.videos.types import Video
from repositories.listening.changes import Change
from repositories.models import VideoMetadata


@strawberry.type(description="What has become of a video.")
class VideoEvent:
    """One change of a video."""

    kind: EventKind = strawberry.field(description="What has become of it.")
    version: str = strawberry.field(description=VERSION_DESCRIPTION)
    id: strawberry.ID = strawberry.field(description="The video's global id, by which a cache finds what is gone.")
    video_id: strawberry.ID = strawberry.field(description="The id within the user's videos.")
    video: Video | None = strawberry.field(description="The video as it is by this event; null where it is gone.")

    @classmethod
    def from_change(cls, change: Change, user_id: str) -> Self:
        """The event that tells of the change."""
        model = change.model
        return cls(
            kind=EventKind[change.kind.name],
            version=change.version,
            id=encode_global_id("Video", user_id, change.id),
            video_id=strawberry.ID(change.id),
            video=Video(model) if isinstance(model, VideoMetadata) else None,
        )


@strawberry.type
class VideoSubscriptions:
    """The root fields that tell of videos."""

    @strawberry.subscription(
        description="One video: first as it is, as soon as there is one, then each change. Ends when it is deleted."
    )
    def video_changed(
        self, info: Info, video_id: VideoId, after: AfterVersion = None, user_id: UserId = None
    ) -> AsyncGenerator[VideoEvent, None]:
        """The events of the video."""
        owner_id = resolve_user_id(info.context.principal, user_id)
        listener = info.context.services.listener
        return follow(
            info,
            lambda payer: listener.watch_video(owner_id, video_id, after, payer=payer),
            lambda change: VideoEvent.from_change(change, owner_id),
            after=after,
            max_documents=1,
        )

    @strawberry.subscription(description="All of a user's videos: first as they are, then each change. Does not end.")
    def video_events(
        self, info: Info, after: AfterVersion = None, user_id: UserId = None
    ) -> AsyncGenerator[VideoEvent, None]:
        """The events of the user's videos."""
        owner_id = resolve_user_id(info.context.principal, user_id)
        listener = info.context.services.listener
        return follow(
            info,
            lambda payer: listener.watch_videos(owner_id, after, payer=payer),
            lambda change: VideoEvent.from_change(change, owner_id),
            after=after,
        )
