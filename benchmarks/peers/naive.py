"""The obvious way, with clipgraph's own libraries: a query for each video's clips, a model a document, boto3's URLs."""

from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any

import strawberry
from google.cloud import firestore
from google.cloud.firestore import FieldFilter
from pydantic import BaseModel
from strawberry.asgi import GraphQL

from benchmarks.peers.server import create_s3_client, serve

database = firestore.AsyncClient()
s3, bucket = create_s3_client()


class VideoModel(BaseModel):
    """A video's document."""

    user_id: str
    video_id: str
    video_url: str
    video_title: str
    youtube_id: str | None = None
    status: str
    created_at: datetime
    clips_count: int = 0


class ClipModel(BaseModel):
    """A clip's document."""

    user_id: str
    video_id: str
    clip_id: str
    filename: str
    scene_id: int
    scene_title: str
    scene_description: str | None = None
    style: str
    priority: int
    start_time: str
    end_time: str
    duration_seconds: float
    file_size_bytes: int = 0
    has_thumbnail: bool = False
    r2_key: str
    thumbnail_r2_key: str | None = None
    status: str
    created_at: datetime
    created_by: str


@strawberry.enum
class Status(Enum):
    """How far the work is."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


def to_global_id(kind: str, *path: str) -> strawberry.ID:
    """The id of an object of any type."""
    return strawberry.ID(b64encode(f"{kind}:{'/'.join(path)}".encode()).decode())


def presign(key: str) -> str:
    """A URL of the object."""
    return s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=3600)


@strawberry.type
class Clip:
    """A clip."""

    model: strawberry.Private[ClipModel]
    clip_id: strawberry.ID
    scene_id: int
    title: str
    description: str | None
    style: str
    priority: int
    start_time: str
    end_time: str
    duration_seconds: float
    file_size_bytes: float
    status: Status
    created_at: datetime

    @strawberry.field
    def id(self) -> strawberry.ID:
        """The global id."""
        return to_global_id("Clip", self.model.user_id, self.model.video_id, self.model.clip_id)

    @strawberry.field
    def url(self) -> str:
        """Where its file is."""
        return presign(self.model.r2_key)

    @strawberry.field
    def thumbnail_url(self) -> str | None:
        """Where its thumbnail is."""
        return presign(self.model.thumbnail_r2_key) if self.model.thumbnail_r2_key else None


def to_clip(model: ClipModel) -> Clip:
    """The GraphQL object of a document."""
    return Clip(
        model=model,
        clip_id=strawberry.ID(model.clip_id),
        scene_id=model.scene_id,
        title=model.scene_title,
        description=model.scene_description,
        style=model.style,
        priority=model.priority,
        start_time=model.start_time,
        end_time=model.end_time,
        duration_seconds=model.duration_seconds,
        file_size_bytes=model.file_size_bytes,
        status=Status(model.status),
        created_at=model.created_at,
    )


@strawberry.type
class ClipConnection:
    """A page of clips."""

    nodes: list[Clip]


@strawberry.type
class Video:
    """A video."""

    model: strawberry.Private[VideoModel]
    video_id: strawberry.ID
    title: str
    video_url: str
    youtube_id: str | None
    status: Status
    created_at: datetime
    clips_count: int

    @strawberry.field
    def id(self) -> strawberry.ID:
        """The global id."""
        return to_global_id("Video", self.model.user_id, self.model.video_id)

    @strawberry.field
    async def clips(self, style: str | None = None, first: int = 100) -> ClipConnection:
        """The best completed clips."""
        collection = find_video(self.model.user_id, self.model.video_id).collection("clips")
        query = collection.where(filter=FieldFilter("status", "==", "completed"))
        if style is not None:
            query = query.where(filter=FieldFilter("style", "==", style))
        query = query.order_by("priority").order_by("__name__").limit(first)
        models = [ClipModel(**snapshot.to_dict()) async for snapshot in query.stream()]
        return ClipConnection(nodes=[to_clip(model) for model in models])


def find_video(user_id: str, video_id: str) -> Any:
    """The reference of a video's document."""
    return database.collection("users").document(user_id).collection("videos").document(video_id)


def to_video(model: VideoModel) -> Video:
    """The GraphQL object of a document."""
    return Video(
        model=model,
        video_id=strawberry.ID(model.video_id),
        title=model.video_title,
        video_url=model.video_url,
        youtube_id=model.youtube_id,
        status=Status(model.status),
        created_at=model.created_at,
        clips_count=model.clips_count,
    )


@strawberry.type
class VideoConnection:
    """A page of videos."""

    nodes: list[Video]


@strawberry.type
class Query:
    """The root fields of queries."""

    @strawberry.field
    async def videos(self, user_id: strawberry.ID, first: int = 20) -> VideoConnection:
        """The newest videos."""
        videos = database.collection("users").document(user_id).collection("videos")
        query = videos.order_by("created_at", direction="DESCENDING").limit(first)
        models = [VideoModel(**snapshot.to_dict()) async for snapshot in query.stream()]
        return VideoConnection(nodes=[to_video(model) for model in models])

    @strawberry.field
    async def video(self, user_id: strawberry.ID, video_id: strawberry.ID) -> Video | None:
        """One video."""
        snapshot = await find_video(user_id, video_id).get()
        return to_video(VideoModel(**snapshot.to_dict())) if snapshot.exists else None


@strawberry.input
class CreateClipInput:
    """A new clip."""

    filename: str
    scene_id: int
    title: str
    style: str
    priority: int
    start_time: str
    end_time: str


@strawberry.input
class CreateClipsInput:
    """New clips of a video."""

    video_id: strawberry.ID
    user_id: strawberry.ID
    clips: list[CreateClipInput]


@strawberry.type
class CreateClipOutcome:
    """A change of a clip."""

    clip: Clip
    created: bool


@strawberry.type
class CreateClipsSuccess:
    """The clips are there."""

    results: list[CreateClipOutcome]
    video: Video


@strawberry.type
class VideoNotFound:
    """The video does not exist."""

    message: str


CreateClipsResult = Annotated[CreateClipsSuccess | VideoNotFound, strawberry.union("CreateClipsResult")]


def to_seconds(timecode: str) -> int:
    """The seconds that a timecode stands for."""
    hours, minutes, seconds = map(int, timecode.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def to_clip_model(user_id: str, video_id: str, data: CreateClipInput) -> ClipModel:
    """The document of a new clip."""
    return ClipModel(
        user_id=user_id,
        video_id=video_id,
        clip_id=data.filename.removesuffix(".mp4"),
        filename=data.filename,
        scene_id=data.scene_id,
        scene_title=data.title,
        style=data.style,
        priority=data.priority,
        start_time=data.start_time,
        end_time=data.end_time,
        duration_seconds=to_seconds(data.end_time) - to_seconds(data.start_time),
        r2_key=f"{user_id}/{video_id}/clips/{data.filename}",
        status="processing",
        created_at=datetime.now(UTC),
        created_by=user_id,
    )


@firestore.async_transactional
async def write_clips(transaction: Any, reference: Any, models: list[ClipModel]) -> tuple[Any, list[bool]]:
    """The video, and whether each clip is new; all of them are there, with the statistics right, or none is."""
    video = await reference.get(transaction=transaction)
    if not video.exists:
        return video, []
    documents = {model.clip_id: reference.collection("clips").document(model.clip_id) for model in models}
    found = {snapshot.id async for snapshot in database.get_all(list(documents.values()), transaction=transaction)
             if snapshot.exists}  # fmt: skip
    new = [model for model in models if model.clip_id not in found]
    for model in new:
        transaction.create(documents[model.clip_id], model.model_dump())
    by_style = Counter(model.style for model in new if model.status == "completed")
    increments = {f"clips_by_style.{style}": firestore.Increment(count) for style, count in by_style.items()}
    total = {"clips_count": firestore.Increment(by_style.total())} if by_style else {}
    transaction.update(reference, {**increments, **total, "updated_at": datetime.now(UTC)})
    return video, [model.clip_id not in found for model in models]


@strawberry.type
class Mutation:
    """The root fields of mutations."""

    @strawberry.mutation
    async def create_clips(self, input: CreateClipsInput) -> CreateClipsResult:  # noqa: A002
        """The clips are there."""
        models = [to_clip_model(input.user_id, input.video_id, data) for data in input.clips]
        reference = find_video(input.user_id, input.video_id)
        video, created = await write_clips(database.transaction(), reference, models)
        if not video.exists:
            return VideoNotFound(message="The video does not exist.")
        outcomes = [
            CreateClipOutcome(clip=to_clip(model), created=is_new)
            for model, is_new in zip(models, created, strict=True)
        ]
        snapshot = await reference.get()
        return CreateClipsSuccess(results=outcomes, video=to_video(VideoModel(**snapshot.to_dict())))


if __name__ == "__main__":
    serve(GraphQL(strawberry.Schema(query=Query, mutation=Mutation)))
