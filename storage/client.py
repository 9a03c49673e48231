"""The boto3 client, configured for R2, and the conversion of botocore's errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from storage.exceptions import InvalidPartsError, StorageError, StorageUnavailableError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from botocore.loaders import Loader
    from mypy_boto3_s3 import S3Client

MAX_ATTEMPTS = 3
"""The first try and two more, with botocore's backoff between them."""

_NOT_FOUND_CODES = {"404", "NoSuchKey", "NoSuchUpload", "NotFound"}
_PARTS_CODES = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML"}
_BUSY_CODES = {"SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError", "Throttling"}


def make_client(
    *,
    endpoint_url: str,
    access_key_id: str,
    secret_access_key: str,
    region: str,
    timeout_seconds: float,
    connections: int,
) -> "S3Client":
    """A client of its own session; safe to share between threads."""
    # botocore takes a fifth of a second to import, and a process that only signs URLs never needs it.
    import botocore.session
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        # R2 refuses the checksum trailers that botocore otherwise adds to every upload.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=min(timeout_seconds, 5.0),
        read_timeout=timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        max_pool_connections=connections,
        # A proxy of the environment leads out; this machine's own servers are not there.
        proxies={} if _is_loopback(endpoint_url) else None,
    )
    session = botocore.session.get_session()
    session.register_component("data_loader", _make_loader())
    client: S3Client = Session(botocore_session=session).client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        config=config,
    )
    return client


@cache
def _make_loader() -> "Loader":
    """One for all clients: it keeps the description of S3, which takes 0.1 s to read, and a client 0.01 s."""
    from botocore.loaders import create_loader

    return create_loader()


@contextmanager
def translate_errors(missing: StorageError | None = None) -> Iterator[None]:
    """Converts botocore's errors to `StorageError`s; a 404 becomes `missing`, if it is given."""
    from botocore import exceptions
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError as Urllib3Error

    try:
        yield
    except exceptions.ClientError as error:
        raise _translate(error, missing) from error
    except (
        exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.IncompleteReadError,
        # An answer that was cut short: botocore lets these pass as they are.
        ResponseParserError, Urllib3Error, ConnectionError,
    ) as error:  # fmt: skip
        raise StorageUnavailableError(f"R2 did not answer: {error}") from error
    except exceptions.BotoCoreError as error:
        raise StorageError(f"The request to R2 is not valid: {error}") from error


def _translate(error: "ClientError", missing: StorageError | None) -> StorageError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if missing is not None and code in _NOT_FOUND_CODES:
        return missing
    if error.operation_name == "CompleteMultipartUpload" and code in _PARTS_CODES:
        return InvalidPartsError(code)
    if code in _BUSY_CODES or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return StorageUnavailableError(f"R2 is not available ({code or status}).")
    return StorageError(f"R2 refused {error.operation_name} ({code or status}).")


def _is_loopback(endpoint_url: str) -> bool:
    host = urlsplit(endpoint_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
