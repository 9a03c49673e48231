"""A finding: the subject of a check, and its result."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `advice` says what to do, None where all is well."""

    check: str
    message: str
    advice: str | None = None

    @property
    def is_well(self) -> bool:
        """Whether nothing has to be done."""
        return self.advice is None
