"""`clipgraph reconcile` as a process: what it prints, what it answers, and how it is stopped and goes on."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import main
from gql.app import create_services
from settings import Settings
from tests.cli.reconcile.bucket import Bucket
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

COMMAND = [sys.executable, "-m", "cli.main", "reconcile"]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The variables that lead a process to the session's Firestore and R2."""
    r2 = {f"CLIPGRAPH_R2_{name.upper()}": value for name, value in settings.resolve_r2()._asdict().items()}
    firestore = {
        "GOOGLE_CLOUD_PROJECT": str(settings.google_cloud_project),
        "FIRESTORE_EMULATOR_HOST": str(settings.firestore_emulator_host),
    }
    return {**os.environ, **r2, **firestore}


@pytest.fixture
def run(environment: dict[str, str], user_id: str) -> Run:
    """Runs the command over this test's user."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, "--user", user_id, *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )

    return run


def make_drift(settings: Settings, user_id: str, *video_ids: str) -> None:
    """The videos, each with a clip whose size differs."""

    async def make() -> None:
        services = create_services(settings)
        bucket = Bucket(services, user_id)

        async def make_video(video_id: str) -> None:
            await bucket.create_video(video_id)
            await bucket.put(await bucket.add_clips(video_id, 1), size_bytes=1)

        await asyncio.gather(*map(make_video, video_ids))
        await services.close()

    asyncio.run(make())


def test_exit_code_tells_whether_anything_differs(run: Run, settings: Settings, user_id: str) -> None:
    """The command exits 1 while anything differs, with a line for each drift and a summary."""
    make_drift(settings, user_id, "talk", "talk-2")
    found = run("--json")
    *lines, last = map(json.loads, found.stdout.splitlines())
    assert [(line["kind"], line["video_id"], line["resume_after"]) for line in lines] == [
        ("size-differs", "talk-2", None),
        ("size-differs", "talk", f"{user_id}/talk-2"),
    ]
    assert last["summary"]["drift"] == {"size-differs": {"found": 2}}
    assert found.returncode == 1
    behind = run("--resume-after", f"{user_id}/talk-2")
    assert "talk-2/" not in behind.stdout
    assert "talk/" in behind.stdout
    assert run("--fix").returncode == 0
    agreed = run()
    assert (agreed.returncode, "R2 and Firestore are in sync" in agreed.stdout) == (0, True)
    # No bar where nobody looks.
    assert (found.stderr, agreed.stderr) == ("", "")


# The line that says how to go on is for a shell.
VIDEO_IDS = {f"it's talk-{number}" for number in range(40)}


@pytest.fixture
def interrupt(environment: dict[str, str], user_id: str) -> Callable[..., tuple[int, list[str], str]]:
    """Runs the command until its first line, sends it a signal, and answers its code, its lines and its stderr."""

    def interrupt(sent: signal.Signals, *arguments: str) -> tuple[int, list[str], str]:
        command = [*COMMAND, "--user", user_id, "--json", *arguments]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            process.send_signal(sent)
            rest, told = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, (first + rest).splitlines(), told

    return interrupt


def list_places(lines: Iterable[str]) -> list[str]:
    """The videos whose drift the lines tell, as often as they do."""
    return [line["video_id"] for line in map(json.loads, lines) if "kind" in line]


def test_age_of_nothing_counts_every_file(run: Run, settings: Settings, user_id: str) -> None:
    """0s is an age, and not the default."""

    async def put() -> None:
        services = create_services(settings)
        await services.storage.put(f"{user_id}/talk/clips/clip_01_01_a_split.mp4", b"x")
        await services.close()

    asyncio.run(put())
    assert run().returncode == 0
    assert run("--older-than", "0s").returncode == 1


@pytest.mark.parametrize("fix", [[], ["--fix"]])
def test_run_that_is_interrupted_says_how_to_go_on(
    run: Run, interrupt: Callable[..., Any], settings: Settings, user_id: str, fix: list[str]
) -> None:
    """Both runs together tell everything, and nothing twice."""
    make_drift(settings, user_id, *VIDEO_IDS)
    code, lines, told = interrupt(signal.SIGINT, *fix)
    assert (code, "Traceback" in told) == (130, False)
    assert "--resume-after" in told
    reached = shlex.split(told)[-1]
    behind = list_places(run("--json", "--resume-after", reached, *fix).stdout.splitlines())
    assert 0 < len(behind) < len(VIDEO_IDS)
    assert sorted(list_places(lines) + behind) == sorted(VIDEO_IDS)


def test_run_that_is_killed_is_gone_on_with_from_its_last_line(
    run: Run, interrupt: Callable[..., Any], settings: Settings, user_id: str
) -> None:
    """The first report leaves out the last line's video, as it may be incomplete; the second run resumes from it."""
    make_drift(settings, user_id, *VIDEO_IDS)
    code, lines, _ = interrupt(signal.SIGKILL)
    assert code == -signal.SIGKILL
    resume_after = json.loads(lines[-1])["resume_after"]
    told = [line for line in lines if json.loads(line)["resume_after"] != resume_after]
    resume = [] if resume_after is None else ["--resume-after", resume_after]
    behind = list_places(run("--json", *resume).stdout.splitlines())
    assert sorted(list_places(told) + behind) == sorted(VIDEO_IDS)


def test_bar_on_a_terminal_takes_no_line_of_the_report(
    environment: dict[str, str], settings: Settings, user_id: str
) -> None:
    """The report goes to a pipe, and only the bar to the terminal."""
    make_drift(settings, user_id, "talk")
    main_end, terminal = os.openpty()
    command = [*COMMAND, "--user", user_id]
    # Dumb terminals get no bar.
    with subprocess.Popen(
        command, env={**environment, "TERM": "xterm"}, stdout=subprocess.PIPE, stderr=terminal, text=True
    ) as process:
        os.close(terminal)
        report, _ = process.communicate(timeout=PATIENCE_SECONDS)
    # A terminal gives some 4 KiB at a time, which may end within a character.
    shown = os.read(main_end, 65536).decode(errors="replace")
    os.close(main_end)
    assert report.startswith("size-differs")
    assert "Comparing videos" in shown
    assert "size-differs" not in shown


def test_run_that_cannot_tell_is_not_taken_for_drift(environment: dict[str, str]) -> None:
    """Neither 0 nor 1 where R2 does not answer, and the error says where to go on."""
    closed = {**environment, "CLIPGRAPH_R2_ENDPOINT_URL": "http://127.0.0.1:1"}
    failed = subprocess.run(COMMAND, env=closed, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert failed.returncode == 2
    assert "Run the same command again." in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--delete-orphans"],
        ["--stuck-after", "soon"],
        ["--resume-after", "talk"],
        ["--older-than", "-1h"],
        ["--user", "ann", "--resume-after", "bob/talk"],
        ["--user", "ann/talk"],
        ["--user", ""],
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], tmp_path: Path) -> None:
    """Options that contradict each other are a usage error, and no data directory is made."""
    refused = CliRunner().invoke(main, ["reconcile", "--fix", "--data-dir", str(tmp_path / "data"), *arguments])
    assert refused.exit_code == 2
    assert not (tmp_path / "data").exists()
