"""The verification of tokens: signature, issuer, audience, times and types."""

from collections.abc import Sequence
from typing import Any

import jwt

from gql.authentication.errors import CallerRefusedError
from gql.authentication.issuers import CLOCK_SKEW_SECONDS, Issuer
from gql.permissions import Principal

# Firebase's have about 1 KB; nobody's need more than headers may have.
MAX_TOKEN_CHARACTERS = 16_384

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "The token has expired."),
    (jwt.ImmatureSignatureError, "The token is not valid yet."),
    (jwt.InvalidAudienceError, "The token is for another audience."),
    (jwt.InvalidIssuerError, "The token's issuer is not trusted."),
    (jwt.MissingRequiredClaimError, "The token lacks one of the required claims `exp`, `iat`, `iss` and `aud`."),
    (jwt.InvalidSignatureError, "The token's signature is not valid."),
)
_OTHER_REASON = "The token is malformed."
# What claims of odd types, such as an endless `exp`, make PyJWT raise.
_UNREADABLE = (jwt.PyJWTError, ValueError, OverflowError, TypeError)


class TokenVerifier:
    """Tells the tokens of some issuers from all others."""

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._issuers = issuers

    async def verify(self, token: str) -> Principal:
        """The token's user; `CallerRefusedError` for a bad token, `KeysUnavailableError` during an outage."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise CallerRefusedError(_OTHER_REASON)
        header, unverified = _read_unverified(token)
        issuer = self._find_issuer(unverified)
        # The settings say which algorithms are good, never the token: `none`, or a public key used as the secret
        # of HS256, ends here.
        if header.get("alg") not in issuer.algorithms:
            raise CallerRefusedError("The token's algorithm is not accepted.")
        key_id = header.get("kid")
        key = await issuer.keys.find(key_id) if isinstance(key_id, str) else None
        if key is None or key.algorithm_name != header["alg"]:
            raise CallerRefusedError("The token's key id is unknown to its issuer.")
        claims = _verify(token, key, issuer)
        _assert_numbers(claims)
        user_id, roles = issuer.identify(claims)
        return Principal(user_id=user_id, roles=roles, expires_at=_read_expiry(claims), issuer=issuer.name)

    def _find_issuer(self, unverified: dict[str, Any]) -> Issuer:
        """The issuer that the token claims to be of; of several by one name, the one that knows its audience."""
        named = [issuer for issuer in self._issuers if issuer.name == unverified.get("iss")]
        if not named:
            raise CallerRefusedError("The token's issuer is not trusted.")
        return next((issuer for issuer in named if issuer.accepts(unverified.get("aud"))), named[0])


def _read_unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        read = jwt.decode_complete(token, options={"verify_signature": False})
    except _UNREADABLE:
        raise CallerRefusedError(_OTHER_REASON) from None
    return read["header"], read["payload"]


def _assert_numbers(claims: dict[str, Any]) -> None:
    """Raises CallerRefusedError where a time is a boolean, which Python, and so PyJWT, takes for 0 or 1."""
    if any(isinstance(claims.get(name), bool) for name in ("exp", "iat", "nbf")):
        raise CallerRefusedError(_OTHER_REASON)


def _read_expiry(claims: dict[str, Any]) -> float:
    """The end of the token's validity, in seconds since 1970."""
    try:
        return float(claims["exp"]) + CLOCK_SKEW_SECONDS
    except _UNREADABLE:
        raise CallerRefusedError(_OTHER_REASON) from None


def _verify(token: str, key: jwt.PyJWK, issuer: Issuer) -> dict[str, Any]:
    """The claims, of which every one is checked that a standard knows."""
    try:
        return jwt.decode(
            token,
            key,
            algorithms=list(issuer.algorithms),
            audience=issuer.audience,
            issuer=issuer.name,
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud"], "enforce_minimum_key_length": True},
        )
    except _UNREADABLE as error:
        reason = next((text for kind, text in _REASONS if isinstance(error, kind)), _OTHER_REASON)
        raise CallerRefusedError(reason) from None
