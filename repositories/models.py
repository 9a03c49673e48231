"""The two documents as models: every field that Firestore holds, validated."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    computed_field,
    field_validator,
    model_validator,
)

from domain import identifiers, keys, timecodes, web_addresses, youtube
from domain.texts import mend_text
from repositories.model.base import Document
from repositories.model.fields import (
    Count,
    DocumentId,
    ErrorMessage,
    Filename,
    FileSize,
    LongText,
    MapKey,
    Seconds,
    Timecode,
    Timestamp,
    Title,
    UserId,
    check_is_stored,
    parse_title,
    utc_now,
)
from repositories.model.repairs import NO_KEY, clean_title
from repositories.model.statuses import ClipStatus, VideoStatus

__all__ = ["ClipMetadata", "ClipStatus", "HighlightsSummary", "VideoMetadata", "VideoStatus"]

UNKNOWN_VIDEO_URL = "about:blank"
UNKNOWN_STYLE = "unknown"
MAX_URL_CHARACTERS = 2_048
BYTES_PER_MB = 1024 * 1024
_VERSION = "version of the document"
_SNAPSHOT_TIME = "time of a snapshot with the document"
# Workers round the durations that they measure.
MAX_DURATION_DIFFERENCE_SECONDS = 1.0


def _compute_duration_seconds(data: dict[str, Any]) -> float:
    return max(0.0, timecodes.compute_duration_seconds(data["start_time"], data["end_time"]))


def _build_key(data: dict[str, Any], *names: str) -> str:
    return keys.build_video_key(data["user_id"], data["video_id"], *names)


def _build_clip_key(data: dict[str, Any]) -> str:
    return _build_key(data, keys.CLIPS_FOLDER, data["filename"])


def _build_thumbnail_key(data: dict[str, Any]) -> str | None:
    clip_key = data["r2_key"] or _build_clip_key(data)
    return identifiers.split_filename(clip_key)[0] + keys.THUMBNAIL_SUFFIX if data["has_thumbnail"] else None


def _to_title(text: str) -> str:
    """`text` as a title, repaired where needed: other programs' ids may break a title's rules."""
    try:
        return parse_title(mend_text(text)[0])
    except ValueError:
        return clean_title(text) or "untitled"


def _read_enum(cls: type[StrEnum]) -> BeforeValidator:
    """Documents hold a status as text, which is no member of the enum where types are taken strictly."""

    def read(value: Any, info: ValidationInfo) -> Any:
        return cls(value) if check_is_stored(info) and isinstance(value, str) else value

    return BeforeValidator(read)


class HighlightsSummary(BaseModel):
    """The highlights that were found: `total_duration` in seconds, and their categories, each once."""

    # One that was copied or constructed was not validated.
    model_config = ConfigDict(frozen=True, revalidate_instances="always")

    total_duration: Seconds = 0.0
    categories: list[MapKey] = Field(default_factory=list)

    @field_validator("categories", mode="before")
    @classmethod
    def _read_counts(cls, value: Any, info: ValidationInfo) -> Any:
        """The categories of a document of an older version, which counted each of them."""
        return sorted(value) if isinstance(value, dict) and check_is_stored(info) else value

    @field_validator("categories")
    @classmethod
    def _parse_categories(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("The list contains a category twice.")
        return value


class VideoMetadata(Document):
    """A long video, out of which clips are cut. `clips_count` and `clips_by_style` count its completed clips."""

    LIFECYCLE_FIELDS = frozenset(
        {"status", "created_at", "completed_at", "failed_at", "error_message", "created_by", "updated_at"}
        | {"highlights_count", "highlights_summary", "styles_processed", "clips_count", "clips_by_style"}
    )

    user_id: UserId
    video_id: DocumentId
    video_url: str = Field(default=UNKNOWN_VIDEO_URL, max_length=MAX_URL_CHARACTERS)
    video_title: Title = Field(default_factory=lambda data: data["video_id"])
    youtube_id: str | None = Field(default_factory=lambda data: youtube.extract_youtube_id(data["video_url"]))
    status: Annotated[VideoStatus, _read_enum(VideoStatus)] = VideoStatus.PROCESSING
    created_at: Timestamp = Field(default_factory=utc_now)
    completed_at: Timestamp | None = None
    failed_at: Timestamp | None = None
    error_message: ErrorMessage | None = None
    highlights_count: Count = 0
    highlights_summary: HighlightsSummary | None = None
    custom_prompt: LongText | None = None
    styles_processed: list[MapKey] = Field(default_factory=list)
    crop_mode: Title = "auto"
    target_aspect: Title = "9:16"
    clips_count: Count = 0
    clips_by_style: dict[MapKey, Count] = Field(default_factory=dict)
    highlights_json_key: str = Field(default_factory=lambda data: _build_key(data, keys.HIGHLIGHTS_FILENAME))
    created_by: Title = Field(default_factory=lambda data: data["user_id"])
    updated_at: Timestamp = Field(default_factory=lambda data: data["created_at"])

    @classmethod
    def _list_defaults(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        video_id, user_id = values.get("video_id", ""), values.get("user_id", "")
        return {"video_title": _to_title(video_id), "created_by": _to_title(user_id)}

    def _check_is_derived(self, name: str) -> bool:
        """Statistics follow from a count of the clips, and Firestore knows when the document was written last."""
        return name in {"clips_count", "clips_by_style", "updated_at"}

    @property
    def version(self) -> datetime | None:
        """The time of the document's last write, as Firestore states it.

        None unless this is the document as it was read.

        Every write of a clip writes its video, so this also is a version of the video's clips.
        """
        version: datetime | None = self.__dict__.get(_VERSION)
        return version

    def set_version(self, update_time: datetime | None) -> None:
        """This is the document as it was written at `update_time`."""
        # Beside the fields, where cached properties lie, too: it takes no part in comparisons and is not stored.
        self.__dict__[_VERSION] = update_time

    @property
    def snapshot_time(self) -> datetime | None:
        """The latest known time, by Firestore's clock, at which the document, and so its clips, were as here.

        None unless this is the document as it was read or written.
        """
        moment: datetime | None = self.__dict__.get(_SNAPSHOT_TIME) or self.version
        return moment

    def set_snapshot_time(self, moment: datetime | None) -> None:
        """The document was like this at this time, or at an unknown one; the latest one stays."""
        known: datetime | None = self.__dict__.get(_SNAPSHOT_TIME)
        if moment is not None and (known is None or moment > known):
            self.__dict__[_SNAPSHOT_TIME] = moment

    def get_values(self) -> dict[str, Any]:
        """The values of the model as its attributes have them, validated or not."""
        return {name: value for name, value in super().get_values().items() if name not in {_VERSION, _SNAPSHOT_TIME}}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, which has no version and no time."""
        copied = super().model_copy(update=update, deep=deep)
        for name in (_VERSION, _SNAPSHOT_TIME):
            copied.__dict__.pop(name, None)
        return copied

    @field_validator("user_id", "video_id")
    @classmethod
    def _parse_form(cls, value: str, info: ValidationInfo) -> str:
        return _parse_visible(_parse_form(value, info), info)

    @field_validator("video_url")
    @classmethod
    def _parse_video_url(cls, value: str, info: ValidationInfo) -> str:
        return _parse_stored_url(value) if check_is_stored(info) else _parse_url(value)

    @field_validator("youtube_id")
    @classmethod
    def _parse_youtube_id(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None or check_is_stored(info):
            return value
        if youtube.extract_youtube_id(info.data.get("video_url", "")) not in {None, value}:
            raise ValueError("The value differs from the YouTube id in the video's address.")
        return youtube.parse_youtube_id(value)

    @field_validator("completed_at")
    @classmethod
    def _follow_completed(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        return _follow_status(value, info, VideoStatus.COMPLETED)

    @field_validator("failed_at")
    @classmethod
    def _follow_failed(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        return _follow_status(value, info, VideoStatus.FAILED)

    @field_validator("clips_by_style", mode="before")
    @classmethod
    def _drop_styles_without_clips(cls, value: Any) -> Any:
        """Counts that fell back to zero stay in the document until some dozen have; see `UnitOfWork`."""
        return {style: count for style, count in value.items() if count != 0} if isinstance(value, dict) else value

    @field_validator("highlights_json_key")
    @classmethod
    def _parse_highlights_json_key(cls, value: str, info: ValidationInfo) -> str:
        return _parse_own_key(value, info)


class ClipMetadata(Document):
    """A short clip that was cut out of a video. Its id is its filename without the extension.

    `r2_key` is empty where the document names a file outside of the video's folder: no client is led there.
    """

    LIFECYCLE_FIELDS = frozenset(
        {"file_size_bytes", "has_thumbnail", "thumbnail_r2_key", "created_at", "completed_at", "failed_at"}
        | {"error_message", "created_by"}
    )
    # Fields that a document of an older version may lack. Its times are then unknown, not wrong: nothing to nothing.
    STORED_DEFAULTS: ClassVar[dict[str, Any]] = {
        "scene_id": 0,
        "style": UNKNOWN_STYLE,
        "priority": 0,
        "start_time": "00:00:00",
        "end_time": "00:00:00",
    }

    user_id: UserId
    video_id: DocumentId
    filename: Filename
    clip_id: DocumentId = Field(default_factory=lambda data: identifiers.split_filename(data["filename"])[0])
    scene_id: Count
    scene_title: Title
    scene_description: LongText | None = None
    style: MapKey
    priority: Count
    start_time: Timecode
    end_time: Timecode
    duration_seconds: Seconds = Field(default_factory=_compute_duration_seconds)
    file_size_bytes: FileSize = 0
    has_thumbnail: bool = False
    r2_key: str = Field(default_factory=_build_clip_key)
    thumbnail_r2_key: str | None = Field(default_factory=_build_thumbnail_key)
    status: Annotated[ClipStatus, _read_enum(ClipStatus)] = ClipStatus.PROCESSING
    created_at: Timestamp = Field(default_factory=utc_now)
    completed_at: Timestamp | None = None
    failed_at: Timestamp | None = None
    error_message: ErrorMessage | None = None
    created_by: Title = Field(default_factory=lambda data: data["user_id"])

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties; pydantic's own advice
    @property
    def file_size_mb(self) -> float:
        """The size in units of 1,024² bytes, rounded to two places."""
        return round(self.file_size_bytes / BYTES_PER_MB, 2)

    @property
    def file_key(self) -> str:
        """The key of its file; the standard one where the document's key cannot be used."""
        return self.r2_key or _build_clip_key(self.__dict__)

    @classmethod
    def _list_defaults(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        clip_id, user_id = values.get("clip_id", ""), values.get("user_id", "")
        filename = f"{clip_id}.mp4"
        return {
            **cls.STORED_DEFAULTS,
            "filename": filename if keys.check_stays(filename) else "clip.mp4",
            "scene_title": _to_title(clip_id),
            "created_by": _to_title(user_id),
        }

    def _check_is_derived(self, name: str) -> bool:
        """The duration follows from the times, where these are known; a clip without a thumbnail has no key of one."""
        if name == "thumbnail_r2_key":
            return not self.has_thumbnail and self.check_is_certain("has_thumbnail")
        are_times_known = self.check_is_certain("start_time") and self.check_is_certain("end_time")
        return name == "duration_seconds" and self.duration_seconds > 0 and are_times_known

    def to_document(self) -> dict[str, Any]:
        """The fields as Firestore holds them."""
        # Values that have no fields of their own: pydantic's dump, which looks at each, makes the same of them.
        fields = {name: self.__dict__[name] for name in type(self).model_fields}
        return {**fields, "status": str(self.status), "file_size_mb": self.file_size_mb}

    def with_file(self, *, file_size_bytes: int, has_thumbnail: bool) -> Self:
        """This clip with the facts of its files."""
        changes = plan_file_change(self, file_size_bytes=file_size_bytes, has_thumbnail=has_thumbnail)
        return self.model_copy(update=changes)

    @model_validator(mode="before")
    @classmethod
    def _drop_derived_size(cls, values: Any) -> Any:
        return {name: values[name] for name in values if name != "file_size_mb"} if isinstance(values, dict) else values

    @field_validator("user_id", "video_id", "filename")
    @classmethod
    def _parse_form(cls, value: str, info: ValidationInfo) -> str:
        return _parse_form(value, info)

    @field_validator("user_id", "video_id")
    @classmethod
    def _parse_is_visible(cls, value: str, info: ValidationInfo) -> str:
        return _parse_visible(value, info)

    @field_validator("video_id")
    @classmethod
    def _parse_video_holds_files(cls, value: str, info: ValidationInfo) -> str:
        return value if check_is_stored(info) else identifiers.parse_folder(value)

    @field_validator("filename")
    @classmethod
    def _parse_filename_fits_key(cls, value: str, info: ValidationInfo) -> str:
        if not check_is_stored(info) and {"user_id", "video_id"} <= info.data.keys():
            identifiers.parse_bounded_key(_build_key(info.data, keys.CLIPS_FOLDER, value))
        return value

    @field_validator("clip_id")
    @classmethod
    def _parse_clip_id(cls, value: str, info: ValidationInfo) -> str:
        filename = info.data.get("filename", value)
        if not check_is_stored(info) and value != identifiers.split_filename(filename)[0]:
            raise ValueError("The id of a clip must be its filename without the extension.")
        return value

    @field_validator("scene_title", mode="before")
    @classmethod
    def _name_untitled(cls, value: Any, info: ValidationInfo) -> Any:
        """A highlight without a title has the empty text for one: the clip is then called as its id says."""
        return info.data.get("clip_id", value) if value == "" and not check_is_stored(info) else value

    @field_validator("style")
    @classmethod
    def _parse_style(cls, value: str) -> str:
        return identifiers.parse_style(value)

    @field_validator("end_time")
    @classmethod
    def _parse_end_time(cls, value: str, info: ValidationInfo) -> str:
        start_time = info.data.get("start_time")
        if start_time is None or check_is_stored(info):
            return value
        if timecodes.compute_duration_seconds(start_time, value) <= 0:
            raise ValueError("The end must be after the start.")
        return value

    @field_validator("duration_seconds")
    @classmethod
    def _parse_duration_seconds(cls, value: float, info: ValidationInfo) -> float:
        if check_is_stored(info) or not {"start_time", "end_time"} <= info.data.keys():
            return value
        computed = _compute_duration_seconds(info.data)
        if abs(value - computed) > MAX_DURATION_DIFFERENCE_SECONDS:
            raise ValueError(f"The duration from start to end is {computed} seconds.")
        return computed

    @field_validator("r2_key")
    @classmethod
    def _parse_r2_key(cls, value: str, info: ValidationInfo) -> str:
        return _parse_own_key(value, info)

    @field_validator("thumbnail_r2_key")
    @classmethod
    def _parse_thumbnail_r2_key(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if info.data.get("has_thumbnail", True):  # one that failed its own check says nothing
            return _parse_own_key(value, info) or None
        if value and check_is_stored(info):
            raise ValueError("The clip has no thumbnail.")
        return None

    @field_validator("completed_at")
    @classmethod
    def _follow_completed(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        return _follow_status(value, info, ClipStatus.COMPLETED)

    @field_validator("failed_at")
    @classmethod
    def _follow_failed(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        return _follow_status(value, info, ClipStatus.FAILED)


def plan_file_change(
    clip: ClipMetadata, *, file_size_bytes: int | None = None, has_thumbnail: bool | None = None
) -> dict[str, Any]:
    """The fields that differ once the clip's files are as said; None says nothing."""
    changes: dict[str, Any] = {}
    mended = {one.field for one in clip.mended}
    if file_size_bytes is not None and (file_size_bytes != clip.file_size_bytes or "file_size_bytes" in mended):
        changes["file_size_bytes"] = file_size_bytes
    if has_thumbnail is not None and (has_thumbnail != clip.has_thumbnail or "has_thumbnail" in mended):
        changes["has_thumbnail"] = has_thumbnail
        changes["thumbnail_r2_key"] = _build_thumbnail_key({**clip.__dict__, "has_thumbnail": has_thumbnail})
    return changes


def _follow_status(value: datetime | None, info: ValidationInfo, status: VideoStatus | ClipStatus) -> datetime | None:
    """The time of a status, which no document in another status has."""
    found = info.data.get("status", status)  # one that failed its own check says nothing
    if found == status:
        return value if value is not None or check_is_stored(info) else info.data.get("created_at")
    if value is not None and check_is_stored(info):
        raise ValueError(f"The status is not `{status}`.")
    return None


def _parse_url(value: str) -> str:
    identifiers.parse_name(value)
    if value != UNKNOWN_VIDEO_URL:
        web_addresses.parse_web_address(value)
    return value


def _parse_stored_url(value: str) -> str:
    """An address of the web, or text that no browser follows anywhere: an older version took any."""
    if urlsplit(value).scheme not in {"", "http", "https", "about"}:
        raise ValueError("The address must begin with `https://` or `http://`.")
    return value


def _parse_own_key(value: str, info: ValidationInfo) -> str:
    """The key, which lies in the video's folder; `NO_KEY` only of a stored document, whose key cannot be used."""
    user_id, video_id = info.data.get("user_id"), info.data.get("video_id")
    if user_id is None or video_id is None:
        return value  # where one of them failed its own check, that is the error to tell
    if not check_is_stored(info):
        return _parse_form(keys.parse_video_key(value, user_id, video_id), info)
    if value != NO_KEY and not keys.check_is_within(value, user_id, video_id):
        raise ValueError("The key lies outside the video's folder `{user_id}/{video_id}/`.")
    return value


def _parse_form(value: str, info: ValidationInfo) -> str:
    """`value`; documents that are stored already may have ids and keys of other forms."""
    return value if check_is_stored(info) else identifiers.parse_form_c(value)


def _parse_visible(value: str, info: ValidationInfo) -> str:
    """`value`, a folder in which an import and `reconcile` see files; documents that are stored may have any."""
    return value if check_is_stored(info) else keys.parse_visible(value)
