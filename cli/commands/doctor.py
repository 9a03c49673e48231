"""`clipgraph doctor`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from cli.doctoring.findings import Finding


@click.command(help="Check settings, Firestore, indexes, R2 and clock; exit 1 where something is to be done.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each thing that was looked at.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Where the embedded servers keep their data (CLIPGRAPH_DATA_DIR; ./data).",
)
def command(data_dir: Path | None, *, as_json: bool) -> None:
    """Prints a line for each thing that was looked at, and what to do below those that are ill."""
    from cli.doctoring.examining import examine

    findings = examine(data_dir)
    for finding in findings:
        click.echo(json.dumps(asdict(finding)) if as_json else _format(finding))
    if not all(finding.is_well for finding in findings):
        raise SystemExit(1)


def _format(finding: Finding) -> str:
    line = f"{'ok' if finding.is_well else 'ILL':4}{finding.check:10}{finding.message}"
    return line if finding.advice is None else f"{line}\n{'':14}-> {finding.advice}"
