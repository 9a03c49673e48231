"""Requests as they are, signed by botocore: what a client that thinks for itself would never send."""

import hashlib
import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote
from xml.etree.ElementTree import Element

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from defusedxml.ElementTree import fromstring

from tests.embedded.s3.server import KEY_ID, SECRET
from tests.patience import PATIENCE_SECONDS

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def xml(self) -> Element:
        """The document, without namespaces."""
        top: Element = fromstring(self.body)
        for each in top.iter():
            each.tag = each.tag.rpartition("}")[2]
        return top

    @property
    def code(self) -> str | None:
        """The code of an error."""
        return self.xml.findtext("Code") if self.status >= 400 and self.body else None

    def texts(self, path: str) -> list[str]:
        """The texts of the document's elements at that path."""
        return [each.text or "" for each in self.xml.findall(path)]


class RawS3:
    """One connection to a server."""

    def __init__(self, host_port: str, key_id: str = KEY_ID, secret: str = SECRET) -> None:
        self.host_port = host_port
        self._credentials = Credentials(key_id, secret)
        self._connection = http.client.HTTPConnection(host_port, timeout=PATIENCE_SECONDS)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Headers | None = None,
        body: bytes = b"",
        region: str = "auto",
    ) -> Answer:
        """A signed request; the path is quoted here."""
        target = make_target(path, query or {})
        return self.send_as_is(method, target, self.sign(method, target, headers or {}, body, region), body)

    def sign(self, method: str, target: str, headers: Headers, body: bytes, region: str = "auto") -> dict[str, str]:
        """The headers, with those of the signature; a Content-Length among them is left to the connection."""
        request = AWSRequest(method, f"http://{self.host_port}{target}", dict(headers))
        request.context["hash"] = request.headers.get("x-amz-content-sha256", hashlib.sha256(body).hexdigest())
        signer = _Signer(self._credentials, "s3", region)
        signer.add_auth(request)
        return dict(request.headers.items())

    def presign(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Headers | None = None,
        expires: int = 60,
        region: str = "auto",
    ) -> str:
        """The target of a presigned URL."""
        request = AWSRequest(method, f"http://{self.host_port}{make_target(path, query or {})}", dict(headers or {}))
        S3SigV4QueryAuth(self._credentials, "s3", region, expires=expires).add_auth(request)
        return str(request.url).removeprefix(f"http://{self.host_port}")

    def send_as_is(self, method: str, target: str, headers: Headers | None = None, body: bytes | None = None) -> Answer:
        """A request that nobody touches; headers go out in UTF-8."""
        encoded = {name: value.encode() for name, value in (headers or {}).items()}
        try:
            self._connection.request(method, target, body or None, encoded)
            response = self._connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._connection.close()
            self._connection.request(method, target, body or None, encoded)
            response = self._connection.getresponse()
        data = response.read()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, data)

    def close(self) -> None:
        """The connection is closed."""
        self._connection.close()


class _Signer(S3SigV4Auth):
    """Signs the hash of the body that it is given, right or wrong."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["hash"])


def make_target(path: str, query: Mapping[str, str]) -> str:
    """The path and the query as they go into a request."""
    pairs = [f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query.items()]
    return quote(path, safe="/-_.~", errors="surrogateescape") + (f"?{'&'.join(pairs)}" if pairs else "")


def now() -> str:
    """The date as signatures have it."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
