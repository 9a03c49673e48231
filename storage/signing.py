"""Presigned URLs: SigV4 in the query string, byte for byte as boto3 signs for the same moment, in microseconds.

boto3 needs hundreds of microseconds a URL, and a page of a thousand clips needs two thousand URLs. Here the day's
signing key and the common parts of a window's URLs are cached, so that a URL costs one SHA-256 and half an HMAC; and
the URLs themselves, while their window lasts.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import SplitResult, quote, urlsplit

MAX_EXPIRES_IN_SECONDS = 7 * 24 * 3600
"""SigV4's own limit; R2 has the same."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOTHING: Mapping[str, str] = {}
# Clients choose validities freely; the server's own pages need two or three.
_MAX_FORMS = 64
# Some 10 MB: ten pages of a thousand clips, with their thumbnails.
_MAX_URLS = 20_000
# A kilobyte each: two windows, and the times of files that are newer than theirs.
_MAX_STAMPS = 1_000
_MAX_KEYS = 8
_HUNDREDTH_MICROS = 10_000


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL that anyone may use until `expires_at` (UTC)."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UrlWindow:
    """For how long a URL stays the same, and since when its file is what it is; None if that is not known."""

    seconds: int
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Stamp:
    """The common parts of all URLs signed for one moment."""

    signed_at_seconds: int
    amz_date: str
    scope: str
    credential: str
    # The HMAC over all of the signed text but the hash of the request.
    signature: hmac.HMAC
    # By method and validity: forms of URLs that have neither parameters nor headers of their own.
    forms: dict[tuple[str, int], "_Form"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Form:
    """A URL without its key and signature, and the canonical request without its key."""

    url_head: str
    url_tail: str
    request_head: str
    request_tail: str
    signature: hmac.HMAC
    expires_at: datetime

    def fill_in(self, key: str) -> str:
        """The URL of the object."""
        path = quote(key, safe="/~")
        request = hashlib.sha256(f"{self.request_head}{path}{self.request_tail}".encode())
        signature = self.signature.copy()
        signature.update(request.hexdigest().encode())
        return f"{self.url_head}{path}{self.url_tail}{signature.hexdigest()}"


class UrlSigner:
    """Signs URLs for the objects of one bucket, addressed by path.

    The signing time is floored to a window of `window_seconds`, and the validity extended by as much: within a window
    the same call gives the same URL, which browsers and CDNs can cache, and it is valid for at least the given time.
    Close to the limit of 7 days the validity cannot be extended, and the window shrinks instead.

    URLs follow files: where the file's time is later than the window's start, it is the signing time, and its
    hundredths of a second lengthen the validity by as many seconds (less in windows below 100 seconds). So a file that
    is replaced has another URL at once, and each file's stays the same.

    `now` is the time at which a URL is signed; a request passes one for all its URLs, so that they share a window.
    """

    def __init__(
        self,
        endpoint_url: str,
        bucket: str,
        access_key_id: str,
        secret_access_key: str,
        region: str = "auto",
        window_seconds: int = 900,
    ) -> None:
        if window_seconds < 1:
            raise ValueError("The window of presigned URLs must be at least one second.")
        endpoint = urlsplit(endpoint_url)
        self._host = _host_header(endpoint)
        self._origin = f"{endpoint.scheme}://{endpoint.netloc}"
        self._base_path = f"{endpoint.path.rstrip('/')}/{bucket}/"
        self._access_key_id = access_key_id
        self._secret_access_key = secret_access_key
        self._region = region
        self._window = UrlWindow(window_seconds)
        self._stamps: dict[int, _Stamp] = {}
        self._signing_keys: dict[str, bytes] = {}
        # By method, signing time, validity and key: such URLs as were signed before.
        self._urls: dict[tuple[str, int, int, str], str] = {}
        self._rotations = 0

    def presign(
        self,
        method: str,
        key: str,
        expires_in_seconds: int,
        *,
        parameters: Mapping[str, str] = _NOTHING,
        headers: Mapping[str, str] = _NOTHING,
        window: UrlWindow | None = None,
        now: datetime | None = None,
    ) -> PresignedUrl:
        """A URL for `method` on the object, valid for at least `expires_in_seconds` and at most 7 days.

        `parameters` go into the query in their order; `headers` (names in lower case) are signed, so a request must
        send exactly these.
        """
        signed_at_seconds, validity_seconds = self._place(expires_in_seconds, window, now)
        stamp = self._stamp_for(signed_at_seconds)
        if parameters or headers:
            form = self._make_form(method, stamp, validity_seconds, parameters, headers)
        else:
            form = self._plain_form(method, stamp, validity_seconds)
        return PresignedUrl(form.fill_in(key), form.expires_at)

    def presign_plain(
        self,
        method: str,
        key: str,
        expires_in_seconds: int,
        window: UrlWindow | None = None,
        *,
        now: datetime | None = None,
    ) -> str:
        """The URL that `presign` gives without parameters and headers, for pages of thousands."""
        signed_at_seconds, validity_seconds = self._place(expires_in_seconds, window, now)
        place = (method, signed_at_seconds, validity_seconds, key)
        known = self._urls.get(place)
        if known is not None:
            return known
        if len(self._urls) >= _MAX_URLS:
            self._urls.clear()
        url = self._plain_form(method, self._stamp_for(signed_at_seconds), validity_seconds).fill_in(key)
        self._urls[place] = url
        return url

    def rotate(self, access_key_id: str, secret_access_key: str) -> None:
        """URLs are signed with this key from now on; earlier ones are R2's to refuse."""
        self._access_key_id = access_key_id
        self._secret_access_key = secret_access_key
        for kept in (self._stamps, self._signing_keys, self._urls):
            kept.clear()
        self._rotations += 1

    def get_window(
        self, expires_in_seconds: int, window: UrlWindow | None = None, *, now: datetime | None = None
    ) -> tuple[int, int, int]:
        """The values that URLs of this validity change with: while they are equal, the same call gives the same URL."""
        return self._rotations, *self._place(expires_in_seconds, window, now)

    def expires_at(
        self, expires_in_seconds: int, window: UrlWindow | None = None, *, now: datetime | None = None
    ) -> datetime:
        """The moment (UTC) at which a URL that is signed now will stop to work."""
        signed_at_seconds, validity_seconds = self._place(expires_in_seconds, window, now)
        return datetime.fromtimestamp(signed_at_seconds + validity_seconds, UTC)

    def _place(self, expires_in_seconds: int, window: UrlWindow | None, now: datetime | None) -> tuple[int, int]:
        """The signing time (seconds since 1970), and the validity in seconds."""
        if expires_in_seconds < 1:
            raise ValueError("The validity of a presigned URL must be at least one second.")
        window = window or self._window
        now_seconds = int(time.time() if now is None else now.timestamp())
        wanted_seconds = min(expires_in_seconds, MAX_EXPIRES_IN_SECONDS)
        window_seconds = min(window.seconds, MAX_EXPIRES_IN_SECONDS - wanted_seconds)
        if window_seconds == 0:
            return now_seconds, wanted_seconds
        start_seconds, validity_seconds = now_seconds - now_seconds % window_seconds, wanted_seconds + window_seconds
        if window.changed_at is None or (changed_seconds := window.changed_at.timestamp()) <= start_seconds:
            return start_seconds, validity_seconds
        hundredths = window.changed_at.microsecond // _HUNDREDTH_MICROS * min(window_seconds, 100) // 100
        # Another machine's clock may be ahead: R2 takes no signature of a later time.
        return min(int(changed_seconds), now_seconds), min(validity_seconds + hundredths, MAX_EXPIRES_IN_SECONDS)

    def _plain_form(self, method: str, stamp: _Stamp, validity_seconds: int) -> _Form:
        form = stamp.forms.get((method, validity_seconds))
        if form is None:
            if len(stamp.forms) >= _MAX_FORMS:
                stamp.forms.clear()
            form = self._make_form(method, stamp, validity_seconds, _NOTHING, _NOTHING)
            stamp.forms[method, validity_seconds] = form
        return form

    def _make_form(
        self,
        method: str,
        stamp: _Stamp,
        validity_seconds: int,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> _Form:
        signed_headers, canonical_headers = self._canonical_headers(headers)
        authentication = (
            f"X-Amz-Algorithm={_ALGORITHM}&X-Amz-Credential={stamp.credential}&X-Amz-Date={stamp.amz_date}"
            f"&X-Amz-Expires={validity_seconds}&X-Amz-SignedHeaders={quote(signed_headers, safe='')}"
        )
        operation = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters.items()]
        # Upper case sorts before lower: S3's own parameters come after X-Amz-… in the canonical query.
        canonical_query = "&".join([authentication, *sorted(operation)])
        query = "&".join([*operation, authentication])
        return _Form(
            f"{self._origin}{self._base_path}",
            f"?{query}&X-Amz-Signature=",
            f"{method}\n{self._base_path}",
            f"\n{canonical_query}\n{canonical_headers}\n\n{signed_headers}\nUNSIGNED-PAYLOAD",
            stamp.signature,
            datetime.fromtimestamp(stamp.signed_at_seconds + validity_seconds, UTC),
        )

    def _stamp_for(self, signed_at_seconds: int) -> _Stamp:
        stamp = self._stamps.get(signed_at_seconds)
        if stamp is None:
            if len(self._stamps) >= _MAX_STAMPS:
                self._stamps.clear()
            stamp = self._stamps[signed_at_seconds] = self._make_stamp(signed_at_seconds)
        return stamp

    def _make_stamp(self, signed_at_seconds: int) -> _Stamp:
        amz_date = datetime.fromtimestamp(signed_at_seconds, UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{amz_date[:8]}/{self._region}/s3/aws4_request"
        signing_key = self._find_signing_key(amz_date[:8])
        credential = quote(f"{self._access_key_id}/{scope}", safe="")
        signature = hmac.new(signing_key, f"{_ALGORITHM}\n{amz_date}\n{scope}\n".encode(), "sha256")
        return _Stamp(signed_at_seconds, amz_date, scope, credential, signature)

    def _find_signing_key(self, day: str) -> bytes:
        key = self._signing_keys.get(day)
        if key is None:
            if len(self._signing_keys) >= _MAX_KEYS:
                self._signing_keys.clear()
            key = self._signing_keys[day] = self._derive_signing_key(day)
        return key

    def _derive_signing_key(self, day: str) -> bytes:
        key = f"AWS4{self._secret_access_key}".encode()
        for part in (day, self._region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key

    def _canonical_headers(self, headers: Mapping[str, str]) -> tuple[str, str]:
        """The names of the signed headers, and their canonical lines."""
        if not headers:
            return "host", f"host:{self._host}"
        lines = {"host": self._host, **{name: " ".join(value.split()) for name, value in headers.items()}}
        names = sorted(lines)
        return ";".join(names), "\n".join(f"{name}:{lines[name]}" for name in names)


def _host_header(endpoint: SplitResult) -> str:
    """The Host that clients will send: lower case, and no port where it is the scheme's own."""
    if endpoint.scheme not in _DEFAULT_PORTS or not endpoint.hostname:
        raise ValueError("The endpoint of R2 must begin with http:// or https://.")
    host = f"[{endpoint.hostname}]" if ":" in endpoint.hostname else endpoint.hostname
    if endpoint.port in {None, _DEFAULT_PORTS[endpoint.scheme]}:
        return host
    return f"{host}:{endpoint.port}"
