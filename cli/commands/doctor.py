"""`clipgraph doctor`."""

from dataclasses import asdict
from pathlib import Path

import click

from cli.doctor.findings import Finding
from cli.output import print_json, print_line


@click.command(help="Check settings, Firestore, indexes, R2 and clock. Exit with 1 if there is a problem.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each check.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Data directory of the embedded servers (CLIPGRAPH_DATA_DIR; ./data).",
)
def command(data_dir: Path | None, *, as_json: bool) -> None:
    """Prints a line for each thing that was looked at, and what to do below those that are ill."""
    from cli.doctor.checks import examine

    findings = examine(data_dir)
    for finding in findings:
        if as_json:
            print_json(asdict(finding))
        else:
            _print_finding(finding)
    if not all(finding.is_well for finding in findings):
        raise SystemExit(1)


def _print_finding(finding: Finding) -> None:
    print_line(f"{'ok' if finding.is_well else 'FAIL':5}{finding.check:10}{finding.message}")
    if finding.advice is not None:
        print_line(f"{'':15}-> {finding.advice}")
