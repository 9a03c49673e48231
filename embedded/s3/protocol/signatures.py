"""SigV4: by the header Authorization, and by the query of a presigned URL."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from embedded.s3.errors import S3Error

ALGORITHM = "AWS4-HMAC-SHA256"
REGIONS = ("wnam", "enam", "weur", "eeur", "apac", "oc", "auto")
ALIASES = ("", "us-east-1")
"""Regions that R2 takes for `auto`: https://developers.cloudflare.com/r2/api/s3/api/#bucket-region"""

MAX_SKEW_SECONDS = 15 * 60
MAX_EXPIRES_SECONDS = 7 * 24 * 3600
UNSIGNED = "UNSIGNED-PAYLOAD"

_CREDENTIAL = re.compile(r"([^/]+)/(\d{8})/([^/]*)/([^/]+)/aws4_request")
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-f]+)\s*"
)
_IN_URL = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Message:
    """A request's signed parts: the path and the query as they came, and all headers (latin-1, lower case names)."""

    method: str
    path: bytes
    query: Pairs
    headers: Pairs

    def get_header(self, name: str) -> str | None:
        """The header's values, joined as they are signed; None without the header."""
        values = [" ".join(value.split()) for each, value in self.headers if each == name]
        return ",".join(values) if values else None

    def get_parameter(self, name: str) -> str | None:
        """The parameter's first value; None without it."""
        return next((value for each, value in self.query if each == name), None)


@dataclass(frozen=True, slots=True)
class Claim:
    """A request's claim about its signature. `expires_seconds` is None for a signature in the header."""

    access_key_id: str
    day: str
    region: str
    service: str
    amz_date: str
    signed_headers: tuple[str, ...]
    signature: str
    payload: str
    expires_seconds: int | None

    @property
    def scope(self) -> str:
        """The scope of the signing key."""
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class Signer:
    """The key of a request whose signature was verified: it signs the chunks that follow."""

    key: bytes
    amz_date: str
    scope: str
    signature: str

    def sign(self, kind: str, *parts: str) -> str:
        """The signature of a chunk or of the trailers."""
        text = "\n".join((f"{ALGORITHM}-{kind}", self.amz_date, self.scope, *parts))
        return hmac.digest(self.key, text.encode(), "sha256").hex()


def parse_claim(message: Message) -> Claim:
    """The request's claim about its signature; InvalidArgument where there is none, or half of one."""
    authorization = message.get_header("authorization")
    in_url = [name for name in _IN_URL if message.get_parameter(name) is not None]
    if in_url and authorization is not None:
        raise S3Error("InvalidArgument", "Only one auth mechanism allowed.")
    if in_url:
        return _parse_url(message)
    if authorization is None:
        raise S3Error("InvalidArgument", "Authorization")
    return _parse_header(message, authorization)


def verify_signature(message: Message, claim: Claim, secret: str, now: datetime) -> Signer:
    """Raises the error of a signature that does not hold, was not meant for us, or holds no more."""
    _assert_scope(claim)
    key = _derive_key(secret, claim.day, claim.region)
    hashed = hashlib.sha256(_make_canonical_request(message, claim)).hexdigest()
    text = f"{ALGORITHM}\n{claim.amz_date}\n{claim.scope}\n{hashed}"
    signature = hmac.digest(key, text.encode("latin-1"), "sha256").hex()
    if not hmac.compare_digest(signature.encode(), claim.signature.encode("latin-1")):
        raise S3Error("SignatureDoesNotMatch")
    _assert_current(claim, now)
    _assert_all_signed(message, claim)
    return Signer(key, claim.amz_date, claim.scope, signature)


def _parse_header(message: Message, authorization: str) -> Claim:
    matched = _AUTHORIZATION.fullmatch(authorization)
    payload = message.get_header("x-amz-content-sha256")
    if matched is None:
        raise S3Error("InvalidArgument", "Authorization")
    if payload is None:
        raise S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    amz_date = message.get_header("x-amz-date")
    if amz_date is None or _parse_date(amz_date) is None:
        raise S3Error("InvalidArgument", "x-amz-date")
    return _make_claim(matched[1], amz_date, matched[2], matched[3], payload, None)


def _parse_url(message: Message) -> Claim:
    values = {name: message.get_parameter(name) or "" for name in _IN_URL}
    missing = [name for name, value in values.items() if not value]
    if missing or any([each for each, _ in message.query].count(name) > 1 for name in _IN_URL):
        raise S3Error("InvalidArgument", missing[0] if missing else "A parameter of the signature is given twice.")
    if values["X-Amz-Algorithm"] != ALGORITHM or _parse_date(values["X-Amz-Date"]) is None:
        raise S3Error("InvalidArgument", "X-Amz-Algorithm or X-Amz-Date is not valid.")
    expires = values["X-Amz-Expires"]
    if not (expires.isascii() and expires.isdigit() and len(expires) < 12):  # noqa: PLR2004 - no validity is longer
        raise S3Error("InvalidArgument", "X-Amz-Expires must be a number of seconds.")
    payload = message.get_header("x-amz-content-sha256") or message.get_parameter("X-Amz-Content-Sha256") or UNSIGNED
    return _make_claim(
        values["X-Amz-Credential"], values["X-Amz-Date"], values["X-Amz-SignedHeaders"], values["X-Amz-Signature"],
        payload, int(expires),
    )  # fmt: skip


def _make_claim(
    credential: str, amz_date: str, signed_headers: str, signature: str, payload: str, expires_seconds: int | None
) -> Claim:
    matched = _CREDENTIAL.fullmatch(credential)
    if matched is None:
        raise S3Error("InvalidArgument", "Credential must be of the form id/date/region/s3/aws4_request.")
    access_key_id, day, region, service = matched.groups()
    names = tuple(signed_headers.lower().split(";"))
    return Claim(access_key_id, day, region, service, amz_date, names, signature, payload, expires_seconds)


def _assert_scope(claim: Claim) -> None:
    if claim.region not in REGIONS + ALIASES:
        names = ", ".join(REGIONS)
        raise S3Error("InvalidRegionName", f"The region name '{claim.region}' is not valid. Must be one of: {names}")
    if claim.service != "s3" or claim.amz_date[:8] != claim.day or "host" not in claim.signed_headers:
        raise S3Error("SignatureDoesNotMatch")


def _assert_current(claim: Claim, now: datetime) -> None:
    signed_at = _parse_date(claim.amz_date)
    age_seconds = (now - signed_at).total_seconds() if signed_at else 0.0
    if age_seconds < -MAX_SKEW_SECONDS:
        raise S3Error("RequestTimeTooSkewed")
    if claim.expires_seconds is None:
        if age_seconds > MAX_SKEW_SECONDS:
            raise S3Error("RequestTimeTooSkewed")
        return
    if claim.expires_seconds > MAX_EXPIRES_SECONDS:
        raise S3Error(
            "InvalidArgument",
            "X-Amz-Expires must be less than a week (in seconds); "
            f"that is, the given X-Amz-Expires must be less than {MAX_EXPIRES_SECONDS} seconds",
        )
    if claim.expires_seconds < 1:
        raise S3Error("InvalidArgument", "X-Amz-Expires must be at least a second.")
    if age_seconds > claim.expires_seconds:
        raise S3Error("ExpiredRequest")


def _assert_all_signed(message: Message, claim: Claim) -> None:
    """Asserts that a signed URL has no unsigned header that changes its meaning, such as x-amz-copy-source."""
    present = {name for name, _ in message.headers if name.startswith(("x-amz-", "cf-"))}
    free = {"x-amz-content-sha256", "cf-connecting-ip", "cf-ray"}
    unsigned = sorted(present - set(claim.signed_headers) - free)
    if unsigned:
        names = ", ".join(unsigned)
        raise S3Error("AccessDenied", f"There were headers present in the request which were not signed: {names}")


def _make_canonical_request(message: Message, claim: Claim) -> bytes:
    query = sorted(
        (
            quote(name, safe="-_.~", encoding="utf-8", errors="surrogateescape"),
            quote(value, safe="-_.~", errors="surrogateescape"),
        )
        for name, value in message.query
        if not (claim.expires_seconds is not None and name == "X-Amz-Signature")
    )
    lines = [f"{name}:{message.get_header(name) or ''}" for name in claim.signed_headers]
    return "\n".join(
        (
            message.method,
            quote(unquote_to_bytes(message.path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            *lines,
            "",
            ";".join(claim.signed_headers),
            claim.payload,
        )
    ).encode("latin-1")


@lru_cache(64)
def _derive_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _parse_date(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
