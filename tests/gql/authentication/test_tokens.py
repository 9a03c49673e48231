"""Which tokens are taken, over real HTTP: everything that a token says is held against what it must say."""

import base64
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from gql.authentication.tokens import MAX_TOKEN_CHARACTERS
from settings import IssuerSettings, Settings
from tests.gql.authentication.conftest import AUDIENCE, IssuerServer, Mint, Serve, SigningKey

Ask = Callable[[httpx.AsyncClient, str | None], Awaitable[httpx.Response]]
# Of the collection; tests run minutes later.
NOW = int(time.time())
MUCH_LATER = NOW + 10_000_000


def assert_refused(response: httpx.Response, reason: str) -> None:
    """401 that says why, to programs and to people, in the shape of a GraphQL answer without data."""
    assert response.status_code == 401, response.text
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    assert reason in error["message"]
    assert "data" not in response.json()
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_good_token_is_its_user(guarded_client: httpx.AsyncClient, ask_viewer: Ask, mint: Mint) -> None:
    """A valid token's request runs as its user."""
    response = await ask_viewer(guarded_client, mint())
    assert response.json()["data"] == {"viewer": {"userId": "owner", "roles": ["USER"]}}


async def test_no_token_is_told_to_send_one(guarded_client: httpx.AsyncClient, ask_viewer: Ask) -> None:
    """Without an `error`, as RFC 6750 has it for a request that lacks credentials."""
    response = await ask_viewer(guarded_client, None)
    assert_refused(response, "Send a token")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": NOW - 61}, "expired"),
        ({"exp": None}, "lacks one of the required claims"),
        ({"exp": "soon"}, "is malformed"),
        ({"exp": float("inf")}, "is malformed"),
        ({"iat": []}, "is malformed"),
        ({"padding": "x" * MAX_TOKEN_CHARACTERS}, "is malformed"),
        ({"iat": MUCH_LATER}, "not valid yet"),
        ({"iat": None}, "lacks one of the required claims"),
        ({"nbf": MUCH_LATER}, "not valid yet"),
        ({"aud": "another"}, "another audience"),
        ({"aud": ["another"]}, "another audience"),
        ({"aud": None}, "lacks one of the required claims"),
        ({"aud": {"our-audience": 1}}, "another audience"),
        ({"iss": "https://another.example"}, "issuer is not trusted"),
        ({"iss": None}, "issuer is not trusted"),
        ({"sub": None}, "has no user id"),
        ({"sub": ""}, "has no user id"),
        ({"sub": "x" * 129}, "user id is not valid"),
        ({"sub": "a/b"}, "user id is not valid"),
        ({"sub": "__a__"}, "user id is not valid"),
        ({"sub": "cafe\u0301"}, "form C"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else value,  # every worker must see the same names
)
async def test_token_that_says_something_wrong_is_refused_with_the_reason(
    guarded_client: httpx.AsyncClient, ask_viewer: Ask, mint: Mint, changes: dict[str, Any], reason: str
) -> None:
    """A token with a wrong or missing claim gets 401 with a reason."""
    assert_refused(await ask_viewer(guarded_client, mint(**changes)), reason)


@pytest.mark.parametrize(("claim", "offset_seconds"), [("exp", -30), ("iat", 30), ("nbf", 30)])
async def test_clocks_may_be_a_minute_apart(
    guarded_client: httpx.AsyncClient, ask_viewer: Ask, mint: Mint, claim: str, offset_seconds: int
) -> None:
    """A token is accepted if the issuer's clock is 30 seconds off."""
    token = mint(**{claim: int(time.time()) + offset_seconds})
    assert (await ask_viewer(guarded_client, token)).status_code == 200


async def test_stranger_signing_under_a_known_key_id_is_refused(
    guarded_client: httpx.AsyncClient, ask_viewer: Ask, mint: Mint
) -> None:
    """A token signed by another key under a known key id gets 401."""
    forged = mint("stranger", headers={"kid": "current"})
    assert_refused(await ask_viewer(guarded_client, forged), "signature is not valid")


async def test_changed_claims_are_refused(guarded_client: httpx.AsyncClient, ask_viewer: Ask, mint: Mint) -> None:
    """A token whose claims were replaced after signing gets 401."""
    head, _, signature = mint().split(".")
    _, body, _ = mint(sub="another").split(".")
    assert_refused(await ask_viewer(guarded_client, f"{head}.{body}.{signature}"), "signature is not valid")


async def test_unsigned_token_is_refused(
    guarded_client: httpx.AsyncClient, ask_viewer: Ask, claims: dict[str, Any]
) -> None:
    """A token with the algorithm `none` gets 401."""
    unsigned = jwt.encode(claims, "", "none", {"kid": "current"})
    assert_refused(await ask_viewer(guarded_client, unsigned), "algorithm is not accepted")


async def test_public_key_used_as_a_shared_secret_is_refused(
    guarded_client: httpx.AsyncClient, ask_viewer: Ask, keys: dict[str, SigningKey], mint: Mint
) -> None:
    """PyJWT itself would not sign so; whoever attacks does."""
    import hashlib
    import hmac

    public = keys["current"].private.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": "current"}).encode()).rstrip(b"=").decode()
    signed = f"{head}.{mint().split('.')[1]}"
    signature = base64.urlsafe_b64encode(hmac.digest(pem, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()
    assert_refused(await ask_viewer(guarded_client, f"{signed}.{signature}"), "algorithm is not accepted")


async def test_algorithm_that_the_settings_do_not_name_is_refused(
    guarded_client: httpx.AsyncClient, issuer: IssuerServer, keys: dict[str, SigningKey], ask_viewer: Ask, mint: Mint
) -> None:
    """The issuer has the key, and the token is well signed: only our settings do not want ES256."""
    issuer.keys.append(keys["curve"])
    assert_refused(await ask_viewer(guarded_client, mint("curve")), "algorithm is not accepted")


async def test_curves_are_taken_where_the_settings_name_them(
    serve: Serve, guarded: Settings, issuer: IssuerServer, keys: dict[str, SigningKey], ask_viewer: Ask, mint: Mint
) -> None:
    """An ES256 token is accepted if the settings name ES256, and refused under an RSA key's id."""
    issuer.keys.append(keys["curve"])
    entry = IssuerSettings(issuer=issuer.address, audience=(AUDIENCE,), algorithms=("RS256", "ES256"))
    settings = guarded.model_copy(update={"auth_issuers": (entry,)})
    async with serve(settings) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        assert (await ask_viewer(client, mint("curve"))).status_code == 200
        crossed = mint("curve", headers={"kid": "current"})
        assert_refused(await ask_viewer(client, crossed), "is unknown to its issuer")


@pytest.mark.parametrize("headers", [{"kid": None}, {"kid": "unknown"}, {"kid": 7}], ids=str)
async def test_token_without_a_key_of_its_issuer_is_refused(
    guarded_client: httpx.AsyncClient, ask_viewer: Ask, claims: dict[str, Any], headers: dict[str, Any]
) -> None:
    """A token with a missing, unknown or non-text key id gets 401."""
    head = base64.urlsafe_b64encode(json.dumps({"alg": "RS256"} | headers).encode()).rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    response = await ask_viewer(guarded_client, f"{head}.{body}.AAAA")
    assert response.status_code == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", "....", "e30.e30.e30", "eyJhbGciOiJSUzI1NiJ9.W10.AAAA"])
async def test_what_is_no_token_is_refused(guarded_client: httpx.AsyncClient, ask_viewer: Ask, token: str) -> None:
    """A text that is not a JSON Web Token gets 401."""
    assert_refused(await ask_viewer(guarded_client, token), "")


async def test_deeply_nested_claims_are_refused(guarded_client: httpx.AsyncClient, ask_viewer: Ask) -> None:
    """Claims nested deeper than the JSON parser's stack get 401."""
    body = base64.urlsafe_b64encode(b"[" * 9000).rstrip(b"=").decode()
    assert_refused(await ask_viewer(guarded_client, f"eyJhbGciOiJSUzI1NiJ9.{body}.AAAA"), "is malformed")


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "token"])
async def test_other_credentials_are_refused(guarded_client: httpx.AsyncClient, value: str) -> None:
    """Basic credentials, and a header without a bearer token, get 401."""
    response = await guarded_client.post("/graphql", json={"query": "{ __typename }"}, headers={"authorization": value})
    assert_refused(response, "Authorization: Bearer")


async def test_two_tokens_are_refused(guarded_client: httpx.AsyncClient, mint: Mint) -> None:
    """A request with two Authorization headers gets 401."""
    given = [("authorization", f"Bearer {mint()}"), ("authorization", f"Bearer {mint(sub='another')}")]
    response = await guarded_client.post("/graphql", json={"query": "{ __typename }"}, headers=given)
    assert_refused(response, "one `Authorization`")


async def test_refused_request_is_not_read(guarded_client: httpx.AsyncClient) -> None:
    """Authentication comes before the body: a malformed request without a token gets 401."""
    assert_refused(await guarded_client.post("/graphql", content=b"{"), "Send a token")
    assert_refused(await guarded_client.get("/graphql", params={"query": "{ __typename }"}), "Send a token")


async def test_no_reason_tells_our_settings(
    guarded_client: httpx.AsyncClient, ask_viewer: Ask, issuer: IssuerServer, mint: Mint
) -> None:
    """The reason of a refusal names neither our audience nor our issuer."""
    for changes in ({"aud": "another"}, {"iss": "https://another.example"}, {"sub": ""}):
        text = (await ask_viewer(guarded_client, mint(**changes))).text
        assert AUDIENCE not in text
        assert issuer.address not in text
