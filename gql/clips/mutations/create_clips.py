"""`createClips`."""

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any, TypeGuard

import strawberry

from gql.clips.enums import ClipStatus
from gql.clips.mutations.missing_video import reporting_missing_video
from gql.clips.object_checks import find_files
from gql.clips.types import Clip
from gql.context import Info
from gql.execution.inputs import compiled_input
from gql.inputs import Path, build_file_keys, to_values
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.user_errors import (
    ClipAlreadyExists,
    FileMissing,
    InvalidInput,
    UserError,
    VideoNotFound,
    find_user_error,
)
from gql.videos.payload import VideoPayload
from repositories import models
from repositories.clips import MAX_CLIPS_PER_BATCH, ClipRepository
from repositories.exceptions import ClipAlreadyExistsError, ValidationError
from repositories.mapping.fast_builder import make_clip
from repositories.models import ClipMetadata
from storage.exceptions import ObjectNotFoundError

MODEL_NAMES = {"title": "scene_title", "description": "scene_description"}


@compiled_input
@strawberry.input(description="A new clip.")
class CreateClipInput:
    """The fields a clip starts with; the rest is computed."""

    filename: str = strawberry.field(
        description="The name of the clip's file in R2, such as `clip_01_03_the-title_split.mp4`. The id "
        "of the clip is the filename without its extension. The extension is one of a video "
        "format, such as `.mp4`, `.mov` or `.webm`, in any case. A leading dot is not valid."
    )
    scene_id: int = strawberry.field(description="The id of the highlight that the clip shows.")
    title: str = strawberry.field(
        description="The title of the clip. Bidirectional control characters (U+202A to U+202E, U+2066 to"
        " U+2069) are removed."
    )
    style: str = strawberry.field(description="The style of the clip.")
    priority: int = strawberry.field(description="The rank of the clip within its video; 1 is the best.")
    start_time: str = strawberry.field(description="The start time in the video, as `HH:MM:SS` or `HH:MM:SS.mmm`.")
    end_time: str = strawberry.field(description="The end time in the video, as `HH:MM:SS` or `HH:MM:SS.mmm`.")
    description: str | None = strawberry.field(default=None, description="The description of the clip.")
    status: ClipStatus = strawberry.field(
        default=ClipStatus.PROCESSING,
        description="The status of the clip; PROCESSING by default. COMPLETED takes size and thumbnail "
        "from the files in R2.",
    )


@strawberry.enum(description="The handling of the other clips if one clip cannot be created.")
class CreateClipsErrorPolicy(Enum):
    """How a batch with bad clips is taken."""

    REJECT_ALL = strawberry.enum_value("reject_all", description="No clip is created. The first error is the result.")
    REJECT_FAILED = strawberry.enum_value(
        "reject_failed",
        description="The other clips are created. Each clip that was not created has its error in `results`.",
    )


@compiled_input
@strawberry.input(description="New clips of one video.")
class CreateClipsInput:
    """The video and its new clips."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video of the clips.")
    clips: list[CreateClipInput] = strawberry.field(description="The new clips: 1 to 200.")
    error_policy: CreateClipsErrorPolicy = strawberry.field(
        default=CreateClipsErrorPolicy.REJECT_ALL,
        description="The handling of the other clips if one clip cannot be created.",
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the video; the caller by default."
    )


@strawberry.type(description="The result for one clip of `createClips`.")
class CreateClipOutcome:
    """One entry of `CreateClipsSuccess.results`."""

    clip: Clip | None = strawberry.field(description="The clip; null if it was not created.")
    created: bool = strawberry.field(
        description="Whether this call created the object; false if it already existed with the same content."
    )
    error: UserError | None = strawberry.field(
        default=None,
        description="The reason why the clip was not created, with `errorPolicy: REJECT_FAILED`; null if it was.",
    )


@strawberry.type(description="All clips exist, or with `errorPolicy: REJECT_FAILED` all valid clips.")
class CreateClipsSuccess(VideoPayload):
    """The result of a successful `createClips`."""

    results: list[CreateClipOutcome] = strawberry.field(
        description="The result for each clip, in the order of the input."
    )


Refusal = ValidationError | ObjectNotFoundError | ClipAlreadyExistsError
Planned = ClipMetadata | Refusal
Outcome = tuple[ClipMetadata, bool] | Refusal

CreateClipsResult = Annotated[
    CreateClipsSuccess | VideoNotFound | ClipAlreadyExists | FileMissing | InvalidInput,
    strawberry.union("CreateClipsResult", description="The result of `createClips`."),
]


@mutation(
    Action.WRITE,
    description="Creates up to 200 clips of a video in one commit: all or none, or with `errorPolicy:"
    " REJECT_FAILED` the valid ones. The same call again returns the same clips.",
)
async def create_clips(
    info: Info,
    input: Annotated[CreateClipsInput, strawberry.argument(description="The video and its new clips.")],  # noqa: A002
) -> CreateClipsResult | None:
    """The clips and the video's statistics are in Firestore, in one commit."""
    principal, services = info.context.principal, info.context.services
    owner_id = resolve_user_id(principal, input.user_id)
    if not 1 <= len(input.clips) <= MAX_CLIPS_PER_BATCH:
        raise ValidationError(f"Pass 1 to {MAX_CLIPS_PER_BATCH} clips in one call.", path=("clips",))
    shared = {"user_id": owner_id, "video_id": input.video_id, "created_by": principal.user_id}
    repository = services.clips(owner_id, input.video_id)
    planned = await _plan_clips(info, input.clips, shared)
    if input.error_policy is CreateClipsErrorPolicy.REJECT_ALL:
        async with reporting_missing_video(info, owner_id, input.video_id):
            clips = _parse_all(planned)
        outcomes: list[Outcome] = [*await repository.create_clips_batch(clips)]
    else:
        outcomes = await _create_possible(repository, planned)
    return CreateClipsSuccess(
        owner_id=owner_id, of_video_id=input.video_id, results=[_to_outcome(outcome) for outcome in outcomes]
    )


async def _plan_clips(info: Info, clips: Sequence[CreateClipInput], shared: dict[str, Any]) -> list[Planned]:
    """Each clip as it will be, or why it cannot be."""
    planned: list[Planned] = []
    seen: set[str] = set()
    for index, data in enumerate(clips):
        try:
            clip = _plan_clip(to_values(data, MODEL_NAMES) | shared, ("clips", index))
            if clip.clip_id in seen:
                raise ValidationError("The list contains this clip twice.", ("clips", index, "filename"))  # noqa: TRY301  the same lane
            seen.add(clip.clip_id)
        except ValidationError as error:
            planned.append(error)
        else:
            planned.append(clip)
    if not any(map(_is_completed, planned)):
        return planned  # a task a clip would ask R2 for nothing
    return list(await asyncio.gather(*(_with_file(info, clip) for clip in planned)))


def _plan_clip(values: dict[str, Any], path: Path) -> ClipMetadata:
    if values["scene_title"] == "":
        # The model takes it for a clip without a title, which is not what a client says with it.
        raise ValidationError("The value must not be empty.", (*path, "scene_title"))
    clip = make_clip(values, path=path)
    build_file_keys(clip.user_id, clip.video_id, clip.filename, (*path, "filename"))
    return clip


def _is_completed(clip: Planned) -> TypeGuard[ClipMetadata]:
    return isinstance(clip, ClipMetadata) and clip.status is models.ClipStatus.COMPLETED


async def _with_file(info: Info, clip: Planned) -> Planned:
    if not _is_completed(clip):
        return clip
    try:
        files = await find_files(info.context.services.storage, clip)
    except ObjectNotFoundError as error:
        return error
    return clip.with_file(file_size_bytes=files.size_bytes, has_thumbnail=files.has_thumbnail)


def _parse_all(planned: Sequence[Planned]) -> list[ClipMetadata]:
    clips: list[ClipMetadata] = []
    for clip in planned:
        if not isinstance(clip, ClipMetadata):
            raise clip
        clips.append(clip)
    return clips


async def _create_possible(repository: ClipRepository, planned: Sequence[Planned]) -> list[Outcome]:
    """The outcome of each clip; a clip that fails leaves the others alone."""
    created = iter(await repository.try_create_clips([clip for clip in planned if isinstance(clip, ClipMetadata)]))
    return [next(created) if isinstance(clip, ClipMetadata) else clip for clip in planned]


def _to_outcome(outcome: Outcome) -> CreateClipOutcome:
    if isinstance(outcome, Exception):
        return CreateClipOutcome(clip=None, created=False, error=find_user_error(outcome))
    clip, created = outcome
    return CreateClipOutcome(clip=Clip(clip), created=created)
