"""What a run prints: drift and the summary on stdout, remarks on stderr."""

import click
import orjson
from rich.console import Console
from rich.table import Table

from cli.reconciling.drift import Drift, DriftKind
from cli.reconciling.running import Outcome, Summary

VIDEOS_PER_REACHED_LINE = 100
"""How many videos without drift a run that was killed looks at again."""


class TextReporter:
    """A line for each drift, and a table at the end."""

    def tell_drift(self, drift: Drift, outcome: Outcome) -> None:
        """Prints the drift."""
        click.echo(f"{drift.kind:<21} {outcome:<6} {drift.place} {drift.text}")

    def tell_remark(self, text: str) -> None:
        """Prints the remark on stderr."""
        click.echo(text, err=True)

    def tell_reached(self, place: str) -> None:
        """Prints nothing: a run that is interrupted says where it was."""

    def tell_summary(self, summary: Summary) -> None:
        """Prints how much of what was found."""
        table = Table("", *Outcome, title=f"{summary.videos} videos, {summary.clips} clips, {summary.files} files")
        for kind in DriftKind:
            counts = [summary.outcomes[kind, outcome] for outcome in Outcome]
            if any(counts):
                table.add_row(kind, *map(str, counts))
        if table.rows:
            Console().print(table)
        else:
            click.echo(f"{table.title}: R2 and Firestore agree.")


class JsonReporter:
    """A line of JSON for each drift, one for where another run can go on, and one for the summary."""

    def __init__(self) -> None:
        self._told_since_reached = False
        self._videos_since_reached = 0

    def tell_drift(self, drift: Drift, outcome: Outcome) -> None:
        """Prints the drift."""
        self._told_since_reached = True
        _print({**drift.to_json(), "outcome": outcome})

    def tell_remark(self, text: str) -> None:
        """Prints the remark on stderr."""
        click.echo(text, err=True)

    def tell_reached(self, place: str) -> None:
        """Prints the place behind each video with drift, and now and then: kill -9 leaves no other word."""
        self._videos_since_reached += 1
        if self._told_since_reached or self._videos_since_reached == VIDEOS_PER_REACHED_LINE:
            _print({"reached": place})
            self._told_since_reached, self._videos_since_reached = False, 0

    def tell_summary(self, summary: Summary) -> None:
        """Prints how much of what was found."""
        _print({"summary": summary.to_json()})


def _print(line: dict[str, object]) -> None:
    # As text: rich, while it draws a bar on the same terminal, lets only text pass above it.
    click.echo(orjson.dumps(line).decode())
