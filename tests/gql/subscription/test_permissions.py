"""Permissions of subscriptions: the same as those of queries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import ArgumentNode, FieldNode, TypeInfo, TypeInfoVisitor, Visitor, build_schema, parse, visit

from gql.permissions import Role
from gql.schema import print_schema
from gql.services import Services
from repositories.models import VideoMetadata
from tests.gql.subscription.conftest import (
    CLIP_EVENTS,
    VIDEO_CHANGED,
    VIDEO_EVENTS,
    Follow,
    take,
    take_error,
    take_rest,
)

COUNTS = """subscription ($videoId: ID!, $userId: ID) {
  clipEvents(videoId: $videoId, userId: $userId) { kind video { clipsCount } }
}"""
DOCUMENTS = {"one": VIDEO_CHANGED, "all": VIDEO_EVENTS, "clips": CLIP_EVENTS, "counts": COUNTS}
Mint = Callable[..., str]


def variables_of(name: str) -> dict[str, str]:
    return {} if name == "all" else {"videoId": "v1"}


@pytest.fixture
async def clip(create_video: Any, create_clips: Any, clip_input: Any) -> None:
    """A video and a clip of this test's user."""
    await create_video()
    await create_clips(clip_input(1))


@pytest.mark.usefixtures("clip")
@pytest.mark.parametrize("name", DOCUMENTS)
async def test_user_follows_their_own(follow: Follow, address: str, mint: Mint, user_id: str, name: str) -> None:
    """A user follows their own data, with and without `userId`."""
    for variables in ({}, {"userId": user_id}):
        given = {**variables_of(name), **variables}
        async with follow(address, DOCUMENTS[name], mint(user_id), **given) as events:
            (first,) = await take(events, 1)
        assert first["kind"] == "ADDED"


@pytest.mark.usefixtures("clip")
@pytest.mark.parametrize("name", DOCUMENTS)
async def test_user_follows_nobody_else(follow: Follow, address: str, mint: Mint, user_id: str, name: str) -> None:
    """Whether the other exists or not."""
    for other in (user_id, "nobody"):
        async with follow(address, DOCUMENTS[name], mint("another"), **variables_of(name), userId=other) as events:
            error = await take_error(events)
        assert error["message"] == "Your role may not act for another user."
        assert error["extensions"] == {"code": "FORBIDDEN"}


@pytest.mark.usefixtures("clip")
@pytest.mark.parametrize("role", [Role.USER, Role.WORKER])
async def test_ids_of_anothers_video_are_ones_own(
    follow: Follow, address: str, services: Services, mint: Mint, user_id: str, role: Role
) -> None:
    """Without `userId` another user's video id names one's own video only, even for a worker."""
    eve = f"eve-{user_id}"
    async with follow(address, VIDEO_CHANGED, mint(eve, role), videoId="v1") as events:
        async with follow(address, CLIP_EVENTS, mint(eve, role), videoId="v1") as clip_events:
            await services.videos(eve).create_video(VideoMetadata(user_id=eve, video_id="v1", video_title="Mine"))
            (first,) = await take(events, 1)
            await services.videos(eve).delete_video("v1")
            assert await take_rest(clip_events) == []
        (last,) = await take_rest(events)
    assert (first["video"]["title"], last["kind"]) == ("Mine", "REMOVED")


@pytest.mark.usefixtures("clip")
@pytest.mark.parametrize("role", [Role.WORKER, Role.ADMIN])
async def test_workers_and_admins_follow_anybody(
    follow: Follow, address: str, mint: Mint, user_id: str, role: Role
) -> None:
    """Workers and admins follow another user's clips."""
    async with follow(address, CLIP_EVENTS, mint("another", role), videoId="v1", userId=user_id) as events:
        (first,) = await take(events, 1)
    assert first["clip"]["title"] == "Title 1"


def test_all_that_subscriptions_tell_is_tried_here() -> None:
    """Each field and argument that table.txt calls `live`."""
    table = Path(__file__).parent.parent / "authentication" / "table.txt"
    lines = [line.split() for line in table.read_text().splitlines() if line[0] != "#"]
    live = {coordinate for coordinate, rule in lines if rule == "live"}
    assert live <= {coordinate for document in DOCUMENTS.values() for coordinate in find_coordinates(document)}
    assert {"Subscription.videoChanged", "Subscription.clipEvents(style:)", "ClipEvent.clip"} <= live


def find_coordinates(document: str) -> set[str]:
    """The fields and arguments of the document, as the schema names them."""
    info = TypeInfo(build_schema(print_schema()))
    found = set[str]()

    class Finder(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            self.field = f"{info.get_parent_type()}.{node.name.value}"
            found.add(self.field)

        def enter_argument(self, node: ArgumentNode, *_: object) -> None:
            found.add(f"{self.field}({node.name.value}:)")

    visit(parse(document), TypeInfoVisitor(info, Finder()))
    return found
