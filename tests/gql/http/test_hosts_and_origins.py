# ruff: noqa: E501, S104  cases are read in their lines, and nothing is bound
"""Hosts and origins that are not this machine's: without an issuer each is refused, and none is ever redirected to."""

import httpx
import pytest

from settings import Settings
from tests.gql.http.test_security_headers import open_client

QUERY = {"query": "{ viewer { userId } }"}
HOSTS = (
    "evil.example", "localhost.evil.example", "evil.example:8000", "localhost:8000.evil.example", "127.0.0.1.evil.example",
    "127.0.0.2", "127.1", "0x7f000001", "2130706433", "0.0.0.0", "0", "[::]", "[::ffff:127.0.0.1]", "[::1].evil.example",
    "::1", "localhost.", "localhost:", "localhost:x", "localhost:999999", "localhost:-1", "local host", "localhost,evil",
    "localhost@evil.example", "evil.example#localhost", "evil.example/localhost", "localhost/evil", "localhost\\evil",
    "%6cocalhost", "loca%6chost", "localhost%00", "localhost%2eevil", "user@localhost", "", " ", "*", "ip6-localhost",
    "xn--lcalhost-8za", "l\u00f6calhost", "169.254.169.254", "[fe80::1]", "metadata.google.internal",
)  # fmt: skip
ORIGINS = (
    "null", "", "https://evil.example", "http://localhost.evil.example", "http://evil.example#http://localhost",
    "http://localhost@evil.example", "http://localhost:80:80", "http://localhost/", "http://localhost/path", "//localhost",
    "localhost", "file://", "file://localhost", "chrome-extension://localhost", "http://127.0.0.2", "http://[::2]",
    "http://localhost, http://evil.example", "javascript://localhost", "ftp://localhost", "http://localhost:999999",
)  # fmt: skip


def test_there_are_as_many_cases_as_were_tried() -> None:
    """The tables have at least 46 distinct hosts and origins."""
    assert len({*HOSTS}) + len({*ORIGINS}) >= 46


async def test_other_hosts_are_refused(settings: Settings) -> None:
    """DNS rebinding: a page's own name that leads to this machine."""
    async with open_client(settings) as client:
        for host in HOSTS:
            headers = [(b"host", host.encode()), (b"content-type", b"application/json")]
            response = await client.post("/graphql", json=QUERY, headers=headers)
            assert response.status_code == 403, host
            assert response.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN", host
        two = [("host", "localhost"), ("host", "evil.example")]
        assert (await client.post("/graphql", json=QUERY, headers=two)).status_code == 403
        for host in ("localhost", "LOCALHOST:8000", "127.0.0.1", "[::1]:1"):
            assert (await client.post("/graphql", json=QUERY, headers={"host": host})).status_code == 200, host


async def test_other_origins_are_refused(settings: Settings) -> None:
    """Each foreign origin gets 403 without CORS headers, and a loopback origin gets 200."""
    async with open_client(settings) as client:
        for origin in ORIGINS:
            response = await client.post("/graphql", json=QUERY, headers={"origin": origin})
            assert response.status_code == 403, origin
            assert "access-control-allow-origin" not in response.headers, origin
        assert (await client.post("/graphql", json=QUERY, headers={"origin": "http://localhost:1"})).status_code == 200


@pytest.mark.parametrize("path", ["/graphql/", "/graphql/?query=x", "//evil.example/graphql/", "/livez/", "/"])
async def test_nobody_is_redirected_to_another_host(settings: Settings, path: str) -> None:
    """Also where callers are told apart, and any name may be ours."""
    async with open_client(settings, auth_firebase_project="p", graphiql=True) as client:
        for host in ("evil.example", "evil.example:1", "localhost"):
            response = await client.get(httpx.URL(f"http://x{path}"), headers={"host": host})
            assert response.headers.get("location", "/graphql").startswith("/graphql"), (path, host)
            assert "evil" not in response.headers.get("location", "")
        slashed = await client.get("/graphql/", params={"a": "b"})
        assert (slashed.status_code, slashed.headers["location"]) == (307, "/graphql?a=b")
