"""`clip`."""

import strawberry

from gql.clips.types import Clip
from gql.context import Info
from gql.inputs import ClipId, UserId, VideoId
from gql.permissions import resolve_user_id


@strawberry.type
class ClipQueries:
    """The root fields about clips."""

    @strawberry.field(description="A clip; null if it does not exist.")
    async def clip(self, info: Info, video_id: VideoId, clip_id: ClipId, user_id: UserId = None) -> Clip | None:
        """The clip, or None."""
        owner_id = resolve_user_id(info.context.principal, user_id)
        model = await info.context.loaders.load_clip(owner_id, video_id, clip_id)
        return None if model is None else Clip(model)
