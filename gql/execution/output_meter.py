"""The output of an operation, counted and limited: field values, bytes of JSON, and errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

UNLIMITED = 2**62
# More than a client ever looks at; each takes some 0.2 ms to locate, mask, log and send.
MAX_ERRORS = 1_000


class OutputLimitError(BaseException):
    """The operation exceeds a limit. It is no `Exception`, which would become the error of a single field."""

    def __init__(self, measure: str, bound: int, limit: int) -> None:
        super().__init__(f"{measure}: {bound:,} of {limit:,}")
        self.measure = measure
        self.bound = bound
        self.limit = limit


@dataclass
class OutputMeter:
    """Counts, and their limits. Whatever counts beyond a limit raises `OutputLimitError`, then and ever after."""

    max_field_values: int = UNLIMITED
    max_response_bytes: int = UNLIMITED
    max_errors: int = UNLIMITED
    field_values: int = 0
    """Objects times fields, a field that costs more than an attribute counts for several (`field_metadata.py`)."""

    response_bytes: int = 0
    errors: int = 0

    def count_values(self, values: int) -> None:
        """Counts field values that are about to be made."""
        self.field_values += values
        if self.field_values > self.max_field_values:
            raise OutputLimitError("fieldValues", self.field_values, self.max_field_values)

    def count_bytes(self, size_bytes: int) -> None:
        """Counts bytes of the response."""
        self.set_bytes(self.response_bytes + size_bytes)

    def set_bytes(self, size_bytes: int) -> None:
        """Sets the bytes of the response; the bytes counted for its parts are included."""
        self.response_bytes = size_bytes
        if size_bytes > self.max_response_bytes:
            raise OutputLimitError("responseBytes", size_bytes, self.max_response_bytes)

    def count_error(self) -> None:
        """One error more."""
        self.errors += 1
        if self.errors > self.max_errors:
            raise OutputLimitError("errors", self.errors, self.max_errors)

    def reset(self) -> None:
        """Sets the counts to zero, for the next event."""
        self.field_values = self.response_bytes = self.errors = 0


_meter: ContextVar[OutputMeter | None] = ContextVar("output_meter", default=None)


def get_output_meter() -> OutputMeter:
    """The work of the operation that runs; outside of any, one without limits."""
    return _meter.get() or OutputMeter()


@contextmanager
def metered_output(meter: OutputMeter) -> Iterator[None]:
    """Counts the output of the block in `meter`, that of tasks started inside it included."""
    before = _meter.get()
    _meter.set(meter)
    try:
        yield
    finally:
        # Not by a token: frameworks leave a context manager in another context than they entered it in.
        _meter.set(before)
