"""A real issuer and a real server: RSA keys, an HTTP server that hands them out, and the app over HTTP."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from gql.app import create_app
from settings import ApiKeySettings, IssuerSettings, Settings

AUDIENCE = "our-audience"
Serve = Callable[..., AbstractAsyncContextManager[str]]
Mint = Callable[..., str]


@dataclass(frozen=True)
class SigningKey:
    """A key of an issuer."""

    kid: str
    private: Any
    algorithm: str = "RS256"

    def to_jwk(self) -> dict[str, Any]:
        """Its public half, as an issuer publishes it."""
        converter = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        public: dict[str, Any] = converter.to_jwk(self.private.public_key(), as_dict=True)
        return public | {"kid": self.kid, "use": "sig", "alg": self.algorithm}


@pytest.fixture(scope="session")
def keys() -> dict[str, SigningKey]:
    """Keys by their ids: the issuer's own, its next one, a stranger's, and one on a curve."""
    found = {kid: SigningKey(kid, rsa.generate_private_key(65537, 2048)) for kid in ("current", "next", "stranger")}
    return found | {"curve": SigningKey("curve", ec.generate_private_key(ec.SECP256R1()), "ES256")}


@dataclass
class IssuerServer:
    """An issuer's web server, which can change its keys, be slow, or be away."""

    address: str = ""
    discovered_issuer: str | None = None
    keys: list[SigningKey] = field(default_factory=list)
    cache_control: str = "public, max-age=3600"
    status: int = 200
    body: bytes | None = None
    requests: list[str] = field(default_factory=list)
    has_asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request."""
        with contextlib.suppress(ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(head.split()[1].decode())
            self.has_asked.set()
            await self.may_answer.wait()
            body = self._find_body(self.requests[-1]) if self.body is None else self.body
            writer.write(
                f"HTTP/1.1 {self.status} X\r\nContent-Type: application/json\r\nCache-Control: {self.cache_control}\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    def _find_body(self, path: str) -> bytes:
        if path.endswith("/.well-known/openid-configuration"):
            return json.dumps(
                {"issuer": self.discovered_issuer or self.address, "jwks_uri": f"{self.address}/keys"}
            ).encode()
        return json.dumps({"keys": [key.to_jwk() for key in self.keys]}).encode()


@pytest.fixture
async def issuer(keys: dict[str, SigningKey]) -> AsyncIterator[IssuerServer]:
    """An issuer that answers with its current key."""
    served = IssuerServer(keys=[keys["current"]])
    served.may_answer.set()
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield served
    served.may_answer.set()
    server.close()
    await server.wait_closed()


@pytest.fixture
def claims(issuer: IssuerServer) -> dict[str, Any]:
    """The claims of a good token."""
    now = int(time.time())
    return {"iss": issuer.address, "aud": AUDIENCE, "sub": "owner", "iat": now, "exp": now + 600}


@pytest.fixture
def mint(keys: dict[str, SigningKey], claims: dict[str, Any]) -> Mint:
    """Signs a token: a good one, unless its claims (None leaves one out) or its key are said to be others."""

    def mint(key: str = "current", headers: dict[str, Any] | None = None, **changes: Any) -> str:
        said = {name: value for name, value in (claims | changes).items() if value is not None}
        signing = keys[key]
        return jwt.encode(said, signing.private, signing.algorithm, {"kid": signing.kid, **(headers or {})})

    return mint


@pytest.fixture
def guarded(settings: Settings, issuer: IssuerServer) -> Settings:
    """Settings with the issuer, whose claim `roles` says what a caller is."""
    entry = IssuerSettings(issuer=issuer.address, audience=(AUDIENCE,), roles_claim=("roles",))
    return settings.model_copy(update={"auth_issuers": (entry,)})


@pytest.fixture
def add_api_key() -> Callable[..., Settings]:
    """Settings with one more API key."""

    def add_api_key(settings: Settings, name: str, sha256: str, role: str = "worker") -> Settings:
        entry = ApiKeySettings.model_validate({"name": name, "sha256": sha256, "role": role})
        return settings.model_copy(update={"auth_api_keys": (*settings.auth_api_keys, entry)})

    return add_api_key


@pytest.fixture
def serve() -> Serve:
    """Serves the app of some settings over real HTTP, and answers its address."""

    @contextlib.asynccontextmanager
    async def serve(settings: Settings) -> AsyncIterator[str]:
        # asyncio turns Nagle's delay off for sockets that say they are TCP's only.
        with socket.socket(proto=socket.IPPROTO_TCP) as listener:
            listener.bind(("127.0.0.1", 0))
            config = uvicorn.Config(create_app(settings), log_config=None, access_log=False)
            config.load()
            server = uvicorn.Server(config)
            # What `Server.serve` does, without its signal handlers and its ticks of 0.1 s.
            server.lifespan = config.lifespan_class(config)
            await server.startup(sockets=[listener])
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            await server.shutdown(sockets=[listener])

    return serve


@pytest.fixture
async def guarded_client(serve: Serve, guarded: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to a server that trusts the issuer, and nobody else."""
    async with serve(guarded) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        yield client


@pytest.fixture
def ask_viewer() -> Callable[..., Awaitable[httpx.Response]]:
    """Asks who the caller is, with a token."""

    async def ask_viewer(client: httpx.AsyncClient, token: str | None) -> httpx.Response:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return await client.post("/graphql", json={"query": "{ viewer { userId roles } }"}, headers=headers)

    return ask_viewer
