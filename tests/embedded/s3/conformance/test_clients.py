"""boto3 as a user sets it up, its transfer manager, and AWS's SDK for JavaScript with lib-storage and its presigner.

npm installs what node/package-lock.json names into pytest's cache folder, at the first run.
"""

import hashlib
import io
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from mypy_boto3_s3 import S3Client

from tests.embedded.s3.conformance.place import Place
from tests.embedded.s3.conformance.rows import scenario
from tests.embedded.s3.server import KEY_ID, SECRET, ServerProcess
from tests.npm import install_packages
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

NODE = Path(__file__).parent / "node"
LARGE = random.Random(15).randbytes(30_000_000)  # noqa: S311 - bytes, not secrets


@pytest.fixture
def client(server: ServerProcess) -> S3Client:
    """boto3 with its default checksums, and no patience."""
    made: S3Client = boto3.session.Session().client(
        "s3",
        endpoint_url=server.url,
        region_name="auto",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    return made


def get_code(call: Callable[[], Any]) -> str:
    """The code of the refusal."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


@scenario("api", "boto3 puts, reads and heads with the checksums that it adds by itself")
def test_put(client: S3Client, place: Place) -> None:
    """boto3's put is read back with its content, metadata and type."""
    put = client.put_object(Bucket=place.bucket, Key="a", Body=b"bytes", Metadata={"k": "v"}, ContentType="text/x")
    assert put["ChecksumCRC32"]
    found = client.get_object(Bucket=place.bucket, Key="a")
    assert (found["Body"].read(), found["Metadata"], found["ContentType"]) == (b"bytes", {"k": "v"}, "text/x")
    assert client.head_object(Bucket=place.bucket, Key="a")["ContentLength"] == 5


@scenario("api", "boto3 verifies each algorithm that R2 documents and that it can compute")
@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_algorithms(client: S3Client, place: Place, algorithm: Any) -> None:
    """boto3 writes and verifies an object with each of its checksum algorithms."""
    client.put_object(Bucket=place.bucket, Key="a", Body=b"bytes", ChecksumAlgorithm=algorithm)
    found = client.get_object(Bucket=place.bucket, Key="a", ChecksumMode="ENABLED")
    assert (found["Body"].read(), f"Checksum{algorithm}" in found) == (b"bytes", True)


@scenario("multipart", "the transfer manager sends 30 MB in parts at once, and brings them back in ranges")
def test_transfer_manager(client: S3Client, place: Place) -> None:
    """boto3's transfer manager uploads, downloads and copies a large object in parts."""
    config = TransferConfig(multipart_threshold=5 * 1024**2, multipart_chunksize=5 * 1024**2, max_concurrency=6)
    client.upload_fileobj(io.BytesIO(LARGE), place.bucket, "large", Config=config, ExtraArgs={"ContentType": "video/x"})
    back = io.BytesIO()
    client.download_fileobj(place.bucket, "large", back, Config=config)
    head = client.head_object(Bucket=place.bucket, Key="large", ChecksumMode="ENABLED")
    assert back.getvalue() == LARGE
    assert (head["ContentType"], head["ETag"].strip('"')) == ("video/x", make_etag(LARGE, 5 * 1024**2))
    assert head["ChecksumCRC32"].endswith("-6")
    client.copy({"Bucket": place.bucket, "Key": "large"}, place.bucket, "copy", Config=config)
    assert client.get_object(Bucket=place.bucket, Key="copy")["Body"].read() == LARGE


def make_etag(content: bytes, part_size: int) -> str:
    """The ETag of a content in parts of that size."""
    parts = [content[at : at + part_size] for at in range(0, len(content), part_size)]
    digests = b"".join(hashlib.md5(part).digest() for part in parts)  # noqa: S324 - S3's own
    return f"{hashlib.md5(digests).hexdigest()}-{len(parts)}"  # noqa: S324 - as above


@scenario("notes", "boto3's paginators see each key once, and its errors have R2's codes")
def test_pages_and_codes(client: S3Client, place: Place) -> None:
    """boto3's paginator gives every key once, and errors have R2's codes."""
    keys = [f"k/{number:02}" for number in range(12)]
    for key in keys:
        client.put_object(Bucket=place.bucket, Key=key, Body=b"")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, PaginationConfig={"PageSize": 5})
    assert [item["Key"] for page in pages for item in page["Contents"]] == keys
    tags: Any = {"TagSet": []}
    assert get_code(lambda: client.get_object(Bucket=place.bucket, Key="none")) == "NoSuchKey"
    assert (
        get_code(lambda: client.put_object_tagging(Bucket=place.bucket, Key="k/00", Tagging=tags)) == "NotImplemented"
    )
    assert get_code(lambda: client.get_bucket_acl(Bucket=place.bucket)) == "NotImplemented"
    assert get_code(lambda: client.create_bucket(Bucket=place.bucket)) == "BucketConflict"
    assert client.get_object(Bucket=place.bucket, Key="k/00")["Body"].read() == b""


@pytest.fixture(scope="session")
def node_modules(pytestconfig: pytest.Config) -> Path:
    """A folder with the SDK at the versions of package-lock.json, and our script beside it."""
    return install_packages(pytestconfig.cache.mkdir("s3-clients"), NODE)


@scenario("api", "AWS's SDK for JavaScript: checksums, streams, lib-storage, presigner, pages, conditions, refusals")
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed: apt-get install npm")
def test_javascript(server: ServerProcess, place: Place, node_modules: Path) -> None:
    """The AWS SDK for JavaScript writes, reads and lists."""
    environment = {"ENDPOINT": server.url, "BUCKET": place.bucket, "KEY_ID": KEY_ID, "SECRET": SECRET}
    done = subprocess.run(
        ["node", str(node_modules / "plays.mjs")], env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    etag = f'"{hashlib.md5(b"text").hexdigest()}"'  # noqa: S324 - S3's own
    assert told == {
        "put": ["text", "text/plain", {"k": "v"}, etag],
        "stream": 0,
        "libStorage": [True, True, '6"', "bytes 5-9/30000000"],
        "abort": ["AbortError", 0],
        "presigned": [200, f'"{hashlib.md5(b"by URL").hexdigest()}"', "by URL", "text/x", 403],  # noqa: S324 - as above
        "presignedWithChecksum": [400, "BadDigest"],
        "pages": ["page/1", "page/2", "page/3 +é", "page/4", "page/5"],
        "conditions": [["PreconditionFailed", 412], ["PreconditionFailed", 412], 304],
        "refusals": [
            ["NoSuchKey", 404],
            ["NotFound", 404],
            ["NotImplemented", 501],
            ["NoSuchCORSConfiguration", 404],
            ["NoSuchBucket", 404],
            ["InvalidRange", 416],
        ],
        "copy": ["text/plain", {"k": "v"}, etag],
        "cors": [{"AllowedHeaders": ["*"], "AllowedMethods": ["PUT"], "AllowedOrigins": ["https://a.example"]}],
        "deletes": [["a", "page/1", "none"], "NotFound"],
    }
