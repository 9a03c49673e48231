"""`clipgraph reconcile`."""

import asyncio
import shlex
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.durations import Duration
from cli.output import CommandError, print_line
from cli.reconcile.drift import Rules
from cli.reconcile.report import JsonReporter, TextReporter
from cli.reconcile.run import Reconciler, Summary
from cli.stack import connect_services
from repositories.exceptions import RepositoryError, ValidationError
from repositories.model.fields import UserId
from repositories.model.validation import validate_value
from settings import Settings
from storage.exceptions import StorageError

USER_ID = TypeAdapter[str](UserId)
DEFAULT_OLDER_THAN = timedelta(hours=1)
DRIFTED, FAILED, INTERRUPTED = 1, 2, 130
"""Exit codes. FAILED is click's own for a usage error, too; INTERRUPTED is the shells' for Ctrl-C."""


class FailureError(CommandError):
    """The run could not go on, so that nobody knows whether there is drift: 1 would say that there is."""

    exit_code = FAILED


class User(click.ParamType[str]):
    """A user's id: one that no user can have would agree with everything."""

    name = "user"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The id; a usage error for what cannot be one."""
        try:
            return validate_value(USER_ID, value, path=("user_id",))
        except ValidationError as error:
            self.fail(f"{value!r} is not a user id: {error.message}", param, ctx)


class Place(click.ParamType[tuple[str, str]]):
    """A video as `USER/VIDEO`."""

    name = "user/video"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The user's and the video's id; a usage error for anything else."""
        user_id, slash, video_id = str(value).partition("/")
        if not user_id or not slash or not video_id or "/" in video_id:
            self.fail(f"{value!r} is not a video. Write USER/VIDEO, as the interrupted run printed it.", param, ctx)
        return user_id, video_id


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    user_id: str | None
    resume_after: tuple[str, str] | None
    rules: Rules
    fix: bool
    delete_orphans: bool
    as_json: bool


@click.command(help="Compare R2 with Firestore. Exit with 1 if they differ.")
@click.option("--user", "user_id", type=User(), help="Restrict to this user's videos.")
@click.option("--fix", is_flag=True, help="Repair differences, and exit with 1 only if some remain.")
@click.option(
    "--delete-orphans", is_flag=True, help="With --fix: delete files without metadata instead of importing them."
)
@click.option("--older-than", type=Duration(), help="Minimum age of files without metadata; 1h.")
@click.option(
    "--stuck-after", type=Duration(), default="6h", show_default=True, help="Age of unchanged work that counts as stuck"
)
@click.option("--resume-after", type=Place(), help="Continue after this video of an interrupted run.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print a line of JSON for each difference, and one for the summary."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Data directory of the embedded servers (CLIPGRAPH_DATA_DIR; ./data).",
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
    """Reports on stdout as it goes, with a progress bar on stderr where that is a terminal."""
    if delete_orphans and older_than is None:
        raise click.UsageError("--delete-orphans needs --older-than, the minimum age of a file to delete.")
    if user_id is not None and resume_after is not None and resume_after[0] != user_id:
        raise click.UsageError(f"--resume-after names the user {resume_after[0]!r}, but --user {user_id!r}.")
    rules = Rules(stuck_after=stuck_after, older_than=DEFAULT_OLDER_THAN if older_than is None else older_than)
    request = Request(user_id, resume_after, rules, fix, delete_orphans, as_json)
    reporter = JsonReporter() if as_json else TextReporter()
    try:
        with connect_services(data_dir) as settings:
            summary = asyncio.run(_reconcile(settings, request, reporter))
    except click.ClickException as error:
        raise FailureError(error.message) from None
    reporter.tell_summary(summary)
    if summary.has_drift:
        raise SystemExit(DRIFTED)


async def _reconcile(settings: Settings, request: Request, reporter: JsonReporter | TextReporter) -> Summary:
    from gql.app import create_services
    from gql.logs.configure import configure_logging

    configure_logging(settings)
    services = create_services(settings)
    with _make_progress() as progress:
        reconciler = Reconciler(
            services, request.rules, progress, reporter, fix=request.fix, delete_orphans=request.delete_orphans
        )
        try:
            return await reconciler.run(request.user_id, request.resume_after)
        except (RepositoryError, StorageError) as error:
            raise CommandError(f"{error} {_describe_resuming(reconciler)}") from None
        except asyncio.CancelledError:
            print_line(f"Interrupted. {_describe_resuming(reconciler)}", err=True)
            raise SystemExit(INTERRUPTED) from None
        finally:
            await services.close()


def _describe_resuming(reconciler: Reconciler) -> str:
    if reconciler.reached is None:
        return "Run the same command again."
    return f"To continue, run it again with --resume-after {shlex.quote(reconciler.reached)}"


def _make_progress() -> Progress:
    """A bar on stderr where that is a terminal, and none elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Redirected, rich would print on stderr what is meant for a file or a pipe.
    is_shared = sys.stdout.isatty()
    return Progress(*columns, console=console, disable=not console.is_terminal, redirect_stdout=is_shared)
