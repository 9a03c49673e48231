"""R2's lanes: a caller with many reads delays no other caller."""

import asyncio
from typing import Any

from gql.app import create_app
from gql.context import Context
from gql.loaders import Loaders
from gql.permissions import Principal, Role
from gql.schema import schema
from settings import Settings
from storage.lanes import LANE_SIZES, LaneName
from tests.gql.conftest import Execute
from tests.storage.proxies import SilentGets

HIGHLIGHTS = "query ($u: ID) { videos(first: 900, userId: $u) { nodes { highlights { sceneId } } } }"
COMPLETE = "mutation ($i: UpdateClipStatusInput!) { updateClipStatus(input: $i) { __typename } }"
VIDEOS = 20


async def test_completed_is_not_behind_anothers_highlights(
    settings: Settings, create_video: Execute, create_clips: Execute, clip_input: Any, upload: Execute, user_id: str
) -> None:
    """R2 answers no GET, and two callers' fill their lane: another's COMPLETED is there before the first of them."""
    for number in range(VIDEOS):
        await create_video(f"v{number}")
    await create_clips(clip_input(1), video_id="v1")
    await upload(clip_input(1)["filename"], video_id="v1")
    # Nobody's time is up on a busy machine.
    changes = {"request_timeout_seconds": 600}
    proxy = SilentGets(str(settings.r2_endpoint_url))
    async with proxy.run() as address:
        services = create_app(settings.model_copy(update=changes | {"r2_endpoint_url": address})).state.services

        async def execute_as(name: str, document: str, **variables: Any) -> Any:
            principal = Principal(name, frozenset({Role.WORKER}))
            context = Context(principal, services, Loaders(services), request_id="test")
            return await schema.execute(document, variables, context_value=context)

        lane = LANE_SIZES[LaneName.READS]
        readers = [
            asyncio.create_task(execute_as(f"reader-{number}", HIGHLIGHTS, u=user_id))
            for number in range(lane.threads // lane.per_caller)
        ]
        for _ in range(lane.threads):
            await proxy.held.get()
        clip = {"videoId": "v1", "userId": user_id, "clipId": clip_input(1)["filename"][:-4], "status": "COMPLETED"}
        result = await execute_as("yours", COMPLETE, i=clip)
        assert not result.errors
        assert result.extensions["cost"]["actual"]["r2Calls"] == 2
        assert not any(reader.done() for reader in readers)
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)
        await services.close()
