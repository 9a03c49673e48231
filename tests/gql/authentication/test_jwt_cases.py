# mypy: disable-error-code="misc"
# ruff: noqa: E501  a case is read in its line
"""Tokens that are not their issuer's, or not for us, or not for now: each is refused with 401.

The cases are those of RFC 8725 (best practices) and RFC 7515 (what a header can hold), of the published attacks on
libraries, and of claims of every type that JSON has.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from settings import Settings
from tests.gql.authentication.conftest import Mint, Serve, SigningKey

Ask = Callable[[httpx.AsyncClient, str | None], Awaitable[httpx.Response]]
HUGE = 10**400
MUCH_LATER = 10_000_000


def encode(part: bytes) -> str:
    """Base64 for URLs, without its end."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def write_json(value: object) -> bytes:
    """As compact as JWTs have it; numbers of any length."""
    return json.dumps(value, separators=(",", ":")).encode()


class Forge:
    """Makes tokens, good ones and others, of the issuer's claims and keys."""

    def __init__(self, mint: Mint, claims: dict[str, Any], keys: dict[str, SigningKey]) -> None:
        self._mint = mint
        self.claims = claims
        self.keys = keys

    def mint(self, key: str = "current", headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """A signed token with claims or a header changed; PyJWT itself would not make some of them."""
        if key != "current":
            return self._mint(key, headers, **changes)
        said = {name: value for name, value in (self.claims | changes).items() if value is not None}
        return self.sign(write_json(said))

    def split(self, **changes: Any) -> tuple[str, str, str]:
        """A good token's three parts."""
        head, body, signature = self.mint(**changes).split(".")
        return head, body, signature

    def write(self, head: bytes, body: bytes | None = None, signature: bytes = b"x" * 256) -> str:
        """A token of these bytes, not signed by anybody."""
        return f"{encode(head)}.{encode(write_json(self.claims) if body is None else body)}.{encode(signature)}"

    def sign(self, body: bytes, head: bytes = b'{"alg":"RS256","kid":"current"}') -> str:
        """A token of these bytes, signed by the issuer's own key."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        signed = f"{encode(head)}.{encode(body)}"
        key: Any = self.keys["current"].private
        return f"{signed}.{encode(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def sign_symmetrically(self, algorithm: str, secret: bytes) -> str:
        """A token whose signature is an HMAC."""
        signed = f"{encode(write_json({'alg': algorithm, 'kid': 'current'}))}.{encode(write_json(self.claims))}"
        digest = getattr(hashlib, f"sha{algorithm[2:]}")
        return f"{signed}.{encode(hmac.new(secret, signed.encode(), digest).digest())}"


Make = Callable[[Forge], str]


def _algorithms() -> Iterator[tuple[str, Make]]:
    names = ("none", "None", "NONE", "nOnE", "", " RS256", "RS256 ", "rs256", "HS256", "HS384", "HS512", "ES256", "ES384",
             "ES512", "ES256K", "PS256", "PS384", "PS512", "RS384", "RS512", "RS1", "EdDSA", "dir", "RSA-OAEP", "A256GCM")  # fmt: skip
    for name in names:
        head = write_json({"alg": name, "kid": "current"})
        yield f"alg {name!r} with no signature", lambda forge, head=head: forge.write(head, signature=b"")
        yield (
            f"alg {name!r} with the issuer's signature",
            lambda forge, head=head: forge.sign(write_json(forge.claims), head),
        )
    for value in (None, True, 7, ["RS256"], {"alg": "RS256"}):
        head = write_json({"alg": value, "kid": "current"})
        yield f"alg {value!r}", lambda forge, head=head: forge.sign(write_json(forge.claims), head)
    yield "no alg", lambda forge: forge.sign(write_json(forge.claims), b'{"kid":"current"}')


def _confusions() -> Iterator[tuple[str, Make]]:
    forms = {
        "PEM": (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        "DER": (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        "PKCS1": (serialization.Encoding.PEM, serialization.PublicFormat.PKCS1),
    }

    def forge_with(form: str, algorithm: str) -> Make:
        return lambda forge: forge.sign_symmetrically(
            algorithm, forge.keys["current"].private.public_key().public_bytes(*forms[form])
        )

    for form in forms:
        for algorithm in ("HS256", "HS384", "HS512"):
            yield f"{algorithm} with the public key as {form}", forge_with(form, algorithm)
    for secret in (b"", b"secret", b"current", b"\0"):
        yield f"HS256 with {secret!r}", lambda forge, secret=secret: forge.sign_symmetrically("HS256", secret)


def _headers() -> Iterator[tuple[str, Make]]:
    kids: tuple[object, ...] = (
        None, 7, True, [], {}, "", "unknown", "../../dev/null", "/dev/null", "current\0", "current ", "CURRENT", "'; --",
        "http://127.0.0.1:9/keys", "x" * 5_000,
    )  # fmt: skip
    for kid in kids:
        head = write_json({"alg": "RS256", "kid": kid})
        yield f"kid {str(kid)[:20]!r}", lambda forge, head=head: forge.sign(write_json(forge.claims), head)
    extras: dict[str, Any] = {
        "crit": ["exp"], "crit unknown": ["x"], "crit empty": [], "crit of b64": ["b64"],
    }  # fmt: skip
    for name, value in extras.items():
        critical = write_json({"alg": "RS256", "kid": "current", "crit": value, "b64": False})
        yield name, lambda forge, head=critical: forge.sign(write_json(forge.claims), head)
    yield "key of its own (jwk)", lambda forge: forge.mint("stranger", {"jwk": forge.keys["stranger"].to_jwk()})
    for name in ("jku", "x5u"):
        yield (
            f"address of keys ({name})",
            lambda forge, name=name: forge.mint("stranger", {name: "http://127.0.0.1:9/"}),
        )
    yield "certificate of its own (x5c)", lambda forge: forge.mint("stranger", {"x5c": ["AAAA"]})
    yield "known kid, stranger's key", lambda forge: forge.mint("stranger", {"kid": "current"})
    for head in (b"", b"{", b"[]", b"null", b'"RS256"', b"7", b"\xff\xfe", b"{}", b"[" * 5_000):
        yield f"header {head[:10]!r}", lambda forge, head=head: forge.write(head)


def _claims() -> Iterator[tuple[str, Make]]:
    odd: tuple[object, ...] = ("soon", "", [], {}, True, None)
    for claim in ("exp", "iat", "nbf"):
        for value in odd if claim != "nbf" else ("soon", [], {}):
            yield f"{claim} {value!r}", lambda forge, claim=claim, value=value: forge.mint(**{claim: value})
    for value in (0, -1, -HUGE, HUGE, 1e308):
        is_past = value < 1
        if is_past or abs(value) >= HUGE:
            yield (
                f"exp of {len(str(value))} digits{' before' if is_past else ''}",
                lambda forge, value=value: forge.sign(write_json(forge.claims | {"exp": value})),
            )
    for text in (b"1e400", b"-1e400", b"NaN", b"Infinity", b"1e-400"):
        body = b'{"exp":%s}' % text
        yield (
            f"exp {text.decode()}",
            lambda forge, body=body: forge.sign(write_json(forge.claims)[:-1] + b"," + body[1:]),
        )
    for claim in ("iat", "nbf"):
        yield f"{claim} of 400 digits", lambda forge, claim=claim: forge.sign(write_json(forge.claims | {claim: HUGE}))
        yield f"{claim} to come", lambda forge, claim=claim: forge.mint(**{claim: int(time.time()) + MUCH_LATER})
    for value in (
        "another",
        "",
        None,
        [],
        ["another"],
        {},
        {"our-audience": 1},
        7,
        True,
        [["our-audience"]],
        "our-audience ",
    ):
        yield f"aud {value!r}", lambda forge, value=value: forge.mint(aud=value)
    for value in ("https://another.example", "", None, [], {}, 7, True):
        yield f"iss {value!r}", lambda forge, value=value: forge.mint(iss=value)
    yield "iss with a slash more", lambda forge: forge.mint(iss=f"{forge.claims['iss']}/")
    yield "iss in a list", lambda forge: forge.mint(iss=[forge.claims["iss"]])
    yield "iss in capitals", lambda forge: forge.mint(iss=forge.claims["iss"].upper())
    for value in (None, "", 7, True, [], {}, ["owner"], "a/b", "__a__", "x" * 129, "..", "a\0b", "\u202eowner"):
        yield f"sub {str(value)[:12]!r}", lambda forge, value=value: forge.mint(sub=value)


def _shapes() -> Iterator[tuple[str, Make]]:
    bodies = (
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"x"',
        b"\xff\xfe",
        b"{}",
        b"[" * 9_000,
        b'{"exp":' + b"9" * 5_000 + b"}",
    )
    for body in bodies:
        yield f"body {body[:10]!r} of {len(body)}", lambda forge, body=body: forge.sign(body)
    yield "two dots more", lambda forge: f"{forge.mint()}.."
    yield "no signature", lambda forge: ".".join(forge.split()[:2])
    yield "empty signature", lambda forge: ".".join((*forge.split()[:2], ""))
    yield "body of another", lambda forge: ".".join((forge.split()[0], forge.split(sub="another")[1], forge.split()[2]))
    yield (
        "head of another",
        lambda forge: ".".join((encode(b'{"alg":"RS256","kid":"current","a":1}'), *forge.split()[1:])),
    )
    yield "signature turned around", lambda forge: ".".join((*forge.split()[:2], forge.split()[2][::-1]))
    yield "signature cut", lambda forge: forge.mint()[:-8]
    yield "signature twice", lambda forge: forge.mint() + forge.split()[2]
    yield "signature of zeros", lambda forge: ".".join((*forge.split()[:2], encode(b"\0" * 256)))
    yield "a comma and another", lambda forge: f"{forge.mint()},{forge.mint()}"
    yield (
        "JSON serialization",
        lambda forge: json.dumps(dict(zip(("protected", "payload", "signature"), forge.split(), strict=True))),
    )
    yield "encrypted (five parts)", lambda forge: ".".join([*forge.split(), "AAAA", "AAAA"])
    yield "too long", lambda forge: forge.mint(padding="x" * 20_000)
    yield "expired", lambda forge: forge.mint(exp=int(time.time()) - 61)


CASES = dict(case for cases in (_algorithms, _confusions, _headers, _claims, _shapes) for case in cases())


def test_there_are_as_many_cases_as_were_tried() -> None:
    """The table has at least 147 cases."""
    assert len(CASES) >= 147


@pytest.fixture
def forge(mint: Mint, claims: dict[str, Any], keys: dict[str, SigningKey]) -> Forge:
    """The maker of the tokens."""
    return Forge(mint, claims, keys)


async def test_good_tokens_are_taken(guarded_client: httpx.AsyncClient, ask_viewer: Ask, forge: Forge) -> None:
    """Good tokens made in the same way are accepted, so the cases below are refused for their own faults."""
    for token in (forge.mint(), forge.sign(write_json(forge.claims)), forge.mint(exp=10**12)):
        assert (await ask_viewer(guarded_client, token)).status_code == 200


@pytest.fixture
async def patient_client(serve: Serve, guarded: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to a server that lets an address be refused as often as it likes."""
    settings = guarded.model_copy(update={"requests_per_minute_anonymous": 1_000_000})
    async with serve(settings) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        yield client


async def test_every_other_token_is_refused(patient_client: httpx.AsyncClient, ask_viewer: Ask, forge: Forge) -> None:
    """All of them by one server, of which the last good token is still taken."""
    taken = {}
    for name, make in CASES.items():
        response = await ask_viewer(patient_client, make(forge))
        if (
            response.status_code != 401
            or "data" in response.json()
            or response.json()["errors"][0]["extensions"] != {"code": "UNAUTHENTICATED"}
        ):
            taken[name] = response.status_code, response.text[:200]
    assert taken == {}
    assert (await ask_viewer(patient_client, forge.mint())).status_code == 200
