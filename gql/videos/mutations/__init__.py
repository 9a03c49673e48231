"""The mutations of videos, one a file."""

import strawberry

from gql.videos.mutations.create_video import create_video
from gql.videos.mutations.delete_video import delete_video
from gql.videos.mutations.update_video import update_video
from gql.videos.mutations.update_video_status import update_video_status


@strawberry.type
class VideoMutations:
    """The root fields that change videos."""

    create_video = create_video
    update_video = update_video
    update_video_status = update_video_status
    delete_video = delete_video
