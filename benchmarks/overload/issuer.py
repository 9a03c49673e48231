"""An issuer of tokens for very many callers."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

AUDIENCE = "benchmark"
KEY_ID = "1"
TOKEN_SECONDS = 4 * 3600


@dataclass(frozen=True)
class Issuer:
    """A key, and the address at which its public half is served."""

    address: str
    key: ec.EllipticCurvePrivateKey

    @property
    def setting(self) -> str:
        """The value of `CLIPGRAPH_AUTH_ISSUERS` for a server that trusts it."""
        entry = {"issuer": self.address, "audience": AUDIENCE, "jwks_url": f"{self.address}/keys"}
        return json.dumps([{**entry, "algorithms": ["ES256"], "roles_claim": "roles"}])

    def mint(self, user_id: str, role: str = "worker") -> str:
        """A token of a user, for hours."""
        now = int(time.time())
        claims = {"iss": self.address, "aud": AUDIENCE, "sub": user_id, "roles": [role]}
        return jwt.encode(claims | {"iat": now, "exp": now + TOKEN_SECONDS}, self.key, "ES256", {"kid": KEY_ID})


@contextmanager
def serve_issuer() -> Iterator[Issuer]:
    """An issuer that answers as long as the block runs."""
    key = ec.generate_private_key(ec.SECP256R1())
    public: dict[str, Any] = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    body = json.dumps({"keys": [public | {"kid": KEY_ID, "use": "sig", "alg": "ES256"}]}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Issuer(f"http://127.0.0.1:{server.server_address[1]}", key)
        server.shutdown()
