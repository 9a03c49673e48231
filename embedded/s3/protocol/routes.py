"""Which request is which operation, and what of the S3 API R2 has not.

https://developers.cloudflare.com/r2/api/s3/api/
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from embedded.s3.errors import S3Error
from embedded.s3.operations.call import Call
from embedded.s3.operations.objects import OVERRIDES
from embedded.s3.protocol import buckets, objects, uploads
from embedded.s3.protocol.responses import Response
from embedded.s3.store.store import Store

Handler = Callable[[Store, Call], Awaitable[Response]]

UNIMPLEMENTED_HEADERS = (
    "x-amz-bypass-governance-retention", "x-amz-expected-bucket-owner", "x-amz-grant-full-control", "x-amz-grant-read",
    "x-amz-grant-read-acp", "x-amz-grant-write", "x-amz-grant-write-acp", "x-amz-mfa", "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-request-payer",
    "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled", "x-amz-server-side-encryption-context",
    "x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-key",
    "x-amz-server-side-encryption-customer-key-md5", "x-amz-source-expected-bucket-owner", "x-amz-tagging",
    "x-amz-tagging-directive", "x-amz-website-redirect-location", "x-amz-write-offset-bytes",
)  # fmt: skip

SUBRESOURCES = {
    "accelerate": "BucketAccelerateConfiguration", "acl": "Acl", "analytics": "BucketAnalyticsConfiguration",
    "attributes": "ObjectAttributes", "cors": "BucketCors", "encryption": "BucketEncryption",
    "intelligent-tiering": "BucketIntelligentTieringConfiguration", "inventory": "BucketInventoryConfiguration",
    "legal-hold": "ObjectLegalHold", "lifecycle": "BucketLifecycleConfiguration", "logging": "BucketLogging",
    "metrics": "BucketMetricsConfiguration", "notification": "BucketNotificationConfiguration",
    "object-lock": "ObjectLockConfiguration", "ownershipControls": "BucketOwnershipControls", "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus", "publicAccessBlock": "PublicAccessBlock",
    "replication": "BucketReplication", "requestPayment": "BucketRequestPayment", "restore": "Object",
    "retention": "ObjectRetention", "select": "ObjectContent", "tagging": "Tagging", "torrent": "ObjectTorrent",
    "versioning": "BucketVersioning", "versions": "ObjectVersions", "website": "BucketWebsite",
}  # fmt: skip
"""What a parameter makes the request about, for the message of its refusal."""

_VERBS = {"GET": "Get", "HEAD": "Head", "PUT": "Put", "DELETE": "Delete", "POST": "Post"}
_NUMBERED = ("partNumber", "uploadId")
_LISTED = ("prefix", "delimiter", "max-keys", "encoding-type")
_RESPONSES = tuple(f"response-{name}" for name in OVERRIDES)


@dataclass(frozen=True, slots=True)
class Route:
    """An operation: the parameters that a request must have to be it, and those that it may have."""

    scope: str
    method: str
    handler: Handler
    must: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    header: str = ""

    def check_matches(self, scope: str, call: Call) -> bool:
        """Whether the request is this operation, and no more than it."""
        names = set(call.query)
        return (
            (self.scope, self.method) == (scope, call.method)
            and names >= set(self.must)
            and names <= {*self.must, *self.may}
            and (not self.header or self.header in call.headers)
        )


ROUTES = (
    Route("service", "GET", buckets.list_buckets, may=buckets.LIST_PARAMETERS),
    Route("bucket", "PUT", buckets.create_bucket),
    Route("bucket", "HEAD", buckets.head_bucket),
    Route("bucket", "DELETE", buckets.delete_bucket),
    Route("bucket", "GET", buckets.get_location, ("location",)),
    Route("bucket", "GET", buckets.get_cors, ("cors",)),
    Route("bucket", "PUT", buckets.put_cors, ("cors",)),
    Route("bucket", "DELETE", buckets.delete_cors, ("cors",)),
    Route("bucket", "POST", objects.delete_objects, ("delete",)),
    Route(
        "bucket", "GET", uploads.list_open_uploads, ("uploads",),
        ("prefix", "delimiter", "key-marker", "upload-id-marker", "max-uploads", "encoding-type"),
    ),
    Route(
        "bucket", "GET", objects.list_objects_v2, ("list-type",),
        (*_LISTED, "continuation-token", "start-after", "fetch-owner"),
    ),
    Route("bucket", "GET", objects.list_objects_v1, (), (*_LISTED, "marker")),
    Route("object", "GET", uploads.list_parts, ("uploadId",), ("max-parts", "part-number-marker", "encoding-type")),
    Route("object", "GET", objects.get_object, (), ("partNumber", *_RESPONSES)),
    Route("object", "HEAD", objects.head_object, (), ("partNumber", *_RESPONSES)),
    Route("object", "PUT", uploads.copy_part, _NUMBERED, header="x-amz-copy-source"),
    Route("object", "PUT", uploads.upload_part, _NUMBERED),
    Route("object", "PUT", objects.copy_object, header="x-amz-copy-source"),
    Route("object", "PUT", objects.put_object),
    Route("object", "DELETE", uploads.abort_upload, ("uploadId",)),
    Route("object", "DELETE", objects.delete_object),
    Route("object", "POST", uploads.create_upload, ("uploads",)),
    Route("object", "POST", uploads.complete_upload, ("uploadId",)),
    # As R2 takes it for the sake of s3cmd.
    Route("object", "POST", objects.put_object),
)  # fmt: skip


def find_route(call: Call) -> Route:
    """The operation that the call is; NotImplemented where it is one that R2 has not, or more than one it has."""
    scope = "object" if call.key else "bucket" if call.bucket else "service"
    route = next((route for route in ROUTES if route.check_matches(scope, call)), None)
    if route is None:
        raise S3Error("NotImplemented", f"{_name_operation(scope, call)} not implemented")
    for name in UNIMPLEMENTED_HEADERS:
        if name in call.headers:
            raise S3Error("NotImplemented", f"Header '{name}' with value '{call.headers[name]}' not implemented")
    if call.headers.get("x-amz-bucket-object-lock-enabled", "false").lower() != "false":
        raise S3Error("NotImplemented", "Header 'x-amz-bucket-object-lock-enabled' with value 'true' not implemented")
    return route


def _name_operation(scope: str, call: Call) -> str:
    """Such as GetObjectTagging; or the parameters that no operation has."""
    for name, what in SUBRESOURCES.items():
        if name in call.query:
            owner = scope.capitalize() if what in {"Acl", "Tagging"} else ""
            return f"{_VERBS.get(call.method, call.method)}{owner}{what}"
    parameters = ", ".join(sorted(call.query))
    return f"Search parameters {parameters} of {call.method} {scope}" if parameters else f"{call.method} {scope}"
