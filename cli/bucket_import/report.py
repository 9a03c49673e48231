"""The report of an import."""

from dataclasses import asdict, dataclass, field
from typing import Any

from cli.bucket_import.listing import Problem


@dataclass
class Report:
    """The outcome of an import; a dry run's is what it would do."""

    videos_created: int = 0
    videos_updated: int = 0
    videos_unchanged: int = 0
    clips_created: int = 0
    clips_updated: int = 0
    clips_unchanged: int = 0
    files_uploaded: int = 0
    problems: list[Problem] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON shows it."""
        return asdict(self)
