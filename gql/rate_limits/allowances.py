"""The allowance of a request: its principal's, or its address's if the caller is unknown."""

import ipaddress
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import Scope

from gql.permissions import Principal, Role
from settings import Settings

# The smallest part of IPv6 that one customer gets: each has 2⁶⁴ addresses to choose from.
_IPV6_PREFIX = 64
UNKNOWN_ADDRESS = "unknown"


class Allowance(NamedTuple):
    """The requests and reads that a caller may use in a minute. Unknown callers read nothing."""

    requests: int
    document_reads: int


def resolve_allowance(settings: Settings, principal: Principal) -> Allowance:
    """The allowance of the highest of the caller's roles."""
    if Role.ADMIN in principal.roles:
        return Allowance(settings.requests_per_minute_admin, settings.reads_per_minute_admin)
    if Role.WORKER in principal.roles:
        return Allowance(settings.requests_per_minute_worker, settings.reads_per_minute_worker)
    return Allowance(settings.requests_per_minute_user, settings.reads_per_minute_user)


def resolve_address(scope: Scope, trusted_hops: int) -> str:
    """The client's address, as the farthest of the trusted proxies saw it; IPv6 by its network."""
    client = scope.get("client")
    seen = [] if client is None else [client[0]]
    if trusted_hops:
        forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
        # What stands further left than our proxies wrote is the client's own invention.
        seen = [part.strip() for part in forwarded.split(",") if part.strip()][-trusted_hops:] or seen
    return _normalize(seen[0]) if seen else UNKNOWN_ADDRESS


def _normalize(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(_without_port(address))
    except ValueError:
        return UNKNOWN_ADDRESS
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))


def _without_port(address: str) -> str:
    """Some proxies write `1.2.3.4:50123` and `[2001:db8::1]:50123`: unknown, all clients would be one."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
