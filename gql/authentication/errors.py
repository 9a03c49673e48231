"""Why nobody can be said to be calling."""

RETRY_AFTER_SECONDS = 10


class CallerRefusedError(Exception):
    """The request does not say, or does not prove, who is calling.

    `reason` is one sentence that helps an honest caller and tells nothing about our settings.
    """

    def __init__(self, reason: str, *, is_missing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_missing = is_missing


class KeysUnavailableError(Exception):
    """An issuer's keys were never fetched, and cannot be now: nobody can say whether its tokens are good."""
