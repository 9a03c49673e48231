from typing import Any

import httpx
import pytest

from gql.services import Services

PAGE = """
query ($u: ID, $style: String, $status: ClipStatus, $order: ClipOrder!, $first: Int, $after: String) {
  video(videoId: "v1", userId: $u) {
    clips(style: $style, status: $status, orderBy: $order, first: $first, after: $after) {
      nodes { priority style } pageInfo { hasNextPage endCursor } totalCount
    }
  }
}"""


@pytest.fixture
async def video(create_video: Any, create_clips: Any, complete_clips: Any, clip_input: Any) -> None:
    """A video with three completed clips in `split`, one in another style, and one that is not done."""
    await create_video()
    await complete_clips(*(clip_input(number) for number in (3, 1, 2)), clip_input(4, "left_focus"))
    await create_clips(clip_input(5))


@pytest.fixture
def page(query: Any, video: None, user_id: str) -> Any:
    del video

    async def page(**variables: Any) -> Any:
        given = {"u": user_id, "status": "COMPLETED", "order": "PRIORITY_ASC", "first": 100} | variables
        return (await query(PAGE, **given))["video"]["clips"]

    return page


def priorities(page: Any) -> list[int]:
    return [node["priority"] for node in page["nodes"]]


async def test_completed_clips_of_a_style_come_by_priority(page: Any) -> None:
    """The clips of a style come by priority, and `totalCount` counts them."""
    found = await page(style="split")
    assert (priorities(found), found["totalCount"]) == ([1, 2, 3], 3)


async def test_all_styles_and_any_status(page: Any) -> None:
    """Without a style all completed clips come; `status: null` adds the others."""
    assert priorities(await page()) == [1, 2, 3, 4]
    anything = await page(status=None)
    assert (priorities(anything), anything["totalCount"]) == ([1, 2, 3, 4, 5], 5)
    assert priorities(await page(status="PROCESSING")) == [5]


@pytest.mark.parametrize("field", ["PRIORITY", "START_TIME", "CREATED_AT", "DURATION"])
async def test_every_order_has_its_reverse(page: Any, field: str) -> None:
    """A descending order is its ascending order reversed."""
    forwards = priorities(await page(order=f"{field}_ASC"))
    assert sorted(forwards) == [1, 2, 3, 4]
    assert priorities(await page(order=f"{field}_DESC")) == forwards[::-1]


async def test_cursor_leads_on(page: Any) -> None:
    """The end cursor of a page leads to the rest, after which there is no next page."""
    first = await page(first=2)
    assert first["pageInfo"]["hasNextPage"]
    second = await page(first=2, after=first["pageInfo"]["endCursor"])
    assert priorities(second) == [3, 4]
    assert not second["pageInfo"]["hasNextPage"]


async def test_urls_lead_to_the_files_bytes(query: Any, video: None, user_id: str) -> None:
    """The URLs of a clip serve its file, its download and its thumbnail."""
    del video
    document = """
    query ($u: ID) { clip(videoId: "v1", clipId: "clip_01_01_a-title_split", userId: $u) {
      url download: url(download: true, expiresIn: 60) thumbnailUrl urlsExpireAt size video { title } } }"""
    clip = (await query(document, u=user_id))["clip"]
    assert clip["video"] == {"title": "A video"}
    async with httpx.AsyncClient() as s3:
        file = await s3.get(clip["url"])
        assert (file.content, file.headers["content-type"]) == (b"0123456789", "video/mp4")
        assert (await s3.get(clip["thumbnailUrl"])).content == b"\xff\xd8jpeg"
        assert "attachment" in (await s3.get(clip["download"])).headers["content-disposition"]
        assert (await s3.get(clip["url"] + "0")).status_code == 403


async def test_clip_without_files_has_no_urls(query: Any, video: None, user_id: str) -> None:
    """A clip in processing has null URLs."""
    del video
    document = (
        'query ($u: ID) { clip(videoId: "v1", clipId: "clip_05_05_a-title_split", userId: $u) { url thumbnailUrl } }'
    )
    assert (await query(document, u=user_id))["clip"] == {"url": None, "thumbnailUrl": None}


@pytest.mark.parametrize("seconds", [0, -1, 604_801])
async def test_bad_expiry_is_bad_user_input(execute: Any, video: None, user_id: str, seconds: int) -> None:
    """An `expiresIn` out of range is BAD_USER_INPUT."""
    del video
    document = """
    query ($u: ID, $s: Int!) {
      clip(videoId: "v1", clipId: "clip_01_01_a-title_split", userId: $u) { url(expiresIn: $s) }
    }
    """
    answer = await execute(document, u=user_id, s=seconds)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_unknown_clip_is_null(query: Any, user_id: str) -> None:
    """An unknown clip is null without an error."""
    assert await query('query ($u: ID) { clip(videoId: "v1", clipId: "none", userId: $u) { id } }', u=user_id) == {
        "clip": None
    }


async def test_cover_is_the_best_completed_clip(query: Any, video: None, user_id: str) -> None:
    """The cover is the completed clip of priority 1."""
    del video
    answer = await query('query ($u: ID) { video(videoId: "v1", userId: $u) { cover { priority } } }', u=user_id)
    assert answer["video"]["cover"] == {"priority": 1}


async def test_highlights_are_read_from_r2(query: Any, video: None, services: Services, user_id: str) -> None:
    """`highlights` is null without highlights.json, and then shows its entries."""
    del video
    fields = "sceneId title start durationSeconds priority"
    document = f'query ($u: ID) {{ video(videoId: "v1", userId: $u) {{ highlights {{ {fields} }} }} }}'
    assert (await query(document, u=user_id))["video"]["highlights"] is None
    body = b'{"highlights": [{"id": "7", "title": "T", "start": "00:00:01", "end": "00:00:03.5", "priority": "2"}]}'
    await services.storage.put(f"{user_id}/v1/highlights.json", body, content_type="application/json")
    assert (await query(document, u=user_id))["video"]["highlights"] == [
        {"sceneId": 7, "title": "T", "start": "00:00:01", "durationSeconds": 2.5, "priority": 2}
    ]
    await services.storage.put(f"{user_id}/v1/highlights.json", body[:40], content_type="application/json")
    assert (await query(document, u=user_id))["video"]["highlights"] is None
