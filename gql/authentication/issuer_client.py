"""JSON from an issuer: small, in time, and with how long it may be kept."""

import asyncio
import json
import re
from functools import cache
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import httpx

# An issuer that takes longer is taken for away.
FETCH_TIMEOUT_SECONDS = 5.0
# Google's keys are 2 KB, and no issuer's are 1 MB.
MAX_BYTES = 1_048_576
# Below, a careless `max-age=0` would ask the issuer at each request; above, a withdrawn key would live for long.
MIN_AGE_SECONDS, MAX_AGE_SECONDS = 60, 86_400
DEFAULT_AGE_SECONDS = 3_600

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})", re.IGNORECASE)
_FORBIDS_KEEPING = re.compile(r"(?:^|[\s,])no-(?:store|cache)\b", re.IGNORECASE)


class FetchError(Exception):
    """The issuer does not answer, or answers something else."""


class Fetched(NamedTuple):
    """A JSON object, and the seconds for which it is good."""

    content: dict[str, Any]
    good_for_seconds: int


def prepare() -> None:
    """All that `fetch_json` imports is imported: half a second in which a server that runs would answer nobody."""
    import anyio
    import httpx

    # Its own loop, in which it imports what it needs of asyncio.
    anyio.run(anyio.sleep, 0)
    httpx.AsyncClient(verify=_tls_context())


async def fetch_json(url: str) -> Fetched:
    """The JSON object at `url`; `FetchError` for any other response, or none."""
    # A tenth of a second that only those wait for who have an issuer.
    import httpx

    try:
        # Redirects are not followed: they could lead from https to anywhere.
        async with (
            asyncio.timeout(FETCH_TIMEOUT_SECONDS),
            httpx.AsyncClient(verify=_tls_context()) as client,
            client.stream("GET", url, headers={"accept": "application/json"}) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise FetchError(f"status {response.status_code}")
            body = await _read(response)
        return Fetched(_parse_object(body), _read_age(response.headers))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
        raise FetchError(str(error) or type(error).__name__) from error


async def _read(response: "httpx.Response") -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise FetchError(f"more than {MAX_BYTES} bytes")
    return bytes(body)


def _parse_object(body: bytes) -> dict[str, Any]:
    content = json.loads(body)
    if isinstance(content, dict):
        return content
    raise FetchError("not a JSON object")


def _read_age(headers: "httpx.Headers") -> int:
    """Seconds for which `Cache-Control` lets the answer be kept, less those that it spent in caches on its way."""
    cache_control = headers.get("cache-control", "")
    found = _MAX_AGE.search(cache_control)
    seconds = int(found[1]) if found else DEFAULT_AGE_SECONDS
    if _FORBIDS_KEEPING.search(cache_control):
        seconds = 0
    age = headers.get("age", "0")
    seconds -= int(age) if age.isdecimal() else 0
    return min(max(seconds, MIN_AGE_SECONDS), MAX_AGE_SECONDS)


@cache
def _tls_context() -> SSLContext:
    """Made once: reading the certificates takes some 20 ms, in which nobody else is served."""
    import httpx

    return httpx.create_ssl_context()
