"""API keys: known by their hashes, two at once while they are changed."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from gql.authentication.api_keys import hash_api_key, make_api_key
from settings import Settings
from tests.gql.authentication.conftest import Serve

Ask = Callable[[httpx.AsyncClient, str | None], Awaitable[httpx.Response]]
AddKey = Callable[..., Settings]


async def test_key_is_its_name_with_its_role(
    serve: Serve, settings: Settings, add_api_key: AddKey, ask_viewer: Ask
) -> None:
    """A request with an API key runs as the key's name, in the key's role."""
    worker, admin = make_api_key(), make_api_key()
    with_keys = add_api_key(add_api_key(settings, "farm", worker[1]), "ops", admin[1], "admin")
    async with serve(with_keys) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        answers = [(await ask_viewer(client, key)).json()["data"]["viewer"] for key in (worker[0], admin[0])]
    assert answers == [{"userId": "farm", "roles": ["WORKER"]}, {"userId": "ops", "roles": ["ADMIN"]}]


async def test_old_and_new_key_are_good_at_once_and_the_old_one_ends(
    serve: Serve, settings: Settings, add_api_key: AddKey, ask_viewer: Ask
) -> None:
    """Two keys of one name both work; after the old one leaves the settings it gets 401."""
    old, new = make_api_key(), make_api_key()
    only_new = add_api_key(settings, "farm", new[1])
    for with_keys, statuses in ((add_api_key(only_new, "farm", old[1]), [200, 200]), (only_new, [401, 200])):
        async with serve(with_keys) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
            assert [(await ask_viewer(client, key)).status_code for key in (old[0], new[0])] == statuses


async def test_what_is_no_key_is_refused(
    serve: Serve, settings: Settings, add_api_key: AddKey, ask_viewer: Ask
) -> None:
    """Neither a changed key, nor the hash itself, nor a short one that somebody made up and hashed."""
    key, sha256 = make_api_key()
    with_keys = add_api_key(add_api_key(settings, "farm", sha256), "weak", hash_api_key("cg_password"))
    async with serve(with_keys) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        for wrong in (key[:-1], key + "A", key.upper(), "cg_", f"cg_{sha256}", "cg_password", key.replace("cg_", "")):
            response = await ask_viewer(client, wrong)
            assert response.status_code == 401
            assert response.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_worker_who_is_called_like_an_admin_is_none(
    serve: Serve, settings: Settings, add_api_key: AddKey, ask_viewer: Ask
) -> None:
    """A key's name is no user's id."""
    key, sha256 = make_api_key()
    with_keys = add_api_key(settings, "boss", sha256).model_copy(update={"auth_admin_user_ids": ("boss",)})
    async with serve(with_keys) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        assert (await ask_viewer(client, key)).json()["data"]["viewer"]["roles"] == ["WORKER"]


def test_keys_are_long_and_never_the_same() -> None:
    """A hundred new keys are distinct, and each has at least 46 characters."""
    made = {make_api_key()[0] for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 46


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "farm", "sha256": "abc"},
        {"name": "farm", "sha256": "A" * 64},
        {"name": "", "sha256": "a" * 64},
        {"name": "a/b", "sha256": "a" * 64},
        {"name": "farm", "sha256": "a" * 64, "role": "root"},
        {"name": "farm", "key": "cg_in-the-clear"},
    ],
    ids=str,
)
def test_entry_that_could_not_work_is_no_setting(entry: dict[str, Any]) -> None:
    """An API key entry with a bad name, hash or role fails the validation of the settings."""
    with pytest.raises(ValueError, match="auth_api_keys"):
        Settings.model_validate({"auth_api_keys": [entry]})
