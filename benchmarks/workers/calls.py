"""A worker's calls: tried again until they are answered, however often the network or the server fails."""

import asyncio
import itertools
import random
import time
from typing import Any

import httpx

from benchmarks.workers.notes import Call, Notes

FIRST_BACKOFF_SECONDS = 0.05
MAX_BACKOFF_SECONDS = 1.0
TIMEOUT_SECONDS = 20.0
# What the API says where the same call may succeed later; all else is a mistake of the worker, or of the server.
TRANSIENT_CODES = frozenset({"UNAVAILABLE", "TIMEOUT", "RATE_LIMITED"})


class UnexpectedAnswerError(Exception):
    """An answer that no failing network explains."""


class Calls:
    """The calls of one process, to one server."""

    def __init__(self, address: str, transport: httpx.AsyncBaseTransport, notes: Notes) -> None:
        self._url = f"{address}/graphql"
        self._client = httpx.AsyncClient(transport=transport, timeout=TIMEOUT_SECONDS)
        self._notes = notes

    async def mutate(self, name: str, fields: str, **given: object) -> Any:
        """The mutation's payload, which must be its success."""
        kind = name[0].upper() + name[1:]
        query = f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ __typename {fields} }} }}"
        began_at = time.perf_counter()
        tries, answer = await self._try_until_answered({"query": query, "variables": {"input": given}})
        writes = answer["extensions"]["cost"]["actual"]["documentWrites"]
        self._notes.add_call(Call(name, tries, time.perf_counter() - began_at, writes))
        result = answer["data"][name]
        if result["__typename"] != f"{kind}Success":
            raise UnexpectedAnswerError(f"{name} {given}: {result}")
        return result

    async def put(self, url: str, headers: dict[str, str], body: bytes) -> bool:
        """Whether S3 has taken the file."""
        try:
            response = await self._client.put(url, content=body, headers=headers)
        except httpx.TransportError:
            return False
        return response.is_success

    async def close(self) -> None:
        """Its connections are closed."""
        await self._client.aclose()

    async def _try_until_answered(self, body: dict[str, Any]) -> tuple[int, Any]:
        """How many tries it took, and the answer."""
        for attempt in itertools.count():
            answer = await self._try(body)
            if answer is not None:
                return attempt + 1, answer
            await asyncio.sleep(compute_backoff_seconds(attempt))
        raise AssertionError  # the loop has no end of its own

    async def _try(self, body: dict[str, Any]) -> Any | None:
        """The whole answer, or None where the call is worth another try."""
        try:
            response = await self._client.post(self._url, json=body)
        except httpx.TransportError:
            return None
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return None
        answer = response.json()
        if "errors" not in answer:
            return answer
        if all(error["extensions"]["code"] in TRANSIENT_CODES for error in answer["errors"]):
            return None
        raise UnexpectedAnswerError(f"{body['variables']}: {answer['errors']}")


def compute_backoff_seconds(attempt: int) -> float:
    """How long to wait after the attempt (from 0 on): doubling, bounded, and random, so that rivals part."""
    longest_seconds = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(attempt, 16))
    return random.uniform(0.5, 1.0) * longest_seconds  # noqa: S311  nobody gains by guessing it
