"""The real client in a project that no other test uses."""

import secrets
from collections.abc import AsyncIterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import AsyncClient


@pytest.fixture
async def firestore_client(firestore_address: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncClient]:
    """A client in a project of its own, so that every test begins with an empty database."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_address)
    client = AsyncClient(project=f"test-{secrets.token_hex(6)}", credentials=AnonymousCredentials())
    yield client
    client.close()
