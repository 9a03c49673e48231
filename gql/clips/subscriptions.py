"""`clipEvents`."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from gql.clips.types import Clip
from gql.context import Info
from gql.inputs import UserId, VideoId
from gql.permissions import resolve_user_id
from gql.relay import encode_global_id
from gql.subscription import VERSION_DESCRIPTION, AfterVersion, EventKind, follow
from gql.versions import build_clips_scope, build_video_scope, format_version, parse_after
from repositories.listening.changes import Change
from repositories.models import ClipMetadata

if TYPE_CHECKING:
    from gql.videos.types import Video


@strawberry.type(description="A change to a clip.")
class ClipEvent:
    """One change of a clip."""

    owner_id: strawberry.Private[str]
    of_video_id: strawberry.Private[str]
    kind: EventKind = strawberry.field(description="The kind of the change.")
    version: str = strawberry.field(description=VERSION_DESCRIPTION)
    clip_id: strawberry.ID = strawberry.field(description="The id of the clip within its video.")
    clip: Clip | None = strawberry.field(
        description="The clip at the time of the event or later; null if it was removed."
    )
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The global id of the clip if it was removed, by which client caches evict it; otherwise null."
    )

    @strawberry.field(
        description="The video of the clip with its counts at the time of the event or later; null if it was deleted."
    )
    async def video(self, info: Info) -> Annotated["Video", strawberry.lazy("gql.videos.types")] | None:
        """The video, read if it is selected; also where the clip is gone, with which its counts changed."""
        from gql.videos.types import Video

        model = await info.context.loaders.load_video(self.owner_id, self.of_video_id)
        return None if model is None else Video(model)

    @classmethod
    def from_change(cls, change: Change, user_id: str, video_id: str) -> Self:
        """The event that tells of the change."""
        model = change.model
        return cls(
            owner_id=user_id,
            of_video_id=video_id,
            kind=EventKind[change.kind.name],
            version=format_version(change.version, build_clips_scope(user_id, video_id)),
            clip_id=strawberry.ID(change.id),
            clip=Clip(model) if isinstance(model, ClipMetadata) else None,
            deleted_id=encode_global_id("Clip", user_id, video_id, change.id) if change.is_removal else None,
        )


@strawberry.type
class ClipSubscriptions:
    """The root field that tells of clips."""

    @strawberry.subscription(
        description="The changes to a video's clips of any status: their present state, then each change."
        " When the video is deleted, each clip is REMOVED and the subscription completes."
    )
    def clip_events(
        self,
        info: Info,
        video_id: VideoId,
        style: Annotated[str | None, strawberry.argument(description="The style of the clips; all by default.")] = None,
        after: AfterVersion = None,
        user_id: UserId = None,
    ) -> AsyncGenerator[ClipEvent, None]:
        """The events of the video's clips."""
        owner_id = resolve_user_id(info.context.principal, user_id)
        position = parse_after(after, build_clips_scope(owner_id, video_id), build_video_scope(owner_id, video_id))
        listener = info.context.services.listener
        return follow(
            info,
            lambda account: listener.watch_clips(owner_id, video_id, style, position, account=account),
            lambda change: ClipEvent.from_change(change, owner_id, video_id),
            after=position,
        )
