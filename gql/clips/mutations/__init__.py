"""The mutations of clips, one a file."""

import strawberry

from gql.clips.mutations.create_clips import create_clips
from gql.clips.mutations.delete_clip import delete_clip
from gql.clips.mutations.recount_clips import recount_clips
from gql.clips.mutations.update_clip_status import update_clip_status
from gql.clips.mutations.update_clip_statuses import update_clip_statuses


@strawberry.type
class ClipMutations:
    """The root fields that change clips."""

    create_clips = create_clips
    update_clip_status = update_clip_status
    update_clip_statuses = update_clip_statuses
    recount_clips = recount_clips
    delete_clip = delete_clip
