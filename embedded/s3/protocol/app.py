"""The ASGI app: who asks, what for, and the answer to it."""

import errno
import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from embedded.s3.errors import NotModifiedError, S3Error
from embedded.s3.operations.call import Call
from embedded.s3.operations.cors import load_rules, make_headers, make_preflight_headers
from embedded.s3.operations.threads import run
from embedded.s3.protocol.bodies import Receive
from embedded.s3.protocol.buckets import create_bucket
from embedded.s3.protocol.requests import Request, authorize, parse_request
from embedded.s3.protocol.responses import Response, Send, send_response
from embedded.s3.protocol.routes import find_route
from embedded.s3.protocol.xml import make_error
from embedded.s3.store.store import Store

log = logging.getLogger(__name__)

# A file that may not grow is an error of input and output to SQLite, whose name says at which step.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, "SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC"}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM, "SQLITE_READONLY", "SQLITE_READONLY_DIRECTORY"}


class S3App:
    """Serves a store to those who sign with one of the key pairs (id → secret)."""

    def __init__(self, store: Store, credentials: Mapping[str, str]) -> None:
        self._store = store
        self._credentials = credentials

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """One request."""
        request = parse_request(scope)
        response = await self._answer(request, receive)
        response = await self._add_cors(request, response)
        await send_response(response, receive, send, has_body=scope["method"] != "HEAD")

    async def _answer(self, request: Request, receive: Receive) -> Response:
        try:
            if request.message.method == "OPTIONS":
                return await self._preflight(request)
            return await self._run(authorize(request, receive, self._credentials))
        except NotModifiedError as answer:
            return Response(304, answer.headers)
        except S3Error as error:
            return _refuse(error)
        except (OSError, sqlite3.Error) as error:
            log.exception("%s %s failed", request.message.method, request.key)
            return _refuse(translate_disk_error(error))
        except Exception:
            log.exception("%s %s failed", request.message.method, request.key)
            return _refuse(S3Error("InternalError"))

    async def _run(self, call: Call) -> Response:
        route = find_route(call)
        if call.bucket and route.handler is not create_bucket:
            self._find_bucket(call)
        return await route.handler(self._store, call)

    def _find_bucket(self, call: Call) -> None:
        """Raises NoSuchBucket, unless the request wants its bucket made: R2's `cf-create-bucket-if-missing`."""
        if self._store.buckets.check_exists(call.bucket):
            return
        is_upload = call.key and call.method in {"PUT", "POST"} and set(call.query) <= {"uploads"}
        if not is_upload or call.headers.get("cf-create-bucket-if-missing", "").lower() != "true":
            raise S3Error("NoSuchBucket")
        self._store.buckets.create(call.bucket)

    async def _preflight(self, request: Request) -> Response:
        origin, method = request.headers.get("origin"), request.headers.get("access-control-request-method")
        if not origin or not method:
            raise S3Error("InvalidRequest", "A preflight has the headers Origin and Access-Control-Request-Method.")
        bucket = await run(self._store.buckets.find, request.bucket)
        wanted = request.headers.get("access-control-request-headers", "").split(",")
        names = tuple(name.strip() for name in wanted if name.strip())
        headers = make_preflight_headers(load_rules(bucket.cors), origin, method, names)
        if headers is None:
            raise S3Error("AccessForbidden")
        return Response(204, headers)

    async def _add_cors(self, request: Request, response: Response) -> Response:
        """The answer, readable for pages that the bucket's policy allows to read it; no refusal is, as in R2."""
        origin, method = request.headers.get("origin"), request.message.method
        if (
            not origin
            or method == "OPTIONS"
            or response.status >= HTTPStatus.BAD_REQUEST
            or not self._store.buckets.check_exists(request.bucket)
        ):
            return response
        bucket = await run(self._store.buckets.find, request.bucket)
        headers = make_headers(load_rules(bucket.cors), origin, method)
        return replace(response, headers={**response.headers, **headers})


def translate_disk_error(error: OSError | sqlite3.Error) -> S3Error:
    """The response to a failure of the disk; the stored objects are unchanged."""
    reason = error.errno if isinstance(error, OSError) else getattr(error, "sqlite_errorname", None)
    if reason in _FULL:
        return S3Error("InternalError", "The disk of the data directory is full.")
    if reason in _READ_ONLY:
        return S3Error("AccessDenied", "The folder of the objects is read-only.")
    return S3Error("InternalError")


def _refuse(error: S3Error) -> Response:
    headers = {"content-type": "application/xml", **error.headers}
    return Response(error.status, headers, make_error(error.code, error.message))
