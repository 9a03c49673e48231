"""The bucket that the environment describes, for programs that have no settings of their own."""

import os
from functools import lru_cache

from storage.exceptions import StorageNotConfiguredError
from storage.signing import UrlSigner

_ENDPOINT = "CLIPGRAPH_R2_ENDPOINT_URL"
_ACCOUNT = "CLIPGRAPH_R2_ACCOUNT_ID"
_REQUIRED = ("CLIPGRAPH_R2_BUCKET", "CLIPGRAPH_R2_ACCESS_KEY_ID", "CLIPGRAPH_R2_SECRET_ACCESS_KEY")
_WINDOW = "CLIPGRAPH_URL_WINDOW_SECONDS"
DEFAULT_WINDOW_SECONDS = 900


def generate_presigned_url(key: str, expires_in: int = 3600) -> str:
    """A URL that reads the object without credentials, for at least `expires_in` seconds and at most 7 days.

    The bucket is the environment's (`CLIPGRAPH_R2_…`); `StorageNotConfiguredError` names missing variables.
    """
    endpoint_url = os.environ.get(_ENDPOINT) or _find_account_endpoint()
    values = [os.environ.get(name) for name in _REQUIRED]
    missing = [name for name, value in zip(_REQUIRED, values, strict=True) if not value]
    if not endpoint_url:
        missing.insert(0, f"{_ENDPOINT} (or {_ACCOUNT})")
    if missing:
        raise StorageNotConfiguredError(missing)
    signer = _make_signer(endpoint_url, *values, os.environ.get(_WINDOW, str(DEFAULT_WINDOW_SECONDS)))
    return signer.presign_plain("GET", key, expires_in)


def _find_account_endpoint() -> str | None:
    account_id = os.environ.get(_ACCOUNT)
    return f"https://{account_id}.r2.cloudflarestorage.com" if account_id else None


@lru_cache(maxsize=4)
def _make_signer(
    endpoint_url: str, bucket: str, access_key_id: str, secret_access_key: str, window_seconds: str
) -> UrlSigner:
    """The signer, which keeps the day's signing key; another one once the environment has changed."""
    return UrlSigner(endpoint_url, bucket, access_key_id, secret_access_key, window_seconds=int(window_seconds))
