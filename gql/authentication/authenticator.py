"""The authenticator: from a request's headers to its caller."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.datastructures import Headers

from gql.authentication.api_keys import PREFIX, ApiKeys
from gql.authentication.errors import CallerRefusedError
from gql.authentication.issuers import read_issuers
from gql.authentication.tokens import TokenVerifier
from gql.permissions import Principal, Role
from settings import Settings

DEMO_USER_ID = "demo"
DEMO_PRINCIPAL = Principal(user_id=DEMO_USER_ID, roles=frozenset({Role.USER, Role.WORKER}))


class Authenticator:
    """Identifies callers by the issuers and API keys of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._verifier = TokenVerifier(read_issuers(settings))
        self._api_keys = ApiKeys(settings.auth_api_keys)
        self._admin_user_ids = frozenset(settings.auth_admin_user_ids)
        self._token_header = settings.auth_token_header
        self._demo = None if settings.has_issuer else DEMO_PRINCIPAL

    async def authenticate(self, headers: Headers, payload: Mapping[str, object] | None = None) -> Principal:
        """The caller of a request, or of a WebSocket by the `payload` of its `connection_init`.

        Without a token it is the demo user if no issuer is set; a bad token never counts as none. Raises
        `CallerRefusedError`, and `KeysUnavailableError` during an issuer's outage.
        """
        token = _read_payload(payload or {}) or self._read_headers(headers)
        if token is None:
            if self._demo is None:
                raise CallerRefusedError("Send a token: `Authorization: Bearer TOKEN`.", is_missing=True)
            return self._demo
        if token.startswith(PREFIX):
            return self._with_admin(self._api_keys.identify(token))
        return self._with_admin(await self._verifier.verify(token))

    def _read_headers(self, headers: Headers) -> str | None:
        given = headers.getlist("authorization")
        if len(given) > 1:
            raise CallerRefusedError("Send one `Authorization` header.")
        if given:
            return read_bearer(given[0])
        return headers.get(self._token_header) if self._token_header else None

    def _with_admin(self, principal: Principal) -> Principal:
        # A worker's name is no user's id.
        if Role.USER not in principal.roles or principal.user_id not in self._admin_user_ids:
            return principal
        return replace(principal, roles=principal.roles | {Role.ADMIN})


def read_bearer(value: str) -> str:
    """The token of an `Authorization` header."""
    scheme, _, token = value.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise CallerRefusedError("Send a token as `Authorization: Bearer TOKEN`.")
    return token.strip()


def _read_payload(payload: Mapping[str, object]) -> str | None:
    """The token in the parameters of a socket, whose keys are compared as headers' names are."""
    for name, value in payload.items():
        if name.lower() == "authorization":
            if not isinstance(value, str):
                raise CallerRefusedError("`Authorization` must be a text: `Bearer TOKEN`.")
            return read_bearer(value)
    return None
