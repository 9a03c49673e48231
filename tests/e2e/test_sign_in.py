"""Acting as somebody else on a laptop: `clipgraph token`, over HTTP and WebSocket; and where serving is refused."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.e2e.conftest import Server
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

QUERY = "{ viewer { userId roles } }"


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


def ask_by_socket(address: str, token: str) -> object:
    """The caller's identity, as a WebSocket answers it."""
    url = address.replace("http", "ws", 1) + "/graphql"
    headers = {"Authorization": f"Bearer {token}"}
    protocols = [Subprotocol("graphql-transport-ws")]
    with connect(url, subprotocols=protocols, additional_headers=headers, proxy=None) as opened:
        opened.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        assert json.loads(opened.recv()) == {"type": "connection_ack"}
        opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": QUERY}}))
        return json.loads(opened.recv())["payload"]["data"]


def test_developer_acts_as_another_user_and_no_log_line_holds_the_token(
    serve: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even at debug, where libraries write down what they send."""
    monkeypatch.setenv("CLIPGRAPH_LOG_LEVEL", "debug")
    server = serve(tmp_path / "data", "--no-demo")
    token = run_command("token", "--user", "somebody", "--data-dir", str(tmp_path / "data")).stdout.strip()
    expected = {"viewer": {"userId": "somebody", "roles": ["USER"]}}
    headers = {"authorization": f"Bearer {token}"}
    url = f"{server.address}/graphql"
    assert httpx.post(url, json={"query": QUERY}, headers=headers, trust_env=False).json()["data"] == expected
    assert ask_by_socket(server.address, token) == expected
    bad = {"authorization": f"Bearer {token[:-8]}AAAAAAAA"}
    assert httpx.post(url, json={"query": QUERY}, headers=bad, trust_env=False).status_code == 401
    assert server.query(QUERY)["viewer"]["userId"] == "demo"
    server.stop()
    log = (tmp_path / "server.log").read_text()
    assert "caller_refused" in log
    assert token.split(".")[1] not in log


@pytest.mark.parametrize(
    ("options", "project"),
    [(("--host", "0.0.0.0"), None), ((), "a-real-project")],  # noqa: S104  what must be refused
    ids=str,
)
def test_serving_others_without_an_issuer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], project: str | None
) -> None:
    """A server that others can reach does not start without an issuer, and makes no data directory."""
    if project is not None:
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
        for name in ("R2_ACCOUNT_ID", "R2_BUCKET", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(f"CLIPGRAPH_{name}", "x")
    refused = run_command("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), *options)
    assert refused.returncode == 1
    assert "CLIPGRAPH_AUTH_FIREBASE_PROJECT" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_with_an_issuer_it_may_listen_anywhere_and_no_caller_is_the_demo_user(
    serve: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an issuer the server answers any host, refuses callers without a token, and makes no development token."""
    monkeypatch.setenv("CLIPGRAPH_AUTH_FIREBASE_PROJECT", "a-project")
    refused = run_command("token", "--data-dir", str(tmp_path / "data"))
    assert refused.returncode == 1
    server = serve(tmp_path / "data", "--no-demo")
    assert "Bearer $TOKEN" in server.output
    headers = {"host": "clips.example.com"}
    assert httpx.get(f"{server.address}/livez", headers=headers, trust_env=False).status_code == 200
    answer = httpx.post(f"{server.address}/graphql", json={"query": QUERY}, headers=headers, trust_env=False)
    assert answer.status_code == 401
