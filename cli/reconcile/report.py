"""The output of a run: drift and the summary on stdout, remarks on stderr."""

from rich.console import Console
from rich.table import Table

from cli.output import print_json, print_line
from cli.reconcile.drift import Drift, DriftKind
from cli.reconcile.run import Outcome, Summary


class TextReporter:
    """A line for each drift, and a table at the end."""

    def tell_drift(self, drift: Drift, outcome: Outcome, resume_after: str | None) -> None:  # noqa: ARG002  Reporter's
        """Prints the drift."""
        print_line(f"{drift.kind:<21} {outcome:<6} {drift.place} {drift.text}")

    def tell_remark(self, text: str) -> None:
        """Prints the remark on stderr."""
        print_line(text, err=True)

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
            print_line(f"{table.title}: R2 and Firestore are in sync.")


class JsonReporter:
    """A line of JSON for each drift, and one for the summary.

    A drift's line says behind which video another run comes to it again: after a kill -9 there is no other word.
    """

    def tell_drift(self, drift: Drift, outcome: Outcome, resume_after: str | None) -> None:
        """Prints the drift."""
        print_json({**drift.to_json(), "outcome": outcome, "resume_after": resume_after})

    def tell_remark(self, text: str) -> None:
        """Prints the remark on stderr."""
        print_line(text, err=True)

    def tell_summary(self, summary: Summary) -> None:
        """Prints how much of what was found."""
        print_json({"summary": summary.to_json()})
