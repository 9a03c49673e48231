"""API keys: for workers that no issuer gives tokens to."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from gql.authentication.errors import CallerRefusedError
from gql.permissions import API_KEY, Principal, Role
from settings import ApiKeySettings

PREFIX = "cg_"
KEY_BYTES = 32
# What `secrets.token_urlsafe` makes of so many bytes. Shorter ones are no keys of ours, and could be guessed.
MIN_KEY_CHARACTERS = len(PREFIX) + 43


def make_api_key() -> tuple[str, str]:
    """A new key, and the hash by which the settings know it."""
    key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    return key, hash_api_key(key)


def hash_api_key(key: str) -> str:
    """The hash of a key.

    One round of SHA-256 is enough: a key has 256 random bits, too many to try. Slow hashes are for passwords, and here
    would let any client keep the server busy with wrong keys.
    """
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKeys:
    """The keys that the settings know by their hashes."""

    def __init__(self, keys: Iterable[ApiKeySettings]) -> None:
        self._keys = tuple(keys)

    def identify(self, key: str) -> Principal:
        """The owner of the key; `CallerRefusedError` for an unknown key."""
        given = hash_api_key(key)
        # All are compared, each in constant time: how long it takes does not tell how near a guess came.
        matching = [known for known in self._keys if hmac.compare_digest(known.sha256, given)]
        if not matching or len(key) < MIN_KEY_CHARACTERS:
            raise CallerRefusedError("The API key is not valid.")
        return Principal(user_id=matching[0].name, roles=frozenset({Role(matching[0].role)}), issuer=API_KEY)
