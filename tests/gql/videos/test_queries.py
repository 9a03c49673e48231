from typing import Any

import pytest


async def seed(create_video: Any, count: int) -> None:
    for number in range(count):
        await create_video(f"v{number}", title=f"Video {number}")


def ids(connection: Any) -> list[str]:
    return [node["videoId"] for node in connection["nodes"]]


async def test_unknown_video_is_null(query: Any, user_id: str) -> None:
    """An unknown video is null without an error."""
    assert await query('query ($u: ID) { video(videoId: "none", userId: $u) { id } }', u=user_id) == {"video": None}


@pytest.mark.parametrize("video_id", ["a/b", "..", "", "__x__", "x" * 1501])
async def test_bad_video_id_is_bad_user_input(execute: Any, video_id: str) -> None:
    """A video id that Firestore cannot hold is BAD_USER_INPUT."""
    answer = await execute("query ($v: ID!) { video(videoId: $v) { id } }", v=video_id)
    assert answer["data"] == {"video": None}
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_bad_id_spoils_no_other_field(execute: Any, create_video: Any, user_id: str) -> None:
    """Loaded in one batch, refused one by one."""
    await create_video()
    document = """query ($u: ID) {
      good: video(videoId: "v1", userId: $u) { videoId }
      bad: video(videoId: "a/b", userId: $u) { videoId }
      worse: video(videoId: "v1", userId: "a/b") { videoId }
    }"""
    answer = await execute(document, u=user_id)
    assert answer["data"] == {"good": {"videoId": "v1"}, "bad": None, "worse": None}
    assert sorted(error["path"][0] for error in answer["errors"]) == ["bad", "worse"]


async def test_pages_forwards_and_backwards_meet(query: Any, create_video: Any, user_id: str) -> None:
    """Walking by `after` and by `before` shows every video once, and pageInfo says where the list ends."""
    await seed(create_video, 5)
    document = """
    query ($u: ID, $first: Int, $after: String, $last: Int, $before: String) {
      videos(userId: $u, orderBy: TITLE_ASC, first: $first, after: $after, last: $last, before: $before) {
        nodes { videoId } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount
      }
    }"""
    first = (await query(document, u=user_id, first=2))["videos"]
    assert (ids(first), first["totalCount"]) == (["v0", "v1"], 5)
    assert first["pageInfo"]["hasNextPage"]
    assert not first["pageInfo"]["hasPreviousPage"]
    second = (await query(document, u=user_id, first=3, after=first["pageInfo"]["endCursor"]))["videos"]
    assert ids(second) == ["v2", "v3", "v4"]
    assert not second["pageInfo"]["hasNextPage"]
    back = (await query(document, u=user_id, last=2, before=second["edges"][1]["cursor"]))["videos"]
    assert ids(back) == ["v1", "v2"]
    assert back["pageInfo"]["hasPreviousPage"]
    end = (await query(document, u=user_id, last=2))["videos"]
    assert ids(end) == ["v3", "v4"]


async def test_cursor_survives_an_insert_before_it(query: Any, create_video: Any, user_id: str) -> None:
    """A cursor leads to the same next page after an insert before it."""
    document = """
    query ($u: ID, $after: String) {
      videos(userId: $u, orderBy: TITLE_ASC, first: 2, after: $after) { nodes { videoId } pageInfo { endCursor } }
    }"""
    await seed(create_video, 4)
    first = (await query(document, u=user_id))["videos"]
    await create_video("v00", title="Video 00")
    second = (await query(document, u=user_id, after=first["pageInfo"]["endCursor"]))["videos"]
    assert ids(second) == ["v2", "v3"]


async def test_newest_come_first_and_status_filters(query: Any, create_video: Any, user_id: str) -> None:
    """Videos come newest first, and a status filters the page and its count."""
    await create_video("old")
    await create_video("new", status="COMPLETED")
    document = "query ($u: ID, $s: VideoStatus) { videos(userId: $u, status: $s) { nodes { videoId } totalCount } }"
    assert ids((await query(document, u=user_id))["videos"]) == ["new", "old"]
    completed = (await query(document, u=user_id, s="COMPLETED"))["videos"]
    assert (ids(completed), completed["totalCount"]) == (["new"], 1)


@pytest.mark.parametrize(
    "arguments",
    [
        "first: 0",
        "first: -1",
        "first: 10001",
        "last: 0",
        "first: 1, last: 1",
        "first: null",
        'after: "nonsense"',
        'before: "bm9uc2Vuc2U"',
        'after: ""',
    ],
)
async def test_bad_page_is_bad_user_input(execute: Any, arguments: str) -> None:
    """A bad page size or cursor is BAD_USER_INPUT."""
    answer = await execute(f"{{ videos({arguments}) {{ nodes {{ id }} }} }}")
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_cursor_of_another_order_is_bad_user_input(
    execute: Any, query: Any, create_video: Any, user_id: str
) -> None:
    """A cursor of another order is BAD_USER_INPUT."""
    await create_video()
    page = await query("query ($u: ID) { videos(userId: $u) { edges { cursor } } }", u=user_id)
    answer = await execute(
        "query ($u: ID, $c: String) { videos(userId: $u, orderBy: TITLE_ASC, after: $c) { nodes { id } } }",
        u=user_id,
        c=page["videos"]["edges"][0]["cursor"],
    )
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_node_finds_what_an_id_names(
    query: Any, create_video: Any, create_clips: Any, clip_input: Any, user_id: str
) -> None:
    """`node` finds a video and a clip by their global ids."""
    await create_video()
    await create_clips(clip_input(1))
    document = "query ($id: ID!) { node(id: $id) { __typename id ... on Video { videoId } ... on Clip { clipId } } }"
    video = await query(
        'query ($u: ID) { video(videoId: "v1", userId: $u) { id clips(status: null) { nodes { id } } } }', u=user_id
    )
    video_id, clip_id = video["video"]["id"], video["video"]["clips"]["nodes"][0]["id"]
    assert (await query(document, id=video_id))["node"] == {"__typename": "Video", "id": video_id, "videoId": "v1"}
    assert (await query(document, id=clip_id))["node"]["clipId"] == "clip_01_01_a-title_split"
