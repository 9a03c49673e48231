"""How much each caller has used within the minute, shared between processes by Redis."""

import time

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gql.rate_limits.windows import SECONDS_PER_WINDOW, MemoryWindows, Usage

log = structlog.get_logger(__name__)

# A Redis in the same network answers within a millisecond; a request waits no longer than this for one that does not.
TIMEOUT_SECONDS = 0.25
# Between two looks whether a lost Redis is back.
RETRY_SECONDS = 5.0
MAX_CONNECTIONS = 32
KEY_PREFIX = "clipgraph:rate_limits:"

# One round trip, and atomic: a window has an end from the moment it begins, whoever dies meanwhile.
_ADD = """
local requests = redis.call('HINCRBY', KEYS[1], 'requests', ARGV[1])
local document_reads = redis.call('HINCRBY', KEYS[1], 'document_reads', ARGV[2])
local milliseconds_left = redis.call('PTTL', KEYS[1])
if milliseconds_left < 0 then
  milliseconds_left = tonumber(ARGV[3])
  redis.call('PEXPIRE', KEYS[1], milliseconds_left)
end
return {requests, document_reads, milliseconds_left}
"""


class RedisWindows:
    """Windows that processes with the same Redis share; during an outage of Redis each has its own.

    Otherwise an outage of Redis would either stop every caller or lift every limit.
    """

    def __init__(self, url: str, retry_seconds: float = RETRY_SECONDS) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            # A command that is sent twice counts twice.
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(pool)
        self._add = self._redis.register_script(_ADD)
        self._local = MemoryWindows()
        self._retry_seconds = retry_seconds
        self._retry_at = 0.0
        self._is_lost = False

    async def add(self, caller: str, *, requests: int = 0, document_reads: int = 0) -> Usage:
        """Adds to the caller's use in all processes, and answers the total."""
        if self._is_lost and time.monotonic() < self._retry_at:
            return await self._local.add(caller, requests=requests, document_reads=document_reads)
        # While one call looks whether Redis is back, the others do not wait for it.
        self._retry_at = time.monotonic() + self._retry_seconds
        try:
            arguments = (requests, document_reads, SECONDS_PER_WINDOW * 1000)
            used = await self._add(keys=[KEY_PREFIX + caller], args=arguments)
        except (RedisError, OSError) as error:
            self._lose(error)
            return await self._local.add(caller, requests=requests, document_reads=document_reads)
        self._find()
        return Usage(used[0], used[1], used[2] / 1000)

    async def close(self) -> None:
        """Closes the connections to Redis."""
        await self._redis.aclose()

    def _lose(self, error: Exception) -> None:
        if not self._is_lost:
            # Its text may name the host, never the password.
            log.warning("rate_limits_local", reason=str(error) or type(error).__name__)
        self._is_lost = True

    def _find(self) -> None:
        if self._is_lost:
            log.info("rate_limits_shared")
        self._is_lost = False
