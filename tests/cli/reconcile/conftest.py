"""A bucket of this test's own user."""

from collections.abc import AsyncIterator

import pytest

from gql.app import create_services
from gql.services import Services
from settings import Settings
from tests.cli.reconcile.bucket import Bucket


@pytest.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    services = create_services(settings)
    yield services
    await services.close()


@pytest.fixture
def bucket(services: Services, user_id: str) -> Bucket:
    return Bucket(services, user_id)
