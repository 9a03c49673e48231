"""`node` and `nodes`: any objects by their global ids."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import strawberry

from gql.clips.types import Clip
from gql.context import Context, Info
from gql.errors import bad_user_input
from gql.permissions import Action, may
from gql.relay import NOT_AN_ID, Node, parse_global_id
from gql.videos.types import Video
from repositories.arguments import parse_id, parse_user_id
from repositories.exceptions import ValidationError
from repositories.firestore.paths import DocumentIds

# As many as a mutation takes, and as the bounds of lists without a page size assume.
MAX_NODES = 200


@strawberry.type
class NodeQueries:
    """The root fields that Relay refetches by."""

    @strawberry.field(description="The object with a global id; null if it does not exist, or belongs to another user.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The global id of a video or clip.")],  # noqa: A002
    ) -> Node | None:
        """The object, or None."""
        return await _find(info.context, _parse_ids(id, ["id"]))

    @strawberry.field(
        description="The objects with these global ids, in their order, read in one batch; null for each that does not"
        " exist, or belongs to another user."
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="The global ids of videos and clips: at most 200.")
        ],
    ) -> list[Node | None]:
        """An object or None for each id. An invalid id refuses the whole list, before anything is read."""
        if len(ids) > MAX_NODES:
            raise bad_user_input(f"Pass at most {MAX_NODES} ids in one call.", path=["ids"])
        found = [_parse_ids(global_id, ["ids", str(index)]) for index, global_id in enumerate(ids)]
        return list(await asyncio.gather(*(_find(info.context, path) for path in found)))


def _parse_ids(global_id: str, argument_path: Sequence[str]) -> DocumentIds:
    """The ids of the video or clip; BAD_USER_INPUT for an id of another type, or one that no document can have."""
    with suppress(ValidationError):
        match parse_global_id(global_id, argument_path):
            case "Video", (user_id, video_id):
                return DocumentIds(parse_user_id(user_id), parse_id(video_id), None)
            case "Clip", (user_id, video_id, clip_id):
                return DocumentIds(parse_user_id(user_id), parse_id(video_id), parse_id(clip_id))
    raise bad_user_input(NOT_AN_ID, path=argument_path)


async def _find(context: Context, ids: DocumentIds) -> Node | None:
    """The video or clip; None if it does not exist, or the caller may not see it."""
    owner_id = _resolve_searched(context, ids.user_id)
    found: Node | None
    if ids.clip_id is None:
        video = await context.loaders.load_video(owner_id, ids.video_id)
        found = None if video is None else Video(video)
    else:
        clip = await context.loaders.load_clip(owner_id, ids.video_id, ids.clip_id)
        found = None if clip is None else Clip(clip)
    return found if owner_id == ids.user_id else None


def _resolve_searched(context: Context, user_id: str) -> str:
    """The user among whose objects to look: the owner, or the caller if they may not see the owner's.

    So another user's object and a missing one are alike in the response, its cost and its time.
    """
    principal = context.principal
    return user_id if may(principal, Action.READ, user_id) else principal.user_id
