"""Whose videos and clips may be followed: as with queries."""

from collections.abc import Callable
from typing import Any

import pytest

from gql.permissions import Role
from tests.gql.live.conftest import CLIP_EVENTS, VIDEO_CHANGED, VIDEO_EVENTS, Follow, take, take_error

DOCUMENTS = {"one": VIDEO_CHANGED, "all": VIDEO_EVENTS, "clips": CLIP_EVENTS}
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
    for variables in ({}, {"userId": user_id}):
        given = {**variables_of(name), **variables}
        async with follow(address, DOCUMENTS[name], mint(user_id), **given) as events:
            (first,) = await take(events, 1)
        assert first["kind"] == "ADDED"


@pytest.mark.usefixtures("clip")
@pytest.mark.parametrize("name", DOCUMENTS)
async def test_user_follows_nobody_else(follow: Follow, address: str, mint: Mint, user_id: str, name: str) -> None:
    async with follow(address, DOCUMENTS[name], mint("another"), **variables_of(name), userId=user_id) as events:
        error = await take_error(events)
    assert error["extensions"] == {"code": "FORBIDDEN"}


@pytest.mark.usefixtures("clip")
@pytest.mark.parametrize("role", [Role.WORKER, Role.ADMIN])
async def test_workers_and_admins_follow_anybody(
    follow: Follow, address: str, mint: Mint, user_id: str, role: Role
) -> None:
    async with follow(address, CLIP_EVENTS, mint("another", role), videoId="v1", userId=user_id) as events:
        (first,) = await take(events, 1)
    assert first["clip"]["title"] == "Title 1"
