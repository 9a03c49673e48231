"""`clipgraph token`: tokens and API keys that a server trusts, and none that it would not."""

import hashlib
import json
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner

from cli.main import main

ISSUERS = json.dumps([{"issuer": "https://issuer.example", "audience": "a"}])


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of `clipgraph token`."""
    result = CliRunner().invoke(main, ["token", *arguments], env=environment)
    return result.exit_code, result.stdout.strip(), result.stderr.strip()


@pytest.mark.parametrize(("options", "role"), [([], "user"), (["--worker"], "worker"), (["--admin"], "admin")])
def test_token_says_who_and_until_when(tmp_path: Path, options: list[str], role: str) -> None:
    """It alone is on stdout, so that a shell can take it."""
    given = ["--user", "somebody", "--expires-in", "30m", "--data-dir", str(tmp_path), *options]
    exit_code, token, _ = run(*given)
    assert exit_code == 0
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["roles"], claims["exp"] - claims["iat"]) == ("somebody", [role], 1800)
    assert jwt.get_unverified_header(token)["alg"] == "ES256"


@pytest.mark.parametrize("user_id", ["", "a/b", "x" * 129, "__a__", "cafe\u0301"])
def test_user_who_cannot_be_is_refused(tmp_path: Path, user_id: str) -> None:
    """A user id that Firestore cannot store is a usage error, and no file is written."""
    exit_code, token, error = run("--user", user_id, "--data-dir", str(tmp_path))
    assert (exit_code, token) == (2, "")
    assert "--user" in error
    assert list(tmp_path.iterdir()) == []


def test_token_that_no_server_would_trust_is_not_made(tmp_path: Path) -> None:
    """With an issuer configured, no development token is printed."""
    exit_code, token, error = run("--data-dir", str(tmp_path), CLIPGRAPH_AUTH_ISSUERS=ISSUERS)
    assert (exit_code, token) == (1, "")
    assert "issuer is configured" in error


def test_api_key_comes_with_the_entry_that_makes_it_good() -> None:
    """The settings hold its hash; the key itself is shown once."""
    exit_code, key, entry = run("--api-key", "farm")
    assert exit_code == 0
    found = json.loads(entry[entry.index("{") :])
    assert found == {"name": "farm", "sha256": hashlib.sha256(key.encode()).hexdigest(), "role": "worker"}
    assert key not in entry


def test_api_key_of_a_name_that_cannot_be_is_refused() -> None:
    """An API key's name with a slash is a usage error, and no key is printed."""
    exit_code, key, error = run("--api-key", "a/b")
    assert (exit_code, key) == (2, "")
    assert "--api-key" in error
