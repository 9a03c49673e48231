"""How long to wait before a stream, or a target, is asked for again."""

import random

FIRST_BACKOFF_SECONDS = 1.0
BACKOFF_FACTOR = 1.5
MAX_BACKOFF_SECONDS = 15.0


def compute_backoff_seconds(attempt: int) -> float:
    """The wait after the attempt (from 0 on): growing, bounded, and random, so that processes part."""
    longest_seconds = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * BACKOFF_FACTOR ** min(attempt, 16))
    return random.uniform(0.5, 1.0) * longest_seconds  # noqa: S311  nobody gains by guessing it
