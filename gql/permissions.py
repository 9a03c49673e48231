"""Who may do what: the one place that decides."""

from dataclasses import dataclass
from enum import StrEnum

from gql.errors import forbidden


class Role(StrEnum):
    """What a caller is."""

    USER = "user"
    WORKER = "worker"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """Who is calling."""

    user_id: str
    roles: frozenset[Role]

    @property
    def may_act_for_others(self) -> bool:
        """Workers and admins read and write for any user."""
        return not self.roles.isdisjoint({Role.WORKER, Role.ADMIN})


def resolve_user_id(principal: Principal, user_id: str | None) -> str:
    """Whose data a request is about: the caller's own, or the user's that a worker or admin names."""
    if user_id is None or user_id == principal.user_id:
        return principal.user_id
    if not principal.may_act_for_others:
        raise forbidden()
    return user_id
