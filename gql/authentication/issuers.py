"""The issuers whose tokens are accepted, and the meaning of their claims."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.identifiers import parse_form_c, parse_user_id
from gql.authentication.dev_tokens import DEV_AUDIENCE, DEV_ISSUER, DEV_ROLES_CLAIM, DevKeys
from gql.authentication.errors import CallerRefusedError
from gql.authentication.jwks import KeySource, RemoteKeys
from gql.permissions import Role
from settings import IssuerSettings, Settings

CLOCK_SKEW_SECONDS = 60
"""How far an issuer's clock and ours may be apart."""

FIREBASE_ISSUER = "https://securetoken.google.com/"
FIREBASE_JWKS_URL = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
GOOGLE_ISSUER = "https://accounts.google.com"
GOOGLE_JWKS_URL = "https://www.googleapis.com/oauth2/v3/certs"

Claims = Mapping[str, Any]
Identity = tuple[str, frozenset[Role]]


@dataclass(frozen=True)
class Issuer:
    """One issuer of tokens; `identify` turns verified claims into a user id and roles."""

    name: str
    audience: tuple[str, ...]
    algorithms: tuple[str, ...]
    keys: KeySource
    identify: Callable[[Claims], Identity]

    def accepts(self, audience: object) -> bool:
        """Whether an unverified `aud` is ours: a text, or a list of them."""
        named = audience if isinstance(audience, list) else [audience]
        return any(name in self.audience for name in named if isinstance(name, str))


def read_issuers(settings: Settings) -> list[Issuer]:
    """Every issuer that the settings name; without any, the development key of the data directory."""
    issuers = [_make_issuer(entry) for entry in settings.auth_issuers]
    if settings.auth_firebase_project:
        issuers.append(_make_firebase(settings.auth_firebase_project, settings.auth_firebase_roles_claim))
    if settings.auth_worker_audience:
        issuers.append(_make_worker_issuer(settings.auth_worker_audience, settings.auth_worker_accounts))
    if not settings.has_issuer:
        issuers.append(_make_dev_issuer(DevKeys(settings.data_dir)))
    return issuers


def _make_issuer(entry: IssuerSettings) -> Issuer:
    keys = RemoteKeys(entry.issuer, entry.jwks_url)
    return Issuer(entry.issuer, entry.audience, entry.algorithms, keys, lambda claims: identify_user(claims, entry))


def _make_firebase(project: str, roles_claim: str | None) -> Issuer:
    entry = IssuerSettings(
        issuer=f"{FIREBASE_ISSUER}{project}",
        audience=(project,),
        jwks_url=FIREBASE_JWKS_URL,
        roles_claim=(roles_claim,) if roles_claim else None,
    )

    def identify(claims: Claims) -> Identity:
        _assert_past(claims.get("auth_time"))
        return identify_user(claims, entry)

    return Issuer(entry.issuer, entry.audience, entry.algorithms, RemoteKeys(entry.issuer, entry.jwks_url), identify)


def _make_worker_issuer(audience: str, accounts: tuple[str, ...]) -> Issuer:
    def identify(claims: Claims) -> Identity:
        email = claims.get("email")
        if email not in accounts or claims.get("email_verified") is not True:
            raise CallerRefusedError("The token's service account is not a worker.")
        return _parse_user_id(email), frozenset({Role.WORKER})

    return Issuer(GOOGLE_ISSUER, (audience,), ("RS256",), RemoteKeys(GOOGLE_ISSUER, GOOGLE_JWKS_URL), identify)


def _make_dev_issuer(keys: DevKeys) -> Issuer:
    entry = IssuerSettings(
        issuer=DEV_ISSUER, audience=(DEV_AUDIENCE,), algorithms=("ES256",), roles_claim=(DEV_ROLES_CLAIM,)
    )
    return Issuer(entry.issuer, entry.audience, entry.algorithms, keys, lambda claims: identify_user(claims, entry))


def identify_user(claims: Claims, entry: IssuerSettings) -> Identity:
    """The user's id and roles, as the issuer's settings read them."""
    # Who may choose an address that nobody has verified, could choose another user's.
    if entry.user_id_claim == "email" and claims.get("email_verified", True) is not True:
        raise CallerRefusedError("The token's email is not verified.")
    value = claims.get(entry.user_id_claim)
    if not isinstance(value, str) or not value:
        raise CallerRefusedError("The token has no user id.")
    return _parse_user_id(entry.user_id_prefix + value), _read_roles(claims, entry)


def _read_roles(claims: Claims, entry: IssuerSettings) -> frozenset[Role]:
    value: Any = claims
    for name in entry.roles_claim or ():
        value = value.get(name) if isinstance(value, Mapping) else None
    named = value if isinstance(value, list) else [value]
    known = {Role(entry.roles[name]) for name in named if isinstance(name, str) and name in entry.roles}
    return frozenset({Role.USER} | known) if entry.roles_claim else frozenset({Role.USER})


def _parse_user_id(value: str) -> str:
    try:
        return parse_form_c(parse_user_id(value))
    except ValueError:
        rule = "at most 128 characters in Unicode's form C, no `/`"
        raise CallerRefusedError(f"The token's user id is not valid: {rule}.") from None


def _assert_past(seconds: object) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise CallerRefusedError("The token has no `auth_time`.")
    if seconds > time.time() + CLOCK_SKEW_SECONDS:
        raise CallerRefusedError("The token's `auth_time` is in the future.")
