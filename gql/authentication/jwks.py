"""An issuer's public keys, fetched from its address and kept."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

import jwt
import structlog

from gql.authentication.errors import RETRY_AFTER_SECONDS, KeysUnavailableError
from gql.authentication.issuer_client import Fetched, FetchError, fetch_json

log = structlog.get_logger(__name__)

# Tokens with made-up key ids must not make us ask the issuer more often than this, nor must an outage.
PAUSE_SECONDS = RETRY_AFTER_SECONDS


class KeySource(Protocol):
    """Where the keys of an issuer come from."""

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key, or None; `KeysUnavailableError` where that cannot be said."""


class RemoteKeys:
    """The keys at an address. They are good for as long as its headers say, and through an outage for longer.

    Where `jwks_url` is None, the issuer's discovery document says where they are.
    """

    def __init__(self, issuer: str, jwks_url: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._good_until = self._next_try_at = clock()
        self._is_failing = False
        self._refreshing: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key, asking the issuer where ours are old or lack it; all who come meanwhile wait for the same answer."""
        now = self._clock()
        is_known = key_id in self._keys
        if is_known and now < self._good_until:
            return self._keys[key_id]
        if self._refreshing is None and now >= self._next_try_at:
            self._refreshing = asyncio.create_task(self._refresh())
        # In an outage, callers whose key we know are not kept waiting for the next attempt.
        if self._refreshing is not None and not (is_known and self._is_failing):
            # Shielded: the first caller may hang up, and the others still wait.
            await asyncio.shield(self._refreshing)
        if not self._keys:
            raise KeysUnavailableError
        return self._keys.get(key_id)

    async def _refresh(self) -> None:
        try:
            fetched = await self._fetch()
            self._keys = read_keys(fetched.content)
            self._good_until = self._clock() + fetched.good_for_seconds
            self._is_failing = False
        except (FetchError, ValueError) as error:
            self._is_failing = True
            log.warning("issuer_keys_unavailable", issuer=self._issuer, reason=str(error), kept=len(self._keys))
        finally:
            self._next_try_at = self._clock() + PAUSE_SECONDS
            self._refreshing = None

    async def _fetch(self) -> Fetched:
        return await fetch_json(self._jwks_url or await discover_jwks_url(self._issuer))


async def discover_jwks_url(issuer: str) -> str:
    """The address of the issuer's keys, as its discovery document says; ValueError where it speaks for another."""
    discovered = (await fetch_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")).content
    url = discovered.get("jwks_uri")
    if discovered.get("issuer") != issuer or not isinstance(url, str):
        raise ValueError("the discovery document has another issuer, or no `jwks_uri`")
    if issuer.startswith("https:") and not url.startswith("https:"):
        raise ValueError("the discovery document has an address without https")
    return url


def read_keys(content: dict[str, Any]) -> dict[str, jwt.PyJWK]:
    """The signing keys of a JWKS by their ids; ValueError where there are none. Others are left out."""
    listed = content.get("keys")
    found = {}
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, dict) or entry.get("kty") not in {"RSA", "EC"} or entry.get("use", "sig") != "sig":
            continue
        key_id = entry.get("kid")
        try:
            key = jwt.PyJWK.from_dict(entry)
        except (jwt.PyJWTError, KeyError, ValueError):
            continue
        if isinstance(key_id, str):
            found[key_id] = key
    if not found:
        raise ValueError("the key set has no signing key")
    return found
