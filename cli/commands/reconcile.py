"""`clipgraph reconcile`."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.reconciling.drift import Drift, DriftKind, Rules
from cli.reconciling.running import Outcome, Reconciler, Summary
from cli.stack import connect_services
from repositories.exceptions import RepositoryError
from settings import Settings
from storage.exceptions import StorageError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
INTERRUPTED = 130
"""What shells answer for a program that Ctrl-C ended."""


class Duration(click.ParamType[timedelta]):
    """A time such as `90s`, `30m`, `6h` or `30d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The time; a usage error for anything else."""
        matched = re.fullmatch(r"([0-9]{1,6})([smhd])", str(value))
        if matched is None:
            self.fail(f"{value!r} is no duration: write 90s, 30m, 6h or 30d.", param, ctx)
        return timedelta(**{UNITS[matched[2]]: int(matched[1])})


class Place(click.ParamType[tuple[str, str]]):
    """A video as `USER/VIDEO`."""

    name = "user/video"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The user's and the video's id; a usage error for anything else."""
        user_id, slash, video_id = str(value).partition("/")
        if not user_id or not slash or not video_id or "/" in video_id:
            self.fail(f"{value!r} is no video: write USER/VIDEO, as the stopped run said.", param, ctx)
        return user_id, video_id


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    user_id: str | None
    resume_after: tuple[str, str] | None
    rules: Rules
    fix: bool
    delete_orphans: bool
    as_json: bool


@click.command(help="Hold R2 and Firestore against each other; exit 1 where they differ.")
@click.option("--user", "user_id", help="Only this user's videos.")
@click.option("--fix", is_flag=True, help="Mend what differs, and exit 1 only where something is left.")
@click.option("--delete-orphans", is_flag=True, help="With --fix: delete files without metadata, not import them.")
@click.option("--older-than", type=Duration(), help="Files without metadata count from this age on; 1h.")
@click.option(
    "--stuck-after", type=Duration(), default="6h", show_default=True, help="Work that rests so long is stuck."
)
@click.option("--resume-after", type=Place(), help="Go on behind this video, where another run was stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each drift, and one for the summary.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Where the embedded servers keep their data (CLIPGRAPH_DATA_DIR; ./data).",
)
def command(
    user_id: str | None,
    older_than: timedelta | None,
    stuck_after: timedelta,
    resume_after: tuple[str, str] | None,
    data_dir: Path | None,
    *,
    fix: bool,
    delete_orphans: bool,
    as_json: bool,
) -> None:
    """Reports on stdout as it goes, with a progress bar on stderr."""
    if delete_orphans and older_than is None:
        raise click.UsageError("--delete-orphans needs --older-than: say from which age on a file may go.")
    rules = Rules(stuck_after=stuck_after, older_than=older_than or timedelta(hours=1))
    request = Request(user_id, resume_after, rules, fix, delete_orphans, as_json)
    with connect_services(data_dir) as settings:
        summary = asyncio.run(_reconcile(settings, request))
    for remark in summary.remarks:
        click.echo(remark, err=True)
    if as_json:
        click.echo(orjson.dumps({"summary": summary.to_json()}))
    else:
        _print_table(summary)
    if summary.has_drift:
        raise SystemExit(1)


async def _reconcile(settings: Settings, request: Request) -> Summary:
    from gql.app import create_services
    from gql.logs import configure_logging

    configure_logging(settings)
    services = create_services(settings)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        reconciler = Reconciler(
            services,
            request.rules,
            progress,
            _make_report(as_json=request.as_json),
            fix=request.fix,
            delete_orphans=request.delete_orphans,
        )
        try:
            return await reconciler.run(request.user_id, request.resume_after)
        except (RepositoryError, StorageError) as error:
            raise click.ClickException(f"{error} {_describe_resuming(reconciler)}") from None
        except asyncio.CancelledError:
            progress.console.print(f"Stopped. {_describe_resuming(reconciler)}", soft_wrap=True, markup=False)
            raise SystemExit(INTERRUPTED) from None
        finally:
            await services.close()


def _describe_resuming(reconciler: Reconciler) -> str:
    if reconciler.reached is None:
        return "Run the same command again."
    return f"To go on, run it again with --resume-after '{reconciler.reached}'."


def _make_report(*, as_json: bool) -> Callable[[Drift, Outcome], None]:
    def report(drift: Drift, outcome: Outcome) -> None:
        if as_json:
            click.echo(orjson.dumps({**drift.to_json(), "outcome": outcome}))
        else:
            click.echo(f"{drift.kind:<21} {outcome:<6} {drift.place} {drift.text}")

    return report


def _print_table(summary: Summary) -> None:
    table = Table("", *Outcome, title=f"{summary.videos} videos, {summary.clips} clips, {summary.files} files")
    for kind in DriftKind:
        counts = [summary.outcomes[kind, outcome] for outcome in Outcome]
        if any(counts):
            table.add_row(kind, *map(str, counts))
    if not table.rows:
        click.echo(f"{table.title}: R2 and Firestore agree.")
        return
    Console().print(table)
