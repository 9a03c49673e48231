"""Permissions: the one table of which role may do which action."""

import time
from dataclasses import dataclass
from enum import StrEnum

from gql.errors import forbidden


class Role(StrEnum):
    """The role of a caller."""

    USER = "user"
    WORKER = "worker"
    ADMIN = "admin"


class Action(StrEnum):
    """An action on a user's videos and clips."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"


_NONE: frozenset[Action] = frozenset()
_ALL = frozenset(Action)
# A worker deletes as well: who may overwrite every file would gain nothing by being kept from it.
_MAY_DO_TO_OWN = {Role.USER: frozenset({Action.READ, Action.DELETE}), Role.WORKER: _ALL, Role.ADMIN: _ALL}
_MAY_DO_TO_ANYONES = {Role.USER: _NONE, Role.WORKER: _ALL, Role.ADMIN: _ALL}


@dataclass(frozen=True)
class Principal:
    """The authenticated caller; `expires_at` is in seconds since 1970, None without an end."""

    user_id: str
    roles: frozenset[Role]
    expires_at: float | None = None
    # Who says so: the issuer of a token, or `API_KEY`; empty for the demo user.
    issuer: str = ""

    @property
    def caller(self) -> str:
        """The name by which limits count: ids of different issuers, or of a user and an API key, may be the same."""
        return f"{self.issuer} {self.user_id}"

    @property
    def is_expired(self) -> bool:
        """Whether the caller's token has expired."""
        return self.expires_at is not None and time.time() >= self.expires_at

    @property
    def expires_in_seconds(self) -> float | None:
        """For how long it is known; None where that does not end."""
        return None if self.expires_at is None else max(0.0, self.expires_at - time.time())


API_KEY = "api-key"
"""What API keys have for an issuer: real ones have addresses."""

ANONYMOUS = Principal(user_id="", roles=frozenset())
"""A caller of whom nothing is known yet. They may do nothing."""


def may(principal: Principal, action: Action, owner_id: str) -> bool:
    """Whether the caller may do this action to the owner's data."""
    table = _MAY_DO_TO_OWN if owner_id == principal.user_id else _MAY_DO_TO_ANYONES
    return any(action in table[role] for role in principal.roles)


def resolve_user_id(principal: Principal, user_id: str | None, action: Action = Action.READ) -> str:
    """The owner of a request's data: the named user, or the caller; FORBIDDEN if the caller may not."""
    owner_id = principal.user_id if user_id is None else user_id
    if may(principal, action, owner_id):
        return owner_id
    is_own = owner_id == principal.user_id
    raise forbidden(
        f"Your role may not {action} videos and clips." if is_own else "Your role may not act for another user."
    )
