"""An issuer's keys: kept as its headers say, fetched anew for an unknown key, and kept through an outage."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import httpx
import pytest

from gql.authentication.errors import KeysUnavailableError
from gql.authentication.issuer_client import MAX_AGE_SECONDS, MAX_BYTES, MIN_AGE_SECONDS
from gql.authentication.jwks import PAUSE_SECONDS, RemoteKeys
from settings import Settings
from tests.gql.authentication.conftest import IssuerServer, Mint, Serve, SigningKey

Ask = Callable[[httpx.AsyncClient, str | None], Awaitable[httpx.Response]]


class Clock:
    """A clock that stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def remote(issuer: IssuerServer, clock: Clock) -> RemoteKeys:
    """The issuer's keys, as the server has them."""
    return RemoteKeys(issuer.address, f"{issuer.address}/keys", clock)


async def test_keys_are_fetched_once_while_they_are_good(
    remote: RemoteKeys, issuer: IssuerServer, clock: Clock
) -> None:
    """Keys are fetched once within their max-age, and again after it."""
    for _ in range(3):
        assert await remote.find("current") is not None
    clock.now += 3599
    await remote.find("current")
    assert len(issuer.requests) == 1
    clock.now += 2
    await remote.find("current")
    assert len(issuer.requests) == 2


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("max-age=0", MIN_AGE_SECONDS),
        ("no-store, max-age=7200", MIN_AGE_SECONDS),
        ("public, max-age=7200", 7200),
        ("s-maxage=9, max-age=7200", 7200),
        ("max-age=99999999", MAX_AGE_SECONDS),
        ("", 3600),
        ("max-age=7200\r\nAge: 200", 7000),
    ],
    ids=repr,
)
async def test_headers_say_how_long_keys_are_good(
    remote: RemoteKeys, issuer: IssuerServer, clock: Clock, cache_control: str, seconds: int
) -> None:
    """Within a floor, below which the issuer would be asked at each request, and a ceiling."""
    issuer.cache_control = cache_control
    await remote.find("current")
    clock.now += seconds - 1
    await remote.find("current")
    assert len(issuer.requests) == 1
    clock.now += 1
    await remote.find("current")
    assert len(issuer.requests) == 2


async def test_new_key_is_found_before_the_old_list_is_old(
    remote: RemoteKeys, issuer: IssuerServer, clock: Clock, keys: dict[str, SigningKey]
) -> None:
    """An unknown key id fetches the list again, and a withdrawn key is no longer found."""
    await remote.find("current")
    issuer.keys = [keys["next"]]
    clock.now += PAUSE_SECONDS
    assert await remote.find("next") is not None
    assert await remote.find("current") is None, "a key that the issuer withdrew is not good any more"


async def test_made_up_key_ids_do_not_hammer_the_issuer(remote: RemoteKeys, issuer: IssuerServer, clock: Clock) -> None:
    """A hundred unknown key ids cost one request in each pause."""
    await remote.find("current")
    for number in range(100):
        assert await remote.find(f"made-up-{number}") is None
    assert len(issuer.requests) == 1
    clock.now += PAUSE_SECONDS
    for number in range(100):
        assert await remote.find(f"made-up-{number}") is None
    assert len(issuer.requests) == 2


async def test_all_who_come_at_once_share_one_fetch(remote: RemoteKeys, issuer: IssuerServer) -> None:
    """Even where the first of them hangs up."""
    issuer.may_answer.clear()
    asking = [asyncio.create_task(remote.find("current")) for _ in range(20)]
    await issuer.has_asked.wait()
    asking[0].cancel()
    issuer.may_answer.set()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(key is not None and not isinstance(key, BaseException) for key in found[1:])
    assert len(issuer.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"keys": []}',
        b'{"keys": {}}',
        b'{"keys": [{"kty": "RSA", "kid": "current"}]}',
    ],
    ids=["empty", "list", "none", "object", "unusable"],
)
async def test_answer_without_keys_leaves_the_old_ones(
    remote: RemoteKeys, issuer: IssuerServer, clock: Clock, body: bytes
) -> None:
    """A response without a signing key leaves the known keys in use."""
    await remote.find("current")
    issuer.body = body
    clock.now += MAX_AGE_SECONDS
    assert await remote.find("current") is not None
    assert len(issuer.requests) == 2


async def test_answer_without_end_is_not_read_to_it(
    remote: RemoteKeys, issuer: IssuerServer, keys: dict[str, SigningKey]
) -> None:
    """A response beyond the size limit counts as an outage."""
    issuer.body = b" " * MAX_BYTES + json.dumps({"keys": [keys["current"].to_jwk()]}).encode()
    with pytest.raises(KeysUnavailableError):
        await remote.find("current")


async def test_unusable_keys_do_not_hide_the_others(
    remote: RemoteKeys, issuer: IssuerServer, keys: dict[str, SigningKey]
) -> None:
    """A shared secret or a key for encryption is never one that signs."""
    current = keys["current"].to_jwk()
    others = [{"kty": "oct", "kid": "secret", "k": "AAAA"}, current | {"kid": "sealing", "use": "enc"}, {}, 7]
    issuer.body = json.dumps({"keys": [*others, current]}).encode()
    assert await remote.find("current") is not None
    assert await remote.find("secret") is None
    assert await remote.find("sealing") is None


async def test_outage_keeps_the_old_keys_and_keeps_nobody_waiting(
    remote: RemoteKeys, issuer: IssuerServer, clock: Clock
) -> None:
    """The first attempt fails; from then on, callers whose key is known are answered before the next one ends."""
    await remote.find("current")
    issuer.status = 500
    clock.now += MAX_AGE_SECONDS
    assert await remote.find("current") is not None
    assert len(issuer.requests) == 2
    issuer.may_answer.clear()
    issuer.has_asked.clear()
    clock.now += PAUSE_SECONDS
    assert await remote.find("current") is not None
    assert not issuer.has_asked.is_set()
    await issuer.has_asked.wait()
    issuer.may_answer.set()


async def test_outage_is_over_when_the_issuer_answers_again(
    remote: RemoteKeys, issuer: IssuerServer, clock: Clock, keys: dict[str, SigningKey]
) -> None:
    """After an outage, the next request brings the issuer's new keys."""
    await remote.find("current")
    issuer.status = 503
    clock.now += MAX_AGE_SECONDS
    await remote.find("current")
    issuer.status, issuer.keys = 200, [keys["next"]]
    clock.now += PAUSE_SECONDS
    assert await remote.find("next") is not None


async def test_outage_from_the_start_is_no_verdict_on_any_key(
    remote: RemoteKeys, issuer: IssuerServer, clock: Clock
) -> None:
    """Without any keys yet, an outage raises KeysUnavailableError at one request a pause, and ends with it."""
    issuer.status = 500
    for _ in range(3):
        with pytest.raises(KeysUnavailableError):
            await remote.find("current")
    assert len(issuer.requests) == 1
    issuer.status = 200
    clock.now += PAUSE_SECONDS
    assert await remote.find("current") is not None


async def test_redirects_are_not_followed(remote: RemoteKeys, issuer: IssuerServer) -> None:
    """A redirect of the issuer is not followed, and counts as an outage."""
    issuer.status = 302
    issuer.cache_control = f"max-age=9\r\nLocation: {issuer.address}/elsewhere"
    with pytest.raises(KeysUnavailableError):
        await remote.find("current")
    assert issuer.requests == ["/keys"]


async def test_keys_are_discovered(issuer: IssuerServer, clock: Clock) -> None:
    """Without a keys' address, the discovery document leads to the keys."""
    assert await RemoteKeys(issuer.address, None, clock).find("current") is not None
    assert issuer.requests == ["/.well-known/openid-configuration", "/keys"]


async def test_discovery_that_speaks_for_another_issuer_is_not_believed(issuer: IssuerServer, clock: Clock) -> None:
    """A discovery document of another issuer is refused, and no keys are fetched."""
    issuer.discovered_issuer = "https://another.example"
    with pytest.raises(KeysUnavailableError):
        await RemoteKeys(issuer.address, None, clock).find("current")
    assert issuer.requests == ["/.well-known/openid-configuration"]


async def test_request_in_an_outage_from_the_start_is_503(
    serve: Serve, guarded: Settings, issuer: IssuerServer, ask_viewer: Ask, mint: Mint
) -> None:
    """Not 401: whether the token is good cannot be said, and a client would throw it away."""
    issuer.status = 500
    async with serve(guarded) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        response = await ask_viewer(client, mint())
    assert response.status_code == 503
    assert response.headers["retry-after"] == "10"
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


async def test_key_rotation_over_http(
    guarded_client: httpx.AsyncClient,
    issuer: IssuerServer,
    keys: dict[str, SigningKey],
    ask_viewer: Ask,
    mint: Mint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tokens of the old and of the new key are good while the issuer publishes both."""
    monkeypatch.setattr("gql.authentication.jwks.PAUSE_SECONDS", 0)
    assert (await ask_viewer(guarded_client, mint())).status_code == 200
    issuer.keys.append(keys["next"])
    assert (await ask_viewer(guarded_client, mint("next"))).status_code == 200
    assert (await ask_viewer(guarded_client, mint())).status_code == 200
    issuer.keys.remove(keys["current"])
    await ask_viewer(guarded_client, mint("stranger"))
    assert (await ask_viewer(guarded_client, mint())).status_code == 401
