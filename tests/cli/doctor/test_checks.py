"""`clipgraph doctor` against the real embedded servers, each thing ill once."""

import http.server
import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.doctor.service_checks import examine_clock
from cli.main import main
from cli.stack import INDEXES_FILE
from embedded.stack import start_stack
from settings import Settings

ALL = ["settings", "callers", "firestore", "r2", "clock", "cors", "indexes"]
NOWHERE = "127.0.0.1:9"


def run(*options: str, **environment: str) -> tuple[int, str]:
    """The exit code, and what was printed."""
    result = CliRunner().invoke(main, ["doctor", *options], env=environment)
    assert result.stderr == ""
    return result.exit_code, result.stdout


def find_ills(**environment: str) -> dict[str, str]:
    """The failed checks by name, each with its message and advice; the exit code agrees with them."""
    exit_code, output = run("--json", **environment)
    findings = [json.loads(line) for line in output.splitlines()]
    ills = {found["check"]: f"{found['message']} {found['advice']}" for found in findings if found["advice"]}
    assert exit_code == bool(ills)
    return ills


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The variables that lead to the session's servers."""
    assert settings.r2_secret_access_key is not None
    return {
        "GOOGLE_CLOUD_PROJECT": str(settings.google_cloud_project),
        "FIRESTORE_EMULATOR_HOST": str(settings.firestore_emulator_host),
        "CLIPGRAPH_R2_ENDPOINT_URL": str(settings.r2_endpoint_url),
        "CLIPGRAPH_R2_BUCKET": str(settings.r2_bucket),
        "CLIPGRAPH_R2_ACCESS_KEY_ID": str(settings.r2_access_key_id),
        "CLIPGRAPH_R2_SECRET_ACCESS_KEY": settings.r2_secret_access_key.get_secret_value(),
    }


def test_all_is_well(environment: dict[str, str]) -> None:
    """Each thing has its line, and none says what to do."""
    exit_code, output = run(**environment)
    assert (exit_code, [line.split()[:2] for line in output.splitlines()]) == (0, [["ok", name] for name in ALL])


def test_embedded_it_brings_the_servers(tmp_path: Path) -> None:
    """For an embedded configuration the doctor starts the servers itself, and finds all well."""
    exit_code, output = run("--data-dir", str(tmp_path / "data"))
    assert (exit_code, output.count("\n")) == (0, len(ALL))


def test_wrong_secret_of_r2(environment: dict[str, str]) -> None:
    """A wrong secret is one finding of R2, with the status and the variable to set."""
    ills = find_ills(**environment | {"CLIPGRAPH_R2_SECRET_ACCESS_KEY": "wrong"})
    assert list(ills) == ["r2"]
    assert "403" in ills["r2"]
    assert "CLIPGRAPH_R2_SECRET_ACCESS_KEY" in ills["r2"]


def test_missing_bucket(environment: dict[str, str]) -> None:
    """A missing bucket is one finding of R2, with its name and the variable to set."""
    ills = find_ills(**environment | {"CLIPGRAPH_R2_BUCKET": "elsewhere"})
    assert list(ills) == ["r2"]
    assert "'elsewhere'" in ills["r2"]
    assert "CLIPGRAPH_R2_BUCKET" in ills["r2"]


def test_r2_that_does_not_answer(environment: dict[str, str]) -> None:
    """An unreachable R2 is a finding of R2 and of the clock that it would tell."""
    ills = find_ills(**environment | {"CLIPGRAPH_R2_ENDPOINT_URL": f"http://{NOWHERE}"})
    assert list(ills) == ["r2", "clock"]
    assert "CLIPGRAPH_R2_ENDPOINT_URL" in ills["r2"]


def test_firestore_that_does_not_answer(environment: dict[str, str]) -> None:
    """The indexes are not asked for, then."""
    unreachable = {"FIRESTORE_EMULATOR_HOST": NOWHERE, "CLIPGRAPH_FIRESTORE_TIMEOUT_SECONDS": "1"}
    ills = find_ills(**environment | unreachable)
    assert list(ills) == ["firestore"]
    assert "FIRESTORE_EMULATOR_HOST" in ills["firestore"]


def test_missing_index(environment: dict[str, str], tmp_path: Path) -> None:
    """One index less than the project ships, and one query is refused."""
    indexes = json.loads(INDEXES_FILE.read_text(encoding="utf-8"))
    missing = {"fieldPath": "video_title", "order": "ASCENDING"}
    indexes["indexes"] = [index for index in indexes["indexes"] if missing not in index["fields"]]
    (tmp_path / "fewer.json").write_text(json.dumps(indexes), encoding="utf-8")
    with start_stack(tmp_path / "data", indexes_file=tmp_path / "fewer.json") as stack:
        ills = find_ills(**environment | {"FIRESTORE_EMULATOR_HOST": stack.endpoints.firestore_host_port})
    assert list(ills) == ["indexes"]
    assert "1 of 54 queries fail, such as videos by TITLE_ASC of a status" in ills["indexes"]
    assert "firebase deploy --only firestore:indexes" in ills["indexes"]


def test_real_project_without_an_issuer_or_credentials(environment: dict[str, str], tmp_path: Path) -> None:
    """A real project without an issuer and credentials is two findings, each with the variable to set."""
    del environment["FIRESTORE_EMULATOR_HOST"]
    key_file = str(tmp_path / "missing.json")
    ills = find_ills(**environment | {"GOOGLE_CLOUD_PROJECT": "real", "GOOGLE_APPLICATION_CREDENTIALS": key_file})
    assert list(ills) == ["callers", "firestore"]
    assert "CLIPGRAPH_AUTH_ISSUERS" in ills["callers"]
    assert "GOOGLE_APPLICATION_CREDENTIALS" in ills["firestore"]


def test_half_set_settings(environment: dict[str, str]) -> None:
    """A half-set pair fails alone: the check names the missing variable and the remedy, and no other check runs."""
    del environment["CLIPGRAPH_R2_BUCKET"]
    ills = find_ills(**environment)
    assert list(ills) == ["settings"]
    assert "CLIPGRAPH_R2_BUCKET" in ills["settings"]


@pytest.mark.parametrize(("skew", "said"), [(0, None), (3600, "behind R2's"), (-3600, "ahead of R2's")])
async def test_clock_is_held_against_r2s(skew: int, said: str | None) -> None:
    """A clock that differs from R2's by more than signatures allow is a finding."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(403)
            self.send_header("Date", format_datetime(datetime.now(UTC) + timedelta(seconds=skew), usegmt=True))
            self.end_headers()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = await examine_clock(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert found.is_well == (said is None)
    assert said is None or said in found.message
