"""Errors of others that look like an event's end are passed on."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from gql.context import Context
from gql.loaders import Loaders
from gql.permissions import ANONYMOUS
from gql.services import Services
from gql.subscription import each_in_time


async def fail() -> AsyncGenerator[Any, None]:
    """Results that end by a timeout of something below."""
    yield "first"
    raise TimeoutError


async def test_timeout_of_something_else_goes_on_its_way(services: Services) -> None:
    """It is no TIMEOUT of the event's, which tells the client how long it took."""
    results = each_in_time(fail(), Context(ANONYMOUS, services, Loaders(services), request_id="test"))
    assert await anext(results) == "first"
    with pytest.raises(TimeoutError):
        await anext(results)
