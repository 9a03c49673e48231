"""Every public method of both repositories with values of every wrong type: refused by name, or written right."""

import inspect
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.exceptions import RepositoryError, ValidationError
from repositories.model.statuses import ClipStatus, ClipStatusChange
from repositories.model.validation import validate_model
from repositories.models import ClipMetadata, VideoMetadata, VideoStatus
from repositories.tombstones import UnfinishedDelete
from repositories.unit_of_work import UnitOfWork
from repositories.videos import UPDATABLE_FIELDS, VideoRepository
from tests.repositories.conftest import FirestoreProxy

pytestmark = pytest.mark.prove


class NoFiles:
    """A bucket without a file."""

    async def delete(self, keys: Any) -> None:
        """Has no object to delete."""

    async def delete_prefix(self, prefix: str) -> int:
        """Has no object to delete."""
        assert prefix
        return 0


class Foreign(StrEnum):
    """The statuses of another library."""

    COMPLETED = "completed"
    DONE = "done"


class Text(str):
    """A text that is more than one."""

    __slots__ = ()


CLIP = ClipMetadata(
    user_id="user",
    video_id="v",
    filename="clip_09.mp4",
    scene_id=9,
    scene_title="Nine",
    style="split",
    priority=9,
    start_time="00:00:01",
    end_time="00:00:02",
    status=ClipStatus.COMPLETED,
)
VIDEO = VideoMetadata(user_id="user", video_id="w", video_title="Another")
CHANGE = ClipStatusChange("clip_02", ClipStatus.COMPLETED)
LIST = {"order_by": "priority", "limit": 5, "cursor": None, "before": None, "from_end": False}
FILTER = {"status": "completed", "style": "split"}
TRANSACTION = {"transaction": None}
CALLS: dict[type, dict[str, dict[str, Any]]] = {
    ClipRepository: {
        "create_clip": {"clip": CLIP, **TRANSACTION},
        "create_clips_batch": {"clips": [CLIP], **TRANSACTION},
        "try_create_clips": {"clips": [CLIP], "guesses": {"clip_09": {"priority": 9}}, **TRANSACTION},
        "correct_clip": {"known": CLIP, "changes": {"priority": 8}, "guesses": {"priority": 8}, **TRANSACTION},
        "count_by_style": {**TRANSACTION},
        "mend_clip": {"clip_id": "clip_01"},
        "get_clip": {"clip_id": "clip_01", **TRANSACTION},
        "get_clips": {"clip_ids": ["clip_01"], **TRANSACTION},
        "list_clips": {**FILTER, **LIST, **TRANSACTION},
        "update_clip_status": {
            "clip_id": "clip_01",
            "status": "processing",
            "error_message": None,
            "file_size_bytes": 5,
            "has_thumbnail": True,
            **TRANSACTION,
        },
        "update_clip_statuses": {"changes": [CHANGE], **TRANSACTION},
        "try_update_clip_statuses": {"changes": [CHANGE]},
        "parse_changes": {"changes": [CHANGE]},
        "delete_clip": {"clip_id": "clip_01", **TRANSACTION},
        "delete_clip_with_files": {"clip_id": "clip_01", "files": NoFiles()},
        "finish_delete": {"clip_id": "clip_01", "files": NoFiles()},
        "count_clips": {**FILTER, "up_to": 5, "order_by": "priority", **TRANSACTION},
    },
    VideoRepository: {
        "create_video": {"video": VIDEO, "guesses": {"video_title": "Another"}, **TRANSACTION},
        "correct_video": {
            "known": VIDEO,
            "changes": {"crop_mode": "none"},
            "guesses": {"crop_mode": "none"},
            **TRANSACTION,
        },
        "mend_video": {"video_id": "v"},
        "get_clips": {"clip_ids": [("v", "clip_01")]},
        "create_or_update_video": {"video": VIDEO, **TRANSACTION},
        "update_video": {"video_id": "v", "changes": {"crop_mode": "none"}, **TRANSACTION},
        "get_video": {"video_id": "v", **TRANSACTION},
        "get_videos": {"video_ids": ["v"], **TRANSACTION},
        "list_videos": {**LIST, "status": "completed", "order_by": "-created_at", "is_timed": True, **TRANSACTION},
        "list_clips_of_videos": {"video_ids": ["v"], **FILTER, "order_by": "priority", "limit": 5},
        "list_clips": {"videos": [VIDEO], **FILTER, **LIST},
        "find_clips": {"videos": [VIDEO], **FILTER, **LIST},
        "update_video_status": {"video_id": "v", "status": "completed", "error_message": None, **TRANSACTION},
        "update_clip_statistics": {"video_id": "v", **TRANSACTION},
        "delete_video": {"video_id": "w", "files": NoFiles()},
        "finish_delete": {"unfinished": UnfinishedDelete("w", None, None), "files": NoFiles()},
        "count_videos": {"status": "completed", "up_to": 5, "order_by": "-created_at", **TRANSACTION},
    },
}
ARGUMENTS = [
    pytest.param(cls, method, name, id=f"{cls.__name__}.{method}({name})")
    for cls, calls in CALLS.items()
    for method, arguments in calls.items()
    for name in arguments
]
METHODS = [pytest.param(cls, method, id=f"{cls.__name__}.{method}") for cls, calls in CALLS.items() for method in calls]
# What the errors' paths call otherwise: the list of changes is GraphQL's list of clips.
PATHS = {"changes": {"changes", "clips"}}

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**53, 2**63, 2**64, 10**400])
    | st.floats()
    | st.decimals()
    | st.complex_numbers()
    | st.text(max_size=20)
    | st.sampled_from(
        ["completed", "COMPLETED", "processing", "failed", "deleting", "-priority", "split", "v", "__x__"]
    )
    | st.binary(max_size=20)
    | st.datetimes()
    | st.timedeltas()
    | st.sampled_from([*ClipStatus, *VideoStatus, *Foreign, Text("completed"), Text("split"), b"completed", b"v"])
    | st.sampled_from([object(), object, len, Ellipsis, NotImplemented, Decimal(1), iter([1]), range(3)])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.frozensets(st.integers() | st.text(max_size=5), max_size=3)
    ),
    max_leaves=4,
)


def break_model(model: Any) -> st.SearchStrategy[Any]:
    """The model with any value in one of its fields, as `model_copy` allows, or with a field that it has not."""
    names = [*type(model).model_fields, "no_such_field"]
    return st.builds(lambda name, value: model.model_copy(update={name: value}), st.sampled_from(names), values)


def break_change() -> st.SearchStrategy[Any]:
    names = [field.name for field in fields(ClipStatusChange)]
    return st.builds(lambda name, value: replace(CHANGE, **{name: value}), st.sampled_from(names), values)


def wrong(name: str) -> st.SearchStrategy[Any]:
    """Values for an argument: of any type, and of its own type with a wrong value somewhere inside."""
    inside: dict[str, st.SearchStrategy[Any]] = {
        "clip": break_model(CLIP),
        "clips": st.lists(break_model(CLIP) | values, min_size=1, max_size=2),
        "video": break_model(VIDEO),
        "changes": st.lists(break_change() | values, min_size=1, max_size=2)
        | st.dictionaries(st.sampled_from([*sorted(UPDATABLE_FIELDS), "status", "clips_count"]), values, min_size=1),
        "known": break_model(CLIP) | break_model(VIDEO),
        "guesses": st.dictionaries(st.sampled_from(["priority", "crop_mode", "clip_09", "nothing"]), values),
        "unfinished": st.builds(UnfinishedDelete, values, values, values),
        "clip_ids": st.lists(values | st.tuples(values, values), max_size=2),
        "video_ids": st.lists(values, max_size=2),
    }
    return inside[name] | values if name in inside else values


@dataclass
class Place:
    """A user's repositories over Firestore."""

    clips: ClipRepository
    videos: VideoRepository

    async def set_up(self) -> None:
        """The video `v` is there, with one completed and one processing clip."""
        await self.videos.create_video(self._own(VIDEO, video_id="v"))
        clips = [
            self._own(CLIP, filename="clip_01.mp4", clip_id="clip_01"),
            self._own(CLIP, filename="clip_02.mp4", clip_id="clip_02", status=ClipStatus.PROCESSING),
        ]
        for clip in clips:
            if await self.clips.get_clip(clip.clip_id) is None:
                await self.clips.create_clip(clip)

    async def call(self, cls: type, method: str, **changes: Any) -> Any:
        """The method's answer, with its usual arguments except for these."""
        repository: Any = self.clips if cls is ClipRepository else self.videos
        arguments = {name: self.adopt(value) for name, value in {**CALLS[cls][method], **changes}.items()}
        answer = getattr(repository, method)(**arguments)
        return await answer if inspect.isawaitable(answer) else answer

    def adopt(self, value: Any) -> Any:
        """The value, in which models are this user's own where they were nobody's."""
        if isinstance(value, list):
            return [self.adopt(item) for item in value]
        return self._own(value) if isinstance(value, ClipMetadata | VideoMetadata) else value

    def _own(self, model: Any, **changes: Any) -> Any:
        if "filename" in changes or "clip_id" in changes or model.user_id == "user":
            own = {"user_id": self.videos.user_id, **changes}
            moved = {**{name: model.__dict__[name] for name in model.__dict__}, **own}
            folder = f"{own['user_id']}/{moved['video_id']}"
            if isinstance(model, ClipMetadata):
                moved["r2_key"] = model.r2_key if model.r2_key != CLIP.r2_key else f"{folder}/clips/{moved['filename']}"
            elif model.highlights_json_key == VIDEO.highlights_json_key:
                moved["highlights_json_key"] = f"{folder}/highlights.json"
            if moved["created_by"] == "user":
                moved["created_by"] = own["user_id"]
            return model.model_copy(update=moved)
        return model

    async def assert_true(self) -> None:
        """Every stored document is valid, and each video's statistics are what a count of its clips gives."""
        client = self.videos._rpc.client
        for video in [one async for one in client.collection(f"users/{self.videos.user_id}/videos").stream()]:
            stored = video.to_dict() or {}
            assert_valid(VideoMetadata, stored)
            counted: Counter[str] = Counter()
            async for clip in video.reference.collection("clips").stream():
                document = clip.to_dict() or {}
                assert_valid(ClipMetadata, document)
                counted[document["style"]] += document["status"] == "completed"
            assert stored["clips_count"] == counted.total()
            assert {style: count for style, count in stored["clips_by_style"].items() if count} == dict(+counted)


def assert_valid(cls: type[Any], document: dict[str, Any]) -> None:
    """The document's fields are the model's, each of which would be taken again as it is, and is stored as its type."""
    known = {name: value for name, value in document.items() if name not in {"clips_revision", "guesses"}}
    if cls is VideoMetadata:  # counts that fell to zero may stay
        known["clips_by_style"] = {style: count for style, count in known["clips_by_style"].items() if count}
    again = validate_model(cls, {name: value for name, value in known.items() if value is not None})
    assert again.to_document() == known
    assert {name: type(value) for name, value in again.to_document().items() if name not in TIMES} == {
        name: type(value) for name, value in known.items() if name not in TIMES
    }


TIMES = {"created_at", "updated_at", "completed_at", "failed_at"}


@pytest.fixture
async def place(client: FirestoreClient, user_id: str) -> AsyncIterator[Place]:
    """A user with one video."""
    made = Place(ClipRepository(user_id, "v", client), VideoRepository(user_id, client))
    await made.set_up()
    yield made
    await made.assert_true()


def test_every_public_method_is_called() -> None:
    """A method or an argument that is added to a repository is added here, too."""
    without_arguments = {
        "transaction",
        "rehearse",
        "delete_all_clips",
        "delete_clips_of_deleted_video",
        "assert_answers",
    }
    for cls, calls in CALLS.items():
        public = {
            name: set(inspect.signature(method).parameters) - {"self"}
            for name, method in inspect.getmembers(cls, inspect.isfunction)
            if not name.startswith("_") and name not in without_arguments | {"list_unfinished_deletes"}
        }
        assert public == {name: set(arguments) for name, arguments in calls.items()}


@pytest.mark.parametrize(("cls", "method", "name"), ARGUMENTS)
async def test_an_argument_of_no_meaning_is_refused_by_its_name(
    cls: type, method: str, name: str, proxied: FirestoreClient, proxy: FirestoreProxy, user_id: str
) -> None:
    """The argument is refused before any request to Firestore."""
    place = Place(ClipRepository(user_id, "v", proxied), VideoRepository(user_id, proxied))
    with pytest.raises(ValidationError) as caught:
        await place.call(cls, method, **{name: object()})
    assert caught.value.path[0] in PATHS.get(name, {name})
    assert proxy.rpcs == []


@pytest.mark.parametrize("seconds", [0, -1.0, float("inf"), float("nan"), Decimal("Infinity"), Decimal(1), True, "1"])
def test_a_timeout_is_a_positive_number_of_seconds(seconds: Any) -> None:
    """A timeout that gRPC could not keep is refused by its name."""
    with pytest.raises(ValidationError) as refused:
        ClipRepository("u", "v", timeout_seconds=seconds)
    assert refused.value.path == ("timeout_seconds",)


@pytest.mark.parametrize("name", ["user_id", "video_id", "client", "timeout_seconds"])
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_repository_of_wrong_values_is_not_made(name: str, data: st.DataObject) -> None:
    """It is refused by the argument's name, or is one whose ids Firestore takes."""
    value = data.draw(values)
    arguments: dict[str, Any] = {"user_id": "u", "video_id": "v", name: value}
    try:
        made = ClipRepository(**arguments)
    except ValidationError as error:
        path: tuple[Any, ...] = error.path
    else:
        path = (name,)
        assert getattr(made, name, value) == value
        assert isinstance(value, {"client": type(None), "timeout_seconds": int | float}.get(name, str))
    assert path == (name,)


@pytest.mark.parametrize(("cls", "method"), METHODS)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_wrong_values_are_never_written(place: Place, cls: type, method: str, data: st.DataObject) -> None:
    """With any value for one of its arguments, a method answers or raises an error of the repositories."""
    name = data.draw(st.sampled_from(sorted(CALLS[cls][method])))
    await place.set_up()
    with suppress(RepositoryError):  # such as a value that cannot be, or an id that nothing has
        await place.call(cls, method, **{name: data.draw(wrong(name))})
    await place.assert_true()


@pytest.mark.parametrize("status", [ClipStatus.COMPLETED, VideoStatus.COMPLETED, Foreign.COMPLETED, Text("completed")])
async def test_texts_of_all_kinds_are_the_status(place: Place, status: Any) -> None:
    """The clip is counted, whichever text said that it is completed; and so is the video's own status."""
    clip = await place.clips.update_clip_status("clip_02", status, file_size_bytes=7)
    assert clip.status is ClipStatus.COMPLETED
    assert (await place.videos.update_video_status("v", status)).status is VideoStatus.COMPLETED
    video = await place.videos.get_video("v")
    assert video is not None
    assert video.clips_count == 2
    assert [one.clip_id for one in await place.clips.list_clips(status=status, order_by="-priority")] == [
        "clip_02",
        "clip_01",
    ]
    assert [one.video_id for one in await place.videos.list_videos(status=status, order_by="video_title")] == ["v"]


Call = Callable[[UnitOfWork], Any]


async def test_wrong_values_in_a_transaction_leave_it_as_it_was(place: Place) -> None:
    """A refusal inside of a transaction buffers nothing: what else it does is written."""
    odd = replace(CHANGE, has_thumbnail=cast("bool", 1))
    async with place.clips.transaction() as transaction:
        calls: list[Call] = [
            lambda unit: place.clips.update_clip_status("clip_02", "done", transaction=unit),
            lambda unit: place.clips.update_clip_statuses([odd], transaction=unit),
            lambda unit: place.videos.update_video("v", {"highlights_count": "many"}, transaction=unit),
        ]
        for call in calls:
            with pytest.raises(ValidationError):
                await call(transaction)
        await place.clips.update_clip_status("clip_02", "completed", transaction=transaction)
    video = await place.videos.get_video("v")
    assert video is not None
    assert video.clips_count == 2


async def test_a_video_that_was_mended_when_it_was_read_is_changed_and_written(
    place: Place, client: FirestoreClient
) -> None:
    """A copy of it is taken: what is new is written, and what another program stored oddly stays as that has it."""
    reference = client.document(f"users/{place.videos.user_id}/videos/v")
    await reference.update({"highlights_json_key": "elsewhere/highlights.json", "crop_mode": ""})
    video = await place.videos.get_video("v")
    assert video is not None
    assert {one.field for one in video.mended} == {"highlights_json_key", "crop_mode"}
    changed = await place.videos.create_or_update_video(video.model_copy(update={"custom_prompt": "P"}))
    stored = (await reference.get()).to_dict() or {}
    assert (changed.custom_prompt, stored["custom_prompt"]) == ("P", "P")
    assert (stored["highlights_json_key"], stored["crop_mode"]) == ("elsewhere/highlights.json", "")
    await reference.update({"highlights_json_key": f"{place.videos.user_id}/v/highlights.json", "crop_mode": "auto"})
