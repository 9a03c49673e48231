"""Access control: the identity of callers, and the count of their requests."""

from collections.abc import Mapping

from starlette.requests import HTTPConnection

from gql.authentication.authenticator import Authenticator
from gql.permissions import Principal
from gql.rate_limits.budgets import AUTHENTICATED_KEY, QUOTA_KEY, Budgets
from settings import Settings


class AccessControl:
    """Identifies callers by their tokens, and counts their requests against their budgets."""

    def __init__(self, settings: Settings, budgets: Budgets) -> None:
        self._authenticator = Authenticator(settings)
        self._budgets = budgets

    async def identify(self, connection: HTTPConnection, payload: Mapping[str, object] | None = None) -> Principal:
        """The caller of a request, or of a WebSocket by the `payload` of its `connection_init`.

        Marks the connection as authenticated. Raises `CallerRefusedError` for a bad token, and
        `KeysUnavailableError` during an outage of its issuer.
        """
        principal = await self._authenticator.authenticate(connection.headers, payload)
        setattr(connection.state, AUTHENTICATED_KEY, True)
        return principal

    async def admit(self, connection: HTTPConnection) -> Principal:
        """The caller of a request, which counts against their budget; the state of the request gets the quota.

        Raises as `identify` does, and `RateLimitedError` if the budget is used up.
        """
        principal = await self.identify(connection)
        setattr(connection.state, QUOTA_KEY, await self._budgets.admit(principal))
        return principal
