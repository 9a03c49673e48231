"""The errors of the S3 API, with the codes and statuses that R2 documents, and AWS's where R2 follows."""

from collections.abc import Mapping

ERRORS: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Access Denied."),
    "AccessForbidden": (403, "The bucket's CORS policy does not allow this request."),
    "BadDigest": (400, "The checksum that was given does not match the content."),
    "BucketConflict": (409, "The bucket you tried to create already exists, and you own it."),
    "BucketNotEmpty": (409, "The bucket you tried to delete is not empty."),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed object size."),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed object size."),
    "ExpiredRequest": (403, "Request has expired."),
    "IncompleteBody": (400, "The length of the request body differs from its declared length."),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidArgument": (400, "Invalid Argument."),
    "InvalidBucketName": (400, "The specified bucket name is not valid."),
    "InvalidDigest": (400, "The checksum that was given is not valid."),
    "InvalidLocationConstraint": (400, "The specified location constraint is not valid."),
    "InvalidObjectName": (400, "The specified object name is not valid."),
    "InvalidPart": (400, "One or more of the specified parts could not be found."),
    "InvalidPartNumber": (416, "The requested partnumber is not satisfiable."),
    "InvalidPartOrder": (400, "The list of parts names a part twice."),
    "InvalidRange": (416, "The requested range is not satisfiable."),
    "InvalidRegionName": (400, "The region name is not valid."),
    "InvalidRequest": (400, "Invalid Request."),
    "MalformedXML": (400, "The XML you provided was not well formed or did not validate against our schema."),
    "MaxMessageLengthExceeded": (400, "Your request was too big."),
    "MetadataTooLarge": (400, "Your metadata headers exceed the maximum allowed metadata size."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "NoSuchBucket": (404, "The specified bucket does not exist."),
    "NoSuchCORSConfiguration": (404, "The CORS configuration does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchUpload": (404, "The specified multipart upload does not exist."),
    "NotImplemented": (501, "This is not implemented."),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold."),
    "RequestTimeTooSkewed": (403, "The difference between the request time and the server's time is too large."),
    "SignatureDoesNotMatch": (
        403,
        "The request signature we calculated does not match the one you provided. Check your key and signing method.",
    ),
    "Unauthorized": (401, "Unauthorized."),
    "XAmzContentSHA256Mismatch": (400, "The provided 'x-amz-content-sha256' header does not match what was computed."),
}
"""code → (HTTP status, what its message says where the place that raises it says nothing better)"""


class S3Error(Exception):
    """A refusal that the client gets as XML; `headers` go into the answer as well."""

    def __init__(self, code: str, message: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        self.status, usual_message = ERRORS[code]
        self.code = code
        self.message = message or usual_message
        self.headers = dict(headers or {})
        super().__init__(f"{code}: {self.message}")


class NotModifiedError(Exception):
    """The client has the object already; `headers` are those of the answer 304."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("Not Modified")
        self.headers = dict(headers)


class StoreError(Exception):
    """The server cannot run over this folder; the text is one line that says why."""
