"""Folders as other clippers leave them: imported, queried through the API, and fetched."""

from typing import Any

import httpx
import orjson
import pytest

from gql.context import Context
from gql.loaders import Loaders
from gql.permissions import Principal, Role
from gql.schema import schema
from tests.cli.bucket_import.conftest import VIDEO_ID, Folder, told
from tests.cli.bucket_import.layouts import LAYOUTS, Layout

QUERY = """query ($videoId: ID!) { video(videoId: $videoId) { title status clipsCount videoUrl
  clips(first: 100) { nodes { filename title style size startTime endTime url thumbnailUrl } } } }"""


async def query(folder: Folder) -> Any:
    """The video as its owner sees it; without an error."""
    principal = Principal(folder.user_id, frozenset({Role.USER}))
    context = Context(principal, folder.services, Loaders(folder.services), request_id="test")
    result = await schema.execute(QUERY, {"videoId": VIDEO_ID}, context_value=context)
    assert not result.errors
    return orjson.loads(orjson.dumps(result.data))["video"]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
async def test_layout_is_imported_and_nothing_is_lost_in_silence(folder: Folder, layout: Layout) -> None:
    """Every clip is found by the API with its own bytes, and every other file is named in a remark."""
    for name, content in layout.files.items():
        folder.write(name, content)
    dry = await folder.run(dry_run=True)
    report = await folder.run()
    assert report == dry
    video = await query(folder)
    clips = {clip["filename"]: clip for clip in video["clips"]["nodes"]} if video else {}
    assert set(clips) == layout.clips
    await assert_urls_lead_to_files(clips, layout)
    thumbnails = {f"clips/{name.rpartition('.')[0]}.jpg" for name, clip in clips.items() if clip["thumbnailUrl"]}
    described = {*(f"clips/{name}" for name in clips), *thumbnails, *(["highlights.json"] if clips else [])}
    assert {folder.key(name) for name in layout.files if name not in described} <= set(told(report))
    assert (await folder.reconcile()).drift == []


async def assert_urls_lead_to_files(clips: dict[str, Any], layout: Layout) -> None:
    """Each URL answers the bytes of its own file."""
    async with httpx.AsyncClient(trust_env=False) as client:
        for name, clip in clips.items():
            assert (await client.get(clip["url"])).content == layout.files[f"clips/{name}"]
            if clip["thumbnailUrl"]:
                image = f"clips/{name.rpartition('.')[0]}.jpg"
                assert (await client.get(clip["thumbnailUrl"])).content == layout.files[image]


async def test_clips_have_what_their_highlights_tell(folder: Folder) -> None:
    """Ids that are texts get the positions; the address that is a path is left out; the model's fence is read."""
    for name, content in LAYOUTS["score-in-names"].files.items():
        folder.write(name, content)
    await folder.run()
    video = await query(folder)
    assert (video["title"], video["videoUrl"], video["clipsCount"]) == ("The quiet part", "about:blank", 2)
