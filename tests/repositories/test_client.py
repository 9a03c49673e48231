"""The client, and whom it talks to."""

import os

import pytest

from repositories.client import create_client, default_client
from repositories.videos import VideoRepository


async def test_the_environment_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, firestore_host: str) -> None:
    """Creating a client for an emulator leaves the environment's variable as it was."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    await VideoRepository("u", create_client(project="test", emulator_host=firestore_host)).assert_answers()
    assert os.environ["FIRESTORE_EMULATOR_HOST"] == "127.0.0.1:1"
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST")
    create_client(project="test", emulator_host=firestore_host)
    assert "FIRESTORE_EMULATOR_HOST" not in os.environ


async def test_python_callers_need_no_client(monkeypatch: pytest.MonkeyPatch, firestore_host: str) -> None:
    """A repository without a client uses the environment's, one for the event loop."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "by-environment")
    await VideoRepository("u").assert_answers()
    assert default_client() is default_client()
    assert default_client().project == "by-environment"
