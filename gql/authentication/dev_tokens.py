"""Tokens for development: signed by a key in the data directory, which only a server without issuers trusts."""

import os
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gql.permissions import Role

# A name that nobody can own.
DEV_ISSUER = "https://clipgraph.invalid"
DEV_AUDIENCE = "clipgraph"
DEV_ROLES_CLAIM = "roles"
KEY_ID = "dev"
KEY_FILE = "dev-token-key.pem"


def mint_token(data_dir: Path, user_id: str, role: Role, expires_in_seconds: int) -> str:
    """A token for the user; the key that signs it is made where there is none."""
    now = int(time.time())
    claims = {
        "iss": DEV_ISSUER,
        "aud": DEV_AUDIENCE,
        "sub": user_id,
        DEV_ROLES_CLAIM: [role.value],
        "iat": now,
        "exp": now + expires_in_seconds,
    }
    return jwt.encode(claims, _load_or_make_key(data_dir), algorithm="ES256", headers={"kid": KEY_ID})


class DevKeys:
    """The key of a data directory, read at each use: `clipgraph token` may make it while the server runs."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / KEY_FILE

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The public key, or None where no token was ever made here."""
        if key_id != KEY_ID or not self._path.exists():
            return None
        public = jwt.algorithms.ECAlgorithm.to_jwk(_read_key(self._path).public_key(), as_dict=True)
        return jwt.PyJWK.from_dict(public, algorithm="ES256")


def _load_or_make_key(data_dir: Path) -> ec.EllipticCurvePrivateKey:
    path = data_dir / KEY_FILE
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _write_new(path, ec.generate_private_key(ec.SECP256R1()))
    return _read_key(path)


def _write_new(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """The file is there, its owner's alone; where another process was first, its key stays."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} does not contain a clipgraph key: delete it.")
    return key
