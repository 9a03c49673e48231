"""Time in whole microseconds since 1970, the finest that Firestore keeps."""

import time
from functools import lru_cache

from embedded.firestore.model.protos import Timestamp

MICROSECONDS = 1_000_000
MILLISECOND = 1000  # in microseconds
NANOSECONDS_A_MILLISECOND = 1_000_000
MIN_SECONDS = -62_135_596_800  # 0001-01-01T00:00:00Z
MAX_SECONDS = 253_402_300_799  # 9999-12-31T23:59:59Z
NANOSECONDS = 1_000_000_000


@lru_cache(maxsize=64)  # a commit asks for its time with each of its documents
def to_timestamp(micros: int) -> Timestamp:
    """The protobuf Timestamp of a time in microseconds: to be copied, not changed."""
    seconds, rest = divmod(micros, MICROSECONDS)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def to_micros(timestamp: Timestamp) -> int:
    """A Timestamp in microseconds; finer parts are rounded down."""
    return timestamp.seconds * MICROSECONDS + timestamp.nanos // 1000


def is_valid(timestamp: Timestamp) -> bool:
    """Whether a Timestamp lies in the years 1 to 9999 and has legal nanoseconds."""
    return MIN_SECONDS <= timestamp.seconds <= MAX_SECONDS and 0 <= timestamp.nanos < NANOSECONDS


def request_time() -> int:
    """The time that REQUEST_TIME becomes in a request that begins now: in microseconds, of whole milliseconds."""
    return time.time_ns() // NANOSECONDS_A_MILLISECOND * MILLISECOND


class Clock:
    """Gives commit and read times: a commit is always later than every time that was given out before it."""

    def __init__(self, last_micros: int = 0) -> None:
        self._last_micros = last_micros

    def next_commit_time(self) -> int:
        """A time that is later than every other time given out."""
        self._last_micros = max(time.time_ns() // 1000, self._last_micros + 1)
        return self._last_micros

    def read_time(self) -> int:
        """A time that no earlier commit exceeds and that every later commit will."""
        self._last_micros = max(time.time_ns() // 1000, self._last_micros)
        return self._last_micros
