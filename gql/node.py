"""`node`: any object by its global id."""

from typing import Annotated

import strawberry

from gql.clips.types import Clip
from gql.context import Context, Info
from gql.errors import bad_user_input
from gql.permissions import Action, may
from gql.relay import Node, decode_global_id
from gql.videos.types import Video


@strawberry.type
class NodeQueries:
    """The root field that Relay refetches by."""

    @strawberry.field(description="The object with a global id; null if it does not exist, or belongs to another user.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The global id of a video or clip.")],  # noqa: A002
    ) -> Node | None:
        """The object, or None."""
        match decode_global_id(id):
            case "Video", (user_id, video_id):
                return await _find_video(info.context, user_id, video_id)
            case "Clip", (user_id, video_id, clip_id):
                return await _find_clip(info.context, user_id, video_id, clip_id)
        raise bad_user_input("The value is not an id of this API.", path=["id"])


async def _find_video(context: Context, user_id: str, video_id: str) -> Video | None:
    owner_id = _resolve_searched(context, user_id)
    model = await context.loaders.load_video(owner_id, video_id)
    return None if model is None or owner_id != user_id else Video(model)


async def _find_clip(context: Context, user_id: str, video_id: str, clip_id: str) -> Clip | None:
    owner_id = _resolve_searched(context, user_id)
    model = await context.services.clips(owner_id, video_id).get_clip(clip_id)
    return None if model is None or owner_id != user_id else Clip(model)


def _resolve_searched(context: Context, user_id: str) -> str:
    """The user among whose objects to look: the owner, or the caller if they may not see the owner's.

    So another user's object and a missing one are alike in the response, its cost and its time.
    """
    principal = context.principal
    return user_id if may(principal, Action.READ, user_id) else principal.user_id
