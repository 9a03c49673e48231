"""`createClips`."""

import asyncio
from typing import Annotated, Any

import strawberry

from gql.clips.enums import ClipStatus
from gql.clips.files import find_files
from gql.clips.types import Clip
from gql.context import Info
from gql.inputs import to_values
from gql.permissions import resolve_user_id
from gql.user_errors import ClipAlreadyExists, FileMissing, InvalidInput, VideoNotFound
from gql.videos.types import Video
from repositories import models
from repositories.exceptions import ValidationError
from repositories.models import ClipMetadata
from repositories.validation import validate_model

# Their statistics and all of their documents go into one commit of Firestore, which takes 500 transforms.
MAX_CLIPS_PER_CALL = 200
MODEL_NAMES = {"title": "scene_title", "description": "scene_description"}


@strawberry.input(description="A new clip.")
class CreateClipInput:
    """The fields a clip starts with; the rest is computed."""

    filename: str = strawberry.field(
        description="The name of its file in R2, such as `clip_01_03_the-title_split.mp4`. "
        "Without its extension, it is the clip's id."
    )
    scene_id: int = strawberry.field(description="The number of the highlight that it shows.")
    title: str = strawberry.field(description="The title.")
    style: str = strawberry.field(description="How it was cut.")
    priority: int = strawberry.field(description="Its rank within the video: 1 is the best.")
    start_time: str = strawberry.field(description="Where it starts in the video, `HH:MM:SS(.mmm)`.")
    end_time: str = strawberry.field(description="Where it ends in the video, `HH:MM:SS(.mmm)`.")
    description: str | None = strawberry.field(default=None, description="What it shows.")
    status: ClipStatus = strawberry.field(
        default=ClipStatus.PROCESSING,
        description="PROCESSING unless said otherwise. COMPLETED takes size and thumbnail from the file in R2.",
    )


@strawberry.input(description="New clips of one video: all of them are created, or none.")
class CreateClipsInput:
    """The video and its new clips."""

    video_id: strawberry.ID = strawberry.field(description="The video they were cut out of.")
    clips: list[CreateClipInput] = strawberry.field(description="The clips: 1 to 200.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose video, for workers and admins; everybody else writes to their own."
    )


@strawberry.type(description="What became of one clip of `createClips`.")
class CreateClipOutcome:
    """One entry of `CreateClipsSuccess.results`."""

    clip: Clip = strawberry.field(description="The clip.")
    created: bool = strawberry.field(description="Whether this call created it; false where the same was there before.")


@strawberry.type(description="All of the clips are there.")
class CreateClipsSuccess:
    """What `createClips` answers."""

    results: list[CreateClipOutcome] = strawberry.field(description="What became of each clip, in the input's order.")
    video: Video | None = strawberry.field(description="The video with its new statistics.")


CreateClipsResult = Annotated[
    CreateClipsSuccess | VideoNotFound | ClipAlreadyExists | FileMissing | InvalidInput,
    strawberry.union("CreateClipsResult", description="What `createClips` can answer."),
]


@strawberry.mutation(
    description="Creates up to 200 clips of a video in one commit, all or none. "
    "The same call again gives the same answer."
)
async def create_clips(
    info: Info,
    input: Annotated[CreateClipsInput, strawberry.argument(description="The clips.")],  # noqa: A002
) -> CreateClipsResult | None:
    """The clips and the video's statistics are in Firestore, all or nothing."""
    principal, services = info.context.principal, info.context.services
    owner_id = resolve_user_id(principal, input.user_id)
    if not 1 <= len(input.clips) <= MAX_CLIPS_PER_CALL:
        raise ValidationError(f"Pass 1 to {MAX_CLIPS_PER_CALL} clips in one call.", path=("clips",))
    shared = {"user_id": owner_id, "video_id": input.video_id, "created_by": principal.user_id}
    clips = [_to_clip(clip, index, shared) for index, clip in enumerate(input.clips)]
    clips = list(await asyncio.gather(*(_with_file(info, clip) for clip in clips)))
    outcomes = await services.clips(owner_id, input.video_id).create_clips_batch(clips)
    video = await services.videos(owner_id).get_video(input.video_id)
    return CreateClipsSuccess(
        results=[CreateClipOutcome(clip=Clip.from_model(clip), created=created) for clip, created in outcomes],
        video=None if video is None else Video.from_model(video),
    )


def _to_clip(data: CreateClipInput, index: int, shared: dict[str, Any]) -> ClipMetadata:
    return validate_model(ClipMetadata, {**to_values(data, MODEL_NAMES), **shared}, path=("clips", index))


async def _with_file(info: Info, clip: ClipMetadata) -> ClipMetadata:
    if clip.status is not models.ClipStatus.COMPLETED:
        return clip
    files = await find_files(info.context.services.storage, clip)
    return clip.with_file(file_size_bytes=files.size_bytes, has_thumbnail=files.has_thumbnail)
