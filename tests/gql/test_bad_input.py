"""Bad values are InvalidInput with their path and change nothing; unusual good values come back exactly."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.texts import mend_text
from gql.permissions import Principal, Role
from gql.services import Services
from repositories.models import ClipMetadata, VideoMetadata

Call = Callable[..., Awaitable[Any]]

CLIP = {"sceneId": 1, "title": "T", "style": "s", "priority": 1, "startTime": "00:00:00", "endTime": "00:00:09"}
GOOD_CLIP = CLIP | {"filename": "other.mp4"}
FILE = {"kind": "CLIP", "filename": "a.mp4"}
PART = {"partNumber": 1, "etag": '"0"'}
UPLOAD = {"videoId": "v1", "file": FILE, "uploadId": "u"}
# What each mutation is given but for what is bad.
GOOD: dict[str, dict[str, Any]] = {
    "createVideo": {"videoId": "new", "title": "T", "videoUrl": "https://example.com/v"},
    "updateVideo": {"videoId": "v1"},
    "updateVideoStatus": {"videoId": "v1", "status": "FAILED"},
    "deleteVideo": {"videoId": "v1"},
    "recountClips": {"videoId": "v1"},
    "createClips": {"videoId": "v1", "clips": [GOOD_CLIP]},
    "updateClipStatus": {"videoId": "v1", "clipId": "a", "status": "FAILED"},
    "updateClipStatuses": {"videoId": "v1", "clips": [{"clipId": "a", "status": "FAILED"}]},
    "deleteClip": {"videoId": "v1", "clipId": "a"},
    "createUploadUrls": {"videoId": "v1", "files": [FILE | {"sizeBytes": 1}]},
    "createMultipartUpload": {"videoId": "v1", "file": FILE | {"sizeBytes": 1}},
    "createUploadPartUrls": UPLOAD | {"parts": [{"partNumber": 1, "sizeBytes": 1}]},
    "completeMultipartUpload": UPLOAD | {"parts": [PART]},
    "abortMultipartUpload": UPLOAD,
}

LONG = {"1,501 bytes": "x" * 1_501, "1,504 bytes of emoji": "🎬" * 376}
CONTROLS = ["a\0b", "a\nb", "a\tb", "a\x1b[31mb", "a\x7fb", "a\x85b", "a\ufffeb"]
DIRECTIONS = ["a\u202eb", "\u202bab", "a\u2066b", "a\u2069b"]
BAD_NAMES = ["", " ", *CONTROLS, *DIRECTIONS, *LONG.values()]
HIDDEN_IDS = [".hidden", "._v", "__MACOSX"]
BAD_IDS = [*BAD_NAMES, ".", "..", "a/b", "/a", "../other/v", "__reserved__"]
BAD_USER_IDS = [*BAD_IDS, "x" * 129]
# Characters that turn text are taken out of titles, and this holds nothing else.
BAD_TITLES = [*[name for name in BAD_NAMES if name not in DIRECTIONS], "\u202e"]
BAD_FILENAMES = [
    *BAD_IDS,
    *[
        "../a.mp4",
        "../../other/v1/clips/a.mp4",
        "/etc/passwd.mp4",
        "other-user/v1/clips/a.mp4",
        "a\\b.mp4",
        "..\\a.mp4",
    ],
    *["a\0.mp4", "a.mp4\0.jpg", "a", ".mp4", "..mp4", "...mp4", "a.mp4/", "__a__.mp4", "a.m p4", "a.mp4 "],
    # Thumbnails' and lists' names, whatever their case.
    *["a.jpg", "a.JPG", "a.Jpg", "highlights.json", "HIGHLIGHTS.JSON"],
    # Browsers run these, and no operating system shows those.
    *["a.html", "a.HTML", "a.svg", "a.js", "a.txt", "a.mp4.exe", ".hidden.mp4", "._clip.mp4", "..a.mp4"],
    *["x" * 252 + ".mp4", "🎬" * 63 + ".mp4", "x" * 1_024 + ".mp4", "e\u0301.mp4"],
]
BAD_STYLES = [*BAD_NAMES, "__reserved__", "x" * 1_500, "x" * 1_486, "x " * 742, "🎬" * 375, "`" * 800]
BAD_TIMES = [
    *["", "soon", "1:2:3", "00:00", "00:60:00", "00:00:60", "25:00:00", "24:00:01", "24:00:00.001", "99:59:59"],
    *["-00:00:01", "00:00:01.5", "00:00:01,500", " 00:00:01", "00:00:01\n", "\uff10\uff10:00:01", "1e9", "NaN"],
]
BAD_ETAGS = ["", '"', "a b", "\0", '"a', "x" * 1_000]
BAD_UPLOAD_IDS = ["", " ", "a b", "a\0", "é", "x" * 1_025]


def each(name: str, values: list[Any], path: list[str] | None = None) -> list[tuple[dict[str, Any], list[str]]]:
    """A case a bad value of the input's field."""
    return [({name: value}, path or [name]) for value in values]


def each_in(listed: str, good: dict[str, Any], name: str, values: list[Any]) -> list[tuple[dict[str, Any], list[str]]]:
    """A case a bad value of a field in the second item of the input's list; the first item is good."""
    first = GOOD_CLIP | {"filename": "first.mp4"} if listed == "clips" and "sceneId" in good else good
    return [({listed: [first, good | {name: value}]}, [listed, "1", name]) for value in values]


def summary(**given: Any) -> dict[str, Any]:
    return {"highlightsSummary": {"totalDuration": 1, **given}}


def categories(*given: str) -> dict[str, Any]:
    return summary(categories=list(given))


VIDEO_CASES = [
    *each("title", BAD_TITLES),
    *each("cropMode", BAD_TITLES),
    *each("targetAspect", BAD_TITLES),
    *each(
        "videoUrl", [*BAD_NAMES, "javascript:alert(1)", "file:///etc/passwd", "https://", "//a", "http://[", "a" * 9]
    ),
    *each("videoUrl", ["https://example.com/" + "x" * 2_048]),
    *each("highlightsCount", [-1, -(2**31)]),
    *each("customPrompt", ["a\0b", "a\x1bb", "x" * 20_001]),
    *[({"stylesProcessed": ["s", name]}, ["stylesProcessed", "1"]) for name in [*BAD_NAMES, "__reserved__"]],
    *each("stylesProcessed", [["s"] * 201]),
    *[(summary(totalDuration=value), ["highlightsSummary", "totalDuration"]) for value in (-1, 1e308, 1e9)],
    *[(categories("c", name), ["highlightsSummary", "categories", "1"]) for name in [*BAD_NAMES, "__reserved__", "c"]],
    (categories(*(f"c{number}" for number in range(201))), ["highlightsSummary", "categories"]),
]
CLIP_CASES = [
    *each_in("clips", CLIP, "filename", BAD_FILENAMES),
    *each_in("clips", GOOD_CLIP, "style", BAD_STYLES),
    *each_in("clips", GOOD_CLIP, "title", BAD_TITLES),
    *each_in("clips", GOOD_CLIP, "description", ["a\0b", "a\x1bb", "x" * 20_001]),
    *each_in("clips", GOOD_CLIP, "sceneId", [-1, -(2**31)]),
    *each_in("clips", GOOD_CLIP, "priority", [-1, -(2**31)]),
    *each_in("clips", GOOD_CLIP, "startTime", BAD_TIMES),
    *each_in("clips", GOOD_CLIP, "endTime", [*BAD_TIMES, "00:00:00"]),
    ({"clips": [GOOD_CLIP | {"startTime": "00:00:09.001"}]}, ["clips", "0", "endTime"]),
    ({"clips": [GOOD_CLIP, CLIP | {"filename": "b.mp4"}, GOOD_CLIP]}, ["clips", "2", "filename"]),
    # Another extension, also of another case, makes no other clip.
    ({"clips": [GOOD_CLIP, CLIP | {"filename": "other.MP4"}]}, ["clips", "1", "filename"]),
    ({"clips": []}, ["clips"]),
    ({"clips": [GOOD_CLIP] * 201}, ["clips"]),
    # 128 characters, and a folder's name has at most 255 bytes.
    ({"userId": "🎬" * 128}, ["clips", "0", "filename"]),
]
STATUS = {"status": "FAILED"}
NEW_FILE = FILE | {"sizeBytes": 1}
BAD_SIZES = [0, -1, 1.5, 5 * 1024**3 + 1, 2**63, 1e308]
SIZED = {"partNumber": 1, "sizeBytes": 1}
PART_NUMBERS = [0, -1, 10_001, 2**31 - 1, 1]
CASES: dict[str, list[tuple[dict[str, Any], list[str]]]] = {
    "createVideo": [*VIDEO_CASES, *each("videoId", HIDDEN_IDS)],
    "updateVideo": [*VIDEO_CASES, *each("title", [None]), *each("videoUrl", [None]), *each("highlightsCount", [None])],
    "updateVideoStatus": [],
    "deleteVideo": [],
    "recountClips": [],
    "createClips": CLIP_CASES,
    "updateClipStatus": each("clipId", BAD_IDS),
    "updateClipStatuses": [
        *each_in("clips", {"clipId": "b", **STATUS}, "clipId", [*BAD_IDS, "b"]),
        ({"clips": []}, ["clips"]),
        ({"clips": [{"clipId": f"c{number}", **STATUS} for number in range(201)]}, ["clips"]),
    ],
    "deleteClip": each("clipId", BAD_IDS),
    "createUploadUrls": [
        *each_in("files", NEW_FILE, "filename", [*BAD_FILENAMES, None, "a.mp4"]),
        *each_in("files", NEW_FILE, "sizeBytes", BAD_SIZES),
        *each_in("files", NEW_FILE, "contentType", ["", "text/html", "video/", "video/mp4\r\nx: y", "VIDEO/MP4"]),
        *each("expiresIn", [0, -1, 604_801, 2**31 - 1]),
    ],
    "createMultipartUpload": [
        *[({"file": NEW_FILE | {"filename": name}}, ["file", "filename"]) for name in BAD_FILENAMES],
        *[({"file": NEW_FILE | {"sizeBytes": size}}, ["file", "sizeBytes"]) for size in BAD_SIZES],
        *each("partSizeBytes", [0, -1, 5 * 1024**2 - 1]),
    ],
    "createUploadPartUrls": [
        *each("uploadId", BAD_UPLOAD_IDS),
        *[({"parts": [SIZED, SIZED | {"partNumber": at}]}, ["parts", "1", "partNumber"]) for at in PART_NUMBERS],
        *[({"parts": [SIZED | {"sizeBytes": size}]}, ["parts", "0", "sizeBytes"]) for size in BAD_SIZES],
        # The parts before it are as large: more than a file may have.
        ({"parts": [{"partNumber": 10_000, "sizeBytes": 5 * 1024**2}]}, ["parts", "0", "sizeBytes"]),
        *[({"file": FILE | {"filename": name}}, ["file", "filename"]) for name in BAD_FILENAMES],
    ],
    "completeMultipartUpload": [
        *each("uploadId", BAD_UPLOAD_IDS),
        *[({"parts": [PART, PART | {"partNumber": at}]}, ["parts", "1", "partNumber"]) for at in PART_NUMBERS],
        *[({"parts": [PART | {"etag": etag}]}, ["parts", "0", "etag"]) for etag in BAD_ETAGS],
        *[({"file": FILE | {"filename": name}}, ["file", "filename"]) for name in BAD_FILENAMES],
    ],
    "abortMultipartUpload": [
        *each("uploadId", BAD_UPLOAD_IDS),
        *[({"file": FILE | {"filename": name}}, ["file", "filename"]) for name in BAD_FILENAMES],
    ],
}


@pytest.fixture
def call(execute_as: Any, user_id: str) -> Call:
    """Calls a mutation as a worker, with this input, and answers its result; or the errors of the request."""

    async def call(field: str, values: dict[str, Any], selection: str = "... on InvalidInput { path message }") -> Any:
        name = field[0].upper() + field[1:]
        document = f"mutation ($input: {name}Input!) {{ {field}(input: $input) {{ __typename {selection} }} }}"
        answer = await execute_as(Principal(user_id, frozenset({Role.WORKER})), document, input=values)
        return answer["errors"] or answer["data"][field]

    return call


@pytest.fixture
async def seeded(services: Services, user_id: str) -> None:
    """A video `v1` with a clip `a`, its file and its thumbnail."""
    await services.videos(user_id).create_video(VideoMetadata(user_id=user_id, video_id="v1"))
    clip = ClipMetadata(
        user_id=user_id,
        video_id="v1",
        filename="a.mp4",
        scene_id=1,
        scene_title="A",
        style="s",
        priority=1,
        start_time="00:00:00",
        end_time="00:00:09",
    )
    await services.clips(user_id, "v1").create_clip(clip)
    for name in ("a.mp4", "a.jpg"):
        await services.storage.put(f"{user_id}/v1/clips/{name}", b"file", content_type="video/mp4")


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("field", GOOD)
async def test_bad_values_are_named_and_nothing_is_written(field: str, call: Call, dump: Any, user_id: str) -> None:
    """Each bad value of a mutation is InvalidInput with its path, and nothing is written."""
    before = await dump(user_id)
    cases = [*CASES[field], *each("videoId", BAD_IDS), *each("userId", BAD_USER_IDS)]
    wrong = {}
    for changes, path in cases:
        answer = await call(field, GOOD[field] | changes)
        if not isinstance(answer, dict) or (answer.get("path"), bool(answer.get("message"))) != (path, True):
            wrong[str(changes)[:200]] = answer
    assert wrong == {}
    assert await dump(user_id) == before


NO_INT = [2**31, -(2**31) - 1, 2**63, 10**30, 1.5, "1", True, float("nan"), float("inf")]
NO_FLOAT = [float("nan"), float("inf"), float("-inf"), "1", 10**400]


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    ("field", "changes", "at"),
    [
        *[("createClips", {"clips": [GOOD_CLIP | {"priority": value}]}, "clips[0].priority") for value in NO_INT],
        *[("createVideo", {"highlightsCount": value}, "highlightsCount") for value in NO_INT],
        *[("createVideo", summary(totalDuration=value), "highlightsSummary.totalDuration") for value in NO_FLOAT],
        *[("createUploadUrls", {"files": [FILE | {"sizeBytes": value}]}, "files[0].sizeBytes") for value in NO_FLOAT],
        ("createVideo", {"unknown": 1}, "unknown"),
        ("createVideo", {"title": None}, "title"),
        ("createVideo", {"title": 5}, "title"),
        ("updateVideoStatus", {"status": "DELETING"}, "status"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_graphql_has_no_value_for_is_named_before_anything_runs(
    field: str, changes: Any, at: str, call: Call, dump: Any, user_id: str
) -> None:
    """A value that GraphQL cannot coerce is BAD_USER_INPUT naming its place, and nothing is written."""
    before = await dump(user_id)
    (error,) = await call(field, GOOD[field] | changes)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert at in error["message"]
    assert await dump(user_id) == before


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "01", "+1", "0x1"])
async def test_what_json_has_no_number_for_is_refused(client: httpx.AsyncClient, number: str) -> None:
    """A number that JSON does not have is BAD_USER_INPUT."""
    document = "mutation ($input: CreateVideoInput!) { createVideo(input: $input) { __typename } }"
    head = f'{{"query": "{document}", "variables": {{"input": {{"videoId": "v", "title": "T", "videoUrl": "https://a.b"'
    body = f'{head}, "highlightsSummary": {{"totalDuration": {number}}}}}}}}}'
    response = await client.post("/graphql", content=body, headers={"content-type": "application/json"})
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


GOOD_STYLES = [
    *[
        "a.b",
        "a/b",
        "/",
        "..",
        "../..",
        "`",
        "\\",
        "a`b\\c",
        "*",
        "~[]*",
        "clips_by_style",
        "true",
        "0",
        " a",
        "a b",
        "%2e",
    ],
    *["🎬", "👩‍👩‍👧", "Größe", "速い", "עברית", "العربية", 'it\'s "so"', "<b>", "x" * 1_485, "é" * 700],
]
GOOD_FILENAMES = [
    *["b.mp4", "B.mp4", "clip_01_A.mp4", "CLIP_01_a.MP4", "Clip_01_A.MoV", "a b.mp4", "a+b.mp4", "a&b=c.mp4"],
    *["a?b.mp4", "a#b.mp4", "a%2e%2e%2fb.mp4", "a..b.mp4", "-rf.mp4", "~.mp4", "$HOME.mp4", "a;b.mp4"],
    *["it's.mp4", '"a".mp4', "<a>.mp4", "a|b.mp4", "a:b.mp4", "*.mp4", "[a].mp4", "{a}.mp4", "CON.mp4", "100%.mp4"],
    *["🎬.mp4", "Größe.mp4", "速い.webm", "עברית.mp4", "العربية.mp4", " a.mp4", "a .mp4", "x" * 251 + ".mp4"],
]
GOOD_TITLES = [
    *[
        "עברית",
        "العربية",
        "\u200f\u05e9\u05dc\u05d5\u05dd\u200e!",
        "👩‍👩‍👧",
        "a/../b",
        "<script>",
        'it\'s "so"',
        "x" * 1_500,
        "é" * 750,
        "a\u00a0b",
    ],
]
READ = """... on CreateClipsSuccess {
  results { created error { __typename ... on InvalidInput { path } } clip { clipId filename style title } }
}"""
LIST = """query ($videoId: ID!, $style: String) { video(videoId: $videoId) {
  clipsByStyle { style count }
  clips(first: 1000, style: $style) { nodes { clipId filename style title url download: url(download: true) } }
} }"""


@pytest.fixture
def bring(call: Call, services: Services, user_id: str) -> Call:
    """Creates clips of `v1`, uploads a file for each and completes it; answers what became of each."""

    async def bring(clips: list[dict[str, Any]]) -> list[dict[str, Any]]:
        given = {"videoId": "v1", "clips": clips, "errorPolicy": "REJECT_FAILED"}
        results: list[dict[str, Any]] = (await call("createClips", given, READ))["results"]
        done = [result["clip"] for result in results if result["clip"]]
        for clip in done:
            key = f"{user_id}/v1/clips/{clip['filename']}"
            await services.storage.put(key, clip["filename"].encode(), content_type="video/mp4")
        changes = [{"clipId": clip["clipId"], "status": "COMPLETED"} for clip in done]
        completed = await call("updateClipStatuses", {"videoId": "v1", "clips": changes}) if changes else None
        assert completed in (None, {"__typename": "UpdateClipStatusesSuccess"})
        return results

    return bring


@pytest.fixture
def list_clips(execute_as: Any, user_id: str) -> Call:
    """The video `v1` with its completed clips, of a style or of any."""

    async def list_clips(style: str | None = None) -> Any:
        principal = Principal(user_id, frozenset({Role.USER}))
        answer = await execute_as(principal, LIST, videoId="v1", style=style)
        assert answer["errors"] == []
        return answer["data"]["video"]

    return list_clips


async def assert_comes_back(list_clips: Call, wanted: list[dict[str, Any]]) -> None:
    """Each clip is found by its style as it was given, and its URL leads to its own file."""
    names = {clip["filename"]: clip for clip in wanted}
    styles = [clip["style"] for clip in wanted]
    video = await list_clips()
    assert {entry["style"]: entry["count"] for entry in video["clipsByStyle"]} == {
        style: styles.count(style) for style in styles
    }
    assert {clip["filename"] for clip in video["clips"]["nodes"]} == set(names)
    async with httpx.AsyncClient(trust_env=False) as client:
        for clip in video["clips"]["nodes"]:
            given = names[clip["filename"]]
            assert (clip["style"], clip["title"]) == (given["style"], given["title"].strip())
            for url in (clip["url"], clip["download"]):
                assert (await client.get(url)).content == clip["filename"].encode(), url
    for style in set(styles):
        found = (await list_clips(style))["clips"]["nodes"]
        assert {clip["filename"] for clip in found} == {clip["filename"] for clip in wanted if clip["style"] == style}


@pytest.mark.usefixtures("seeded")
async def test_titles_that_turn_text_are_mended_as_an_import_mends_them(bring: Call, list_clips: Call) -> None:
    """The turning characters are gone, and the same call again finds the same clip."""
    titles = {f"turn-{at}.mp4": title for at, title in enumerate(DIRECTIONS)}
    clips = [CLIP | {"filename": filename, "title": title} for filename, title in titles.items()]
    await bring(clips)
    found = {clip["filename"]: clip["title"] for clip in (await list_clips())["clips"]["nodes"]}
    assert found == {filename: mend_text(title)[0] for filename, title in titles.items()}
    assert set(found.values()) == {"ab"}
    assert [result["created"] for result in await bring(clips)] == [False] * len(clips)


@pytest.mark.usefixtures("seeded")
async def test_strange_styles_filenames_and_titles_come_back_exactly(bring: Call, list_clips: Call) -> None:
    """Unusual styles, filenames and titles are stored and read back exactly."""
    clips = [
        *(CLIP | {"filename": f"style-{at}.mp4", "style": style} for at, style in enumerate(GOOD_STYLES)),
        *(CLIP | {"filename": filename} for filename in GOOD_FILENAMES),
        *(CLIP | {"filename": f"title-{at}.mp4", "title": title} for at, title in enumerate(GOOD_TITLES)),
        CLIP | {"filename": "day.mp4", "endTime": "24:00:00", "priority": 2**31 - 1, "sceneId": 0},
    ]
    results = await bring(clips)
    assert [result["error"] for result in results] == [None] * len(clips)
    await assert_comes_back(list_clips, clips)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.usefixtures("seeded")
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@example(texts=[("a", "\u201ba", "/"), ("/", "a", "a"), ("\u2400", "\uff0f", "\uff0e")])
@given(texts=st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=20))
async def test_any_text_comes_back_exactly_or_is_named(
    bring: Call, list_clips: Call, services: Services, user_id: str, texts: list[tuple[str, str, str]]
) -> None:
    """Titles, filenames and styles: none of them breaks anything, whatever it holds."""
    await services.videos(user_id).delete_video("v1", services.storage)
    await services.videos(user_id).create_video(VideoMetadata(user_id=user_id, video_id="v1"))
    clips = [
        CLIP | {"title": title, "filename": f"{at}{name}.mp4", "style": style}
        for at, (title, name, style) in enumerate(texts)
    ]
    results = await bring(clips)
    for at, result in enumerate(results):
        if result["error"]:
            assert result["error"]["path"][:2] == ["clips", str(at)]
            assert result["error"]["path"][2] in {"title", "filename", "style"}
    kept = [clip for clip, result in zip(clips, results, strict=True) if result["clip"]]
    await assert_comes_back(list_clips, kept)
