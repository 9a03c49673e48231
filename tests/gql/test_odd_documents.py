"""Other programs' documents: an odd field costs the field, and nothing else that is asked of its document."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gql.relay import encode_global_id
from gql.services import Services
from repositories.firestore.decoding import Reference
from repositories.models import ClipStatus, VideoStatus
from repositories.paging.orders import ClipOrder, VideoOrder
from settings import Settings
from tests.gql.odd_documents import (
    MOMENT,
    break_fields,
    change,
    list_odd_values,
    make_clip_document,
    make_video_document,
)

VIDEO_FIELDS = list(make_video_document("u", "v"))
CLIP_FIELDS = list(make_clip_document("u", "v", "c"))
VALUES = list_odd_values()
ELSEWHERE = ["somebody/else/clips/a.mp4", "", "../a.mp4", "{user}/odd/../../a.mp4", "{user}/oddly/a.mp4"]
CLIP_FILTERS: dict[str, list[Any]] = {"status": [None, *ClipStatus], "style": [None, "split"]}

EVERYTHING = """
fragment C on Clip {
  id clipId videoId userId sceneId title description filename style priority startTime endTime durationSeconds
  fileSizeBytes fileSizeMb size hasThumbnail status createdAt completedAt failedAt errorMessage createdBy
  url thumbnailUrl urlsExpireAt video { videoId }
}
fragment V on Video {
  id videoId userId videoUrl title youtubeId status createdAt completedAt failedAt errorMessage highlightsCount
  highlightsSummary { totalDuration categories } customPrompt stylesProcessed cropMode targetAspect clipsCount
  clipsByStyle { style count } updatedAt createdBy highlights { title } cover { clipId }
}
query ($user: ID!, $video: ID!, $clip: ID!) {
  video(videoId: "odd", userId: $user) { ...V clips(status: null) { totalCount nodes { ...C } } }
  videos(userId: $user) { totalCount edges { cursor node { ...V clips { edges { cursor node { ...C } } } } } }
  one: node(id: $video) { ...V }
  other: node(id: $clip) { ...C }
}
"""
_numbers = itertools.count()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """On a busy machine the largest of these requests takes longer than one may."""
    return settings.model_copy(update={"request_timeout_seconds": 300.0, "firestore_timeout_seconds": 60.0})


async def follow(read: Any, *, from_end: bool) -> list[Any]:
    """Everything that a list has, one by one, from either end."""
    found: list[Any] = []
    place = None
    for _ in range(20):
        bound = {"before": place} if from_end else {"cursor": place}
        page = await read(limit=1, from_end=from_end, **bound)
        found += page
        if not (page.has_previous if from_end else page.has_next):
            return found[::-1] if from_end else found
        place = page.first_cursor if from_end else page.next_cursor
    raise AssertionError("The list has no end.")


async def list_ids(collection: Any, order: Any, **filters: Any) -> list[str]:
    """The documents that Firestore itself lists in this order."""
    query, direction = collection, "DESCENDING" if order.descending else "ASCENDING"
    for name, value in filters.items():
        query = query if value is None else query.where(name, "==", str(value))
    query = query.order_by(order.field, direction=direction).order_by("__name__", direction=direction)
    return [document.id async for document in query.select([]).stream()]


@pytest.mark.filterwarnings("ignore:Detected filter using positional arguments")
@given(video=break_fields(VIDEO_FIELDS, VALUES), clip=break_fields(CLIP_FIELDS, VALUES), data=st.data())
@hypothesis_settings(
    max_examples=15,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_odd_documents_are_found_by_all_that_they_fit(
    services: Services, execute: Any, video: dict[str, Any], clip: dict[str, Any], data: st.DataObject
) -> None:
    """By id, by each list as Firestore itself fills it, through the API without an error; statistics stay right."""
    user_id = f"odd-{next(_numbers)}"
    await _store(services, user_id, video, clip)
    videos, clips = services.videos(user_id), services.clips(user_id, "odd")
    model = await videos.get_video("odd")
    assert model is not None
    assert (await clips.get_clip("odd")) is not None

    video_order, clip_order = data.draw(st.sampled_from(VideoOrder)), data.draw(st.sampled_from(ClipOrder))
    status = data.draw(st.sampled_from([None, *VideoStatus]))
    expected = await list_ids(services.firestore.collection("users", user_id, "videos"), video_order, status=status)
    for from_end in (False, True):
        listed = await follow(
            lambda **page: videos.list_videos(status=status, order_by=video_order, **page), from_end=from_end
        )
        assert [one.video_id for one in listed] == expected

    wanted = {name: data.draw(st.sampled_from(values)) for name, values in CLIP_FILTERS.items()}
    collection = services.firestore.collection("users", user_id, "videos", "odd", "clips")
    expected = await list_ids(collection, clip_order, **wanted)
    for from_end in (False, True):
        listed = await follow(lambda **page: clips.list_clips(order_by=clip_order, **wanted, **page), from_end=from_end)
        assert [one.clip_id for one in listed] == expected
    for _ in range(2):  # as read, and as kept
        pages = await videos.list_clips([model], order_by=clip_order, **wanted)
        assert [one.clip_id for one in pages["odd"]] == expected

    names = {"user": user_id, "video": encode_global_id("Video", user_id, "odd")}
    answer = await execute(EVERYTHING, **names, clip=encode_global_id("Clip", user_id, "odd", "odd"))
    assert "errors" not in answer, answer["errors"]
    assert answer["data"]["one"]["videoId"] == answer["data"]["video"]["videoId"] == "odd"
    shown = answer["data"]["other"]
    assert (shown["clipId"], shown["video"]["videoId"]) == ("odd", "odd")
    for url in filter(None, (shown["url"], shown["thumbnailUrl"])):
        assert f"/{user_id}/odd/" in url
    await _assert_statistics(services, user_id)


async def _store(services: Services, user_id: str, video: dict[str, Any], clip: dict[str, Any]) -> None:
    reference = services.firestore.document(f"users/{user_id}/videos/odd")
    other = services.firestore.document(f"users/{user_id}/videos/plain")
    await other.set(make_video_document(user_id, "plain") | {"clips_count": 0, "clips_by_style": {}})
    await reference.set(change(make_video_document(user_id, "odd"), video))
    for clip_id, fields in (("odd", clip), ("plain", {"priority": 2, "status": "processing"})):
        document = change(make_clip_document(user_id, "odd", clip_id), fields)
        await reference.collection("clips").document(clip_id).set(document)


async def _assert_statistics(services: Services, user_id: str) -> None:
    """After a recount, and after steps of a clip, they are a count of what is shown."""
    videos, clips = services.videos(user_id), services.clips(user_id, "odd")

    async def count() -> tuple[int, dict[str, int]]:
        shown = (await clips.get_clips(["odd", "plain"])).values()
        styles = [clip.style for clip in shown if clip.status is ClipStatus.COMPLETED]
        return len(styles), {style: styles.count(style) for style in styles}

    await videos.update_clip_statistics("odd")
    for status in (ClipStatus.COMPLETED, ClipStatus.PROCESSING, None):
        if status is not None:
            await clips.update_clip_status("plain", status)
        else:
            await clips.delete_clip("odd")
        video = await videos.get_video("odd")
        assert video is not None
        assert (video.clips_count, video.clips_by_style) == await count()


async def test_odd_statistics_are_added_to_as_they_are_shown(services: Services, user_id: str) -> None:
    """Firestore itself would put the increment in the place of what is no number."""
    await _store(services, user_id, {"clips_count": "1", "clips_by_style": {"split": "1"}}, {})
    await services.clips(user_id, "odd").update_clip_status("plain", ClipStatus.COMPLETED)
    stored = (await services.firestore.document(f"users/{user_id}/videos/odd").get()).to_dict()
    assert stored is not None
    assert (stored["clips_count"], stored["clips_by_style"]) == (2, {"split": 2})


@pytest.mark.parametrize("key", ELSEWHERE)
async def test_a_key_outside_of_the_videos_folder_is_never_signed(
    services: Services, execute: Any, user_id: str, key: str
) -> None:
    """Not of a clip, nor of its thumbnail, and not read for the highlights either."""
    key = key.format(user=user_id)
    await services.storage.put("somebody/else/clips/a.mp4", b"secret", "video/mp4")
    keys = {"r2_key": key, "thumbnail_r2_key": key}
    await _store(services, user_id, {"highlights_json_key": key}, keys)
    names = {"user": user_id, "video": encode_global_id("Video", user_id, "odd")}
    answer = await execute(EVERYTHING, **names, clip=encode_global_id("Clip", user_id, "odd", "odd"))
    assert "errors" not in answer
    shown = answer["data"]["other"]
    assert (shown["url"], shown["thumbnailUrl"], answer["data"]["video"]["highlights"]) == (None, None, None)
    assert shown["status"] == "COMPLETED"


async def test_clips_without_their_ids_are_in_every_list(services: Services, execute: Any, user_id: str) -> None:
    """A query over many videos finds clips by the ids in their fields; those that lack them are found all the same."""
    await _store(services, user_id, {}, {"user_id": "somebody", "video_id": 7, "created_at": MOMENT})
    document = "query ($user: ID!) { videos(userId: $user) { nodes { videoId clips(first: 5) { nodes { clipId } } } } }"
    answer = await execute(document, user=user_id)
    videos = answer["data"]["videos"]["nodes"]
    found = {video["videoId"]: [clip["clipId"] for clip in video["clips"]["nodes"]] for video in videos}
    assert found == {"odd": ["odd"], "plain": []}


@pytest.mark.parametrize("status", ["deleting", "DELETING", " Deleting "])
@pytest.mark.parametrize("more", [{}, {"deleting_at": "soon"}, {"deleting_at": MOMENT}], ids=str)
async def test_deleting_of_another_program_is_a_status_that_nobody_knows(
    services: Services, execute: Any, user_id: str, status: str, more: dict[str, Any]
) -> None:
    """Only a document that a delete of ours has emptied, and marked with the time, is hidden."""
    fields = {"status": status, **more}
    await _store(services, user_id, fields, fields)
    videos, clips = services.videos(user_id), services.clips(user_id, "odd")
    assert await videos.list_unfinished_deletes() == []
    names = {"user": user_id, "video": encode_global_id("Video", user_id, "odd")}
    for _ in range(2):  # as read, and as kept
        answer = await execute(EVERYTHING, **names, clip=encode_global_id("Clip", user_id, "odd", "odd"))
        data = answer["data"]
        assert data["video"]["status"] == data["one"]["status"] == data["other"]["status"] == "PROCESSING"
        assert data["video"]["clips"]["totalCount"] == len(data["video"]["clips"]["nodes"]) == 2
        assert data["videos"]["totalCount"] == len(data["videos"]["edges"]) == 2
    for order in VideoOrder:
        assert await videos.count_videos(order_by=order) == len(await videos.list_videos(order_by=order)) == 2
    for clip_order in ClipOrder:
        assert await clips.count_clips(order_by=clip_order) == len(await clips.list_clips(order_by=clip_order)) == 2
        pages = await videos.list_clips_of_videos(["odd"], status=None, order_by=clip_order)
        assert {clip.clip_id for clip in pages["odd"]} == {"odd", "plain"}
    assert (await videos.update_video_status("odd", VideoStatus.COMPLETED)).status is VideoStatus.COMPLETED
    assert (await clips.update_clip_status("odd", ClipStatus.COMPLETED)).mended == ()
    await videos.delete_video("odd", services.storage)
    assert await videos.get_video("odd") is None


async def test_clips_without_their_ids_are_in_lists_of_several_videos(services: Services, user_id: str) -> None:
    """Where the statistics count them; of clips that are not completed, always."""
    await _store(services, user_id, {}, {"user_id": "somebody", "video_id": 7})
    videos = services.videos(user_id)
    for status in (ClipStatus.COMPLETED, None):
        found = await videos.list_clips_of_videos(["plain", "odd", "nobody"], status=status)
        own = await services.clips(user_id, "odd").list_clips(status=status)
        assert [clip.clip_id for clip in found["odd"]] == [clip.clip_id for clip in own]
        assert "odd" in {clip.clip_id for clip in own}
        assert found.keys() == {"plain", "odd", "nobody"}
        assert len(found["plain"]) == len(found["nobody"]) == 0


@pytest.mark.parametrize("status", ["COMPLETED", None])
@pytest.mark.parametrize("missing", ["priority", "created_at"])
async def test_a_total_is_that_of_the_list(
    services: Services, execute: Any, user_id: str, status: str | None, missing: str
) -> None:
    """A document without the field of an order is in no list by it, and in no count of that list."""
    await _store(services, user_id, {"created_at": ...}, {missing: ...})
    document = """query ($user: ID!, $order: ClipOrder!, $status: ClipStatus) {
      videos(userId: $user, status: COMPLETED) { totalCount nodes { videoId } }
      video(videoId: "odd", userId: $user) {
        clips(status: $status, orderBy: $order) { totalCount nodes { clipId } }
      }
    }"""
    clips = services.clips(user_id, "odd")
    for order in ClipOrder:
        data = (await execute(document, user=user_id, order=order.name, status=status))["data"]
        assert data["videos"] == {"totalCount": 1, "nodes": [{"videoId": "plain"}]}
        listed = data["video"]["clips"]
        assert listed["totalCount"] == len(listed["nodes"])
        assert "odd" in {clip["clipId"] for clip in listed["nodes"]} or order.field == missing
        own = await clips.list_clips(status=status and status.lower(), order_by=order)
        assert await clips.count_clips(status and status.lower(), order_by=order) == len(own) == len(listed["nodes"])


REFERENCE = Reference("projects/another/databases/(default)/documents/users/u/videos/v")


@pytest.mark.parametrize("value", [REFERENCE, [REFERENCE], {"a": REFERENCE}], ids=["reference", "list", "map"])
async def test_a_reference_to_another_database_costs_the_field(
    services: Services, execute: Any, user_id: str, value: Any
) -> None:
    """Reads within transactions, too, understand it: every write of such a video and clip works."""
    odd = {"another_programs": value, "custom_prompt": value}
    await _store(services, user_id, odd, {"another_programs": value, "scene_description": value})
    names = {"userId": user_id, "videoId": "odd"}
    inputs = {
        "updateVideo": names | {"title": "New"},
        "updateVideoStatus": names | {"status": "PROCESSING"},
        "recountClips": names,
        "updateClipStatus": names | {"clipId": "odd", "status": "PROCESSING"},
        "updateClipStatuses": names | {"clips": [{"clipId": "odd", "status": "FAILED"}]},
        "deleteClip": names | {"clipId": "odd"},
        "deleteVideo": names,
    }
    for mutation, fields in inputs.items():
        kind = f"{mutation[0].upper()}{mutation[1:]}"
        document = f"mutation ($input: {kind}Input!) {{ {mutation}(input: $input) {{ __typename }} }}"
        answer = await execute(document, input=fields)
        assert answer["data"] == {mutation: {"__typename": f"{kind}Success"}}, answer
    assert await services.videos(user_id).get_video("odd") is None


@pytest.mark.parametrize(
    "statistics",
    [{"clips_count": 0}, {"clips_count": "many"}, {"clips_by_style": {}}, {"clips_count": ..., "clips_by_style": ...}],
    ids=str,
)
async def test_statistics_that_are_not_kept_are_not_relied_on(
    services: Services, user_id: str, statistics: dict[str, Any]
) -> None:
    """A clip with wrong ids is in the lists of several videos also where no statistics count it."""
    await _store(services, user_id, statistics, {"user_id": "somebody", "video_id": 7})
    videos = services.videos(user_id)
    models = (await videos.get_videos(["odd", "plain"])).values()
    for limit in (1, 100):
        for pages in (
            await videos.list_clips(models, limit=limit),
            await videos.list_clips_of_videos(["odd", "plain"], limit=limit),
        ):
            assert {video_id: [clip.clip_id for clip in page] for video_id, page in pages.items()} == {
                "odd": ["odd"],
                "plain": [],
            }
