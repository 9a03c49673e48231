"""The request: its caller, its loaders, and the services behind the API. Every resolver gets it as `info.context`."""

import asyncio
from dataclasses import dataclass, field

import strawberry

from gql.execution.disconnects import DisconnectWatcher
from gql.loaders import Loaders
from gql.permissions import Principal
from gql.rate_limits.event_scope import EventScope
from gql.services import Services


@dataclass(frozen=True)
class Context:
    """One request: its caller, its loaders (new for each request) and the services."""

    principal: Principal
    services: Services
    loaders: Loaders
    request_id: str
    event: EventScope = field(default_factory=EventScope)
    # In the loop's time. The deadline counts from here, whatever the request waits for.
    arrived_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    # Where hanging up is to cancel what runs: over HTTP, for operations with one answer.
    disconnect_watcher: DisconnectWatcher | None = None
    is_on_socket: bool = False

    @property
    def hides_suggestions(self) -> bool:
        """Whether errors name nothing of the schema that the caller has not named."""
        return not self.services.settings.has_introspection


Info = strawberry.Info[Context, None]
