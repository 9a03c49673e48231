"""The field that the successes of mutations share: the video that the mutation was about."""

import strawberry

from gql.context import Info
from gql.videos.types import Video


@strawberry.type
class VideoPayload:
    """The base of a mutation's success. Its video is read only if it is selected, after the mutation's commit."""

    owner_id: strawberry.Private[str]
    of_video_id: strawberry.Private[str]

    @strawberry.field(description="The video as it is after the mutation; null if it does not exist any more.")
    async def video(self, info: Info) -> Video | None:
        """The video with its present statistics, or None."""
        model = await info.context.loaders.load_video(self.owner_id, self.of_video_id)
        return None if model is None else Video(model)
