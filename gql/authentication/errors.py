"""Reasons for which a caller is not identified."""

RETRY_AFTER_SECONDS = 10


class CallerRefusedError(Exception):
    """The request has no token, or a bad one.

    `reason` is one sentence that helps an honest caller and reveals no setting.
    """

    def __init__(self, reason: str, *, is_missing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_missing = is_missing


class KeysUnavailableError(Exception):
    """An issuer's keys were never fetched, and cannot be now, so its tokens cannot be verified."""
