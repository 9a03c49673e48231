"""Apps with limits of a test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest

from gql.app import create_app
from settings import Settings

MakeClient = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def make_client(settings: Settings) -> AsyncIterator[MakeClient]:
    """Makes clients of apps with settings changed."""
    async with AsyncExitStack() as stack:

        async def make_client(**changes: object) -> httpx.AsyncClient:
            app = create_app(settings.model_copy(update=changes))
            stack.push_async_callback(app.state.services.close)
            transport = httpx.ASGITransport(app)
            return await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60)
            )

        yield make_client
