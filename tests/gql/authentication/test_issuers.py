"""The meaning of each issuer's claims: Firebase, other providers, Google's service accounts, and roles."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from gql.authentication.issuers import FIREBASE_JWKS_URL, GOOGLE_JWKS_URL
from settings import IssuerSettings, Settings
from tests.gql.authentication.conftest import AUDIENCE, IssuerServer, Mint, Serve

Ask = Callable[[httpx.AsyncClient, str | None], Awaitable[httpx.Response]]
AskSettings = Callable[..., Awaitable[httpx.Response]]
PROJECT = "our-project"
FIREBASE = {"iss": f"https://securetoken.google.com/{PROJECT}", "aud": PROJECT, "auth_time": 1}
WORKER = {
    "iss": "https://accounts.google.com",
    "aud": "https://clips.example",
    "sub": "1029384756",
    "email": "cutter@our-project.iam.gserviceaccount.com",
    "email_verified": True,
}


@pytest.fixture
def ask(serve: Serve, settings: Settings, ask_viewer: Ask) -> AskSettings:
    """Asks who the caller is, of a server with changed settings."""

    async def ask(changes: dict[str, Any], token: str) -> httpx.Response:
        async with (
            serve(settings.model_copy(update=changes)) as address,
            httpx.AsyncClient(base_url=address, trust_env=False) as client,
        ):
            return await ask_viewer(client, token)

    return ask


@pytest.fixture
def googles(issuer: IssuerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's keys come from the test's own issuer."""
    for name in ("FIREBASE_JWKS_URL", "GOOGLE_JWKS_URL"):
        monkeypatch.setattr(f"gql.authentication.issuers.{name}", f"{issuer.address}/keys")


def read_viewer(response: httpx.Response) -> tuple[str, list[str]]:
    viewer = response.json()["data"]["viewer"]
    return viewer["userId"], viewer["roles"]


def test_googles_keys_are_at_googles_addresses() -> None:
    """The keys of Firebase and of Google come from Google's own addresses."""
    assert FIREBASE_JWKS_URL.startswith("https://www.googleapis.com/service_accounts/v1/jwk/securetoken@")
    assert GOOGLE_JWKS_URL == "https://www.googleapis.com/oauth2/v3/certs"


@pytest.mark.usefixtures("googles")
async def test_firebase_user_is_known_by_the_project_alone(ask: AskSettings, mint: Mint) -> None:
    """With only the Firebase project set, a Firebase token is its user's."""
    response = await ask({"auth_firebase_project": PROJECT}, mint(**FIREBASE))
    assert read_viewer(response) == ("owner", ["USER"])


@pytest.mark.usefixtures("googles")
@pytest.mark.parametrize(
    "changes",
    [
        {"auth_time": int(time.time()) + 10_000_000},
        {"auth_time": None},
        {"auth_time": "1"},
        {"auth_time": True},
        {"aud": "another-project"},
        {"iss": "https://securetoken.google.com/another-project"},
    ],
    ids=" ".join,  # every worker must see the same names
)
async def test_firebase_token_that_says_something_wrong_is_refused(
    ask: AskSettings, mint: Mint, changes: dict[str, Any]
) -> None:
    """A Firebase token with a wrong audience, issuer or sign-in time gets 401."""
    assert (await ask({"auth_firebase_project": PROJECT}, mint(**FIREBASE | changes))).status_code == 401


@pytest.mark.usefixtures("googles")
async def test_firebase_roles_count_only_where_a_setting_names_their_claim(ask: AskSettings, mint: Mint) -> None:
    """The roles of a Firebase token count only if a setting names their claim."""
    token = mint(**FIREBASE, roles=["admin", "editor", 7])
    assert read_viewer(await ask({"auth_firebase_project": PROJECT}, token)) == ("owner", ["USER"])
    named = {"auth_firebase_project": PROJECT, "auth_firebase_roles_claim": "roles"}
    assert read_viewer(await ask(named, token)) == ("owner", ["ADMIN", "USER"])


@pytest.mark.usefixtures("googles")
async def test_admins_are_named_by_their_ids(ask: AskSettings, mint: Mint) -> None:
    """A user listed in CLIPGRAPH_AUTH_ADMIN_USER_IDS is an admin, and another user is not."""
    changes = {"auth_firebase_project": PROJECT, "auth_admin_user_ids": ("owner",)}
    assert read_viewer(await ask(changes, mint(**FIREBASE))) == ("owner", ["ADMIN", "USER"])
    assert read_viewer(await ask(changes, mint(**FIREBASE, sub="other"))) == ("other", ["USER"])


@pytest.mark.usefixtures("googles")
async def test_service_account_is_a_worker_under_its_email(ask: AskSettings, mint: Mint) -> None:
    """A listed service account is a worker, with its email as user id."""
    changes = {"auth_worker_audience": WORKER["aud"], "auth_worker_accounts": (WORKER["email"],)}
    assert read_viewer(await ask(changes, mint(**WORKER))) == (WORKER["email"], ["WORKER"])


@pytest.mark.usefixtures("googles")
@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "cutter@another-project.iam.gserviceaccount.com"},
        {"email": None},
        {"email": ["cutter@our-project.iam.gserviceaccount.com"]},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"aud": "https://another.example"},
    ],
    ids=str,
)
async def test_other_google_accounts_are_no_workers(ask: AskSettings, mint: Mint, wrong: dict[str, Any]) -> None:
    """Anyone can have Google sign a token for any audience: the email decides."""
    changes = {"auth_worker_audience": WORKER["aud"], "auth_worker_accounts": (WORKER["email"],)}
    assert (await ask(changes, mint(**WORKER | wrong))).status_code == 401


@pytest.mark.usefixtures("googles")
async def test_users_and_workers_of_one_issuer_are_told_apart_by_their_audience(ask: AskSettings, mint: Mint) -> None:
    """Tokens of one issuer are a worker's or a user's according to their audience."""
    users = IssuerSettings(issuer=str(WORKER["iss"]), audience=("web-client",))
    changes = {"auth_worker_audience": WORKER["aud"], "auth_worker_accounts": (WORKER["email"],)}
    from gql.authentication import issuers

    entry = users.model_copy(update={"jwks_url": issuers.GOOGLE_JWKS_URL})
    both = changes | {"auth_issuers": (entry,)}
    assert read_viewer(await ask(both, mint(**WORKER))) == (WORKER["email"], ["WORKER"])
    assert read_viewer(await ask(both, mint(**WORKER | {"aud": "web-client"}))) == (WORKER["sub"], ["USER"])


@pytest.mark.parametrize(
    ("entry", "said", "expected"),
    [
        ({}, {"roles": ["admin"]}, ("owner", ["USER"])),
        ({"roles_claim": "groups"}, {"groups": "worker"}, ("owner", ["USER", "WORKER"])),
        (
            {"roles_claim": ["realm_access", "roles"], "roles": {"clip-admin": "admin"}},
            {"realm_access": {"roles": ["clip-admin", "worker"]}},
            ("owner", ["ADMIN", "USER"]),
        ),
        ({"roles_claim": ["realm_access", "roles"]}, {"realm_access": "admin"}, ("owner", ["USER"])),
        ({"roles_claim": "https://clips.example/roles"}, {"https://clips.example/roles": ["admin"]},
         ("owner", ["ADMIN", "USER"])),
        ({"user_id_claim": "oid"}, {"oid": "o-1"}, ("o-1", ["USER"])),
        ({"user_id_prefix": "staff:"}, {}, ("staff:owner", ["USER"])),
        ({"user_id_claim": "email"}, {"email": "a@b.example", "email_verified": True}, ("a@b.example", ["USER"])),
    ],
    ids=str,
)  # fmt: skip
async def test_claims_are_read_as_the_settings_say(
    ask: AskSettings,
    issuer: IssuerServer,
    mint: Mint,
    entry: dict[str, Any],
    said: dict[str, Any],
    expected: tuple[str, list[str]],
) -> None:
    """The user id and the roles come from the claims that the issuer's settings name."""
    given = {"issuer": issuer.address, "audience": AUDIENCE, **entry}
    changes = {"auth_issuers": (IssuerSettings.model_validate(given),)}
    assert read_viewer(await ask(changes, mint(**said))) == expected


async def test_unverified_email_is_no_user_id(ask: AskSettings, issuer: IssuerServer, mint: Mint) -> None:
    """A token with an unverified email gets 401 if the email is the user id."""
    entry = IssuerSettings(issuer=issuer.address, audience=(AUDIENCE,), user_id_claim="email")
    token = mint(email="victim@b.example", email_verified=False)
    assert (await ask({"auth_issuers": (entry,)}, token)).status_code == 401


async def test_proxy_may_pass_the_token_on_in_a_header_of_its_own(serve: Serve, guarded: Settings, mint: Mint) -> None:
    """As Cloudflare Access does. `Authorization`, where there is one, goes first, and is judged."""
    query = {"query": "{ viewer { userId roles } }"}
    settings = guarded.model_copy(update={"auth_token_header": "Cf-Access-Jwt-Assertion"})
    async with serve(settings) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        passed_on = {"cf-access-jwt-assertion": mint()}
        assert read_viewer(await client.post("/graphql", json=query, headers=passed_on)) == ("owner", ["USER"])
        both = passed_on | {"authorization": "Bearer bad"}
        assert (await client.post("/graphql", json=query, headers=both)).status_code == 401


async def test_header_of_a_proxy_counts_only_where_a_setting_names_it(
    guarded_client: httpx.AsyncClient, mint: Mint
) -> None:
    """A token in a proxy's header gets 401 unless a setting names that header."""
    headers = {"cf-access-jwt-assertion": mint()}
    response = await guarded_client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert response.status_code == 401


@pytest.mark.parametrize(
    "entry",
    [
        {"issuer": "http://issuer.example", "audience": "a"},
        {"issuer": "https://issuer.example", "audience": []},
        {"issuer": "https://issuer.example", "audience": ""},
        {"issuer": "https://issuer.example"},
        {"issuer": "https://issuer.example", "audience": "a", "algorithms": ["HS256"]},
        {"issuer": "https://issuer.example", "audience": "a", "algorithms": ["none"]},
        {"issuer": "https://issuer.example", "audience": "a", "algorithms": []},
        {"issuer": "https://issuer.example", "audience": "a", "jwks_url": "http://keys.example"},
        {"issuer": "https://issuer.example", "audience": "a", "role_claim": "a misspelt name"},
    ],
    ids=str,
)
def test_issuer_that_could_not_be_trusted_is_no_setting(entry: dict[str, Any]) -> None:
    """An issuer entry without https, audience or a safe algorithm fails the validation of the settings."""
    with pytest.raises(ValueError, match="auth_issuers"):
        Settings.model_validate({"auth_issuers": [entry]})
