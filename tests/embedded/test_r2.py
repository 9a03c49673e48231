import io
import socket
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from mypy_boto3_s3 import S3Client

from embedded.endpoints import Endpoints
from embedded.errors import EmbeddedError
from embedded.r2 import WantedPort, choose_host_port, load_credentials

MEBIBYTE = 1024 * 1024


@pytest.fixture
def client(endpoints: Endpoints) -> S3Client:
    """boto3 with nothing but what a user would set."""
    made: S3Client = boto3.session.Session().client(
        "s3",
        endpoint_url=endpoints.r2_endpoint_url,
        region_name="auto",
        aws_access_key_id=endpoints.r2_access_key_id,
        aws_secret_access_key=endpoints.r2_secret_access_key,
        config=Config(signature_version="s3v4"),
    )
    return made


def test_boto3_urls_are_accepted(client: S3Client) -> None:
    """The server checks what boto3 itself signs."""
    client.put_object(Bucket="clips", Key="r2/a.txt", Body=b"bytes")
    url = client.generate_presigned_url("get_object", Params={"Bucket": "clips", "Key": "r2/a.txt"})
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - http only
        assert answer.read() == b"bytes"


def test_multipart_upload_is_whole(client: S3Client) -> None:
    """An object that boto3 uploads in parts comes back as one."""
    body = b"a" * 9 * MEBIBYTE + b"end"
    client.upload_fileobj(io.BytesIO(body), "clips", "r2/big.bin")
    assert client.get_object(Bucket="clips", Key="r2/big.bin")["Body"].read() == body


def test_aborted_multipart_upload_leaves_nothing(client: S3Client) -> None:
    """An aborted multipart upload leaves no object."""
    key = "r2-aborted/big.bin"
    upload_id = client.create_multipart_upload(Bucket="clips", Key=key)["UploadId"]
    client.upload_part(Bucket="clips", Key=key, UploadId=upload_id, PartNumber=1, Body=b"x")
    client.abort_multipart_upload(Bucket="clips", Key=key, UploadId=upload_id)
    assert "Contents" not in client.list_objects_v2(Bucket="clips", Prefix="r2-aborted/")


@pytest.mark.parametrize("key", ["../../etc/x", "u/../../x", "u/./x", ".."])
def test_no_key_leaves_the_bucket(client: S3Client, key: str) -> None:
    """A key that leads out of the bucket's folder is InvalidObjectName."""
    with pytest.raises(client.exceptions.ClientError, match="InvalidObjectName"):
        client.put_object(Bucket="clips", Key=key, Body=b"x")


@pytest.mark.parametrize("key", ["u//x", "/x", "u/", "//"])
def test_keys_with_empty_segments_are_objects(client: S3Client, key: str) -> None:
    """As in R2; rclone refused them."""
    client.put_object(Bucket="clips", Key=key, Body=key.encode())
    assert client.get_object(Bucket="clips", Key=key)["Body"].read() == key.encode()
    client.delete_object(Bucket="clips", Key=key)


def test_only_this_machine_can_connect(endpoints: Endpoints) -> None:
    """Both servers are bound to 127.0.0.1, and to no other address of this machine."""
    for address in (endpoints.r2_endpoint_url.removeprefix("http://"), endpoints.firestore_host_port):
        host, _, port = address.partition(":")
        assert host == "127.0.0.1"
        for other in ("127.0.0.2", *_own_addresses()):
            with pytest.raises(OSError, match=r"refused|timed out"):
                socket.create_connection((other, int(port)), timeout=1).close()


def _own_addresses() -> set[str]:
    """Addresses of this machine that others could use."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a datagram socket sends nothing by this
        except OSError:
            return set()
        return {probe.getsockname()[0]} - {"127.0.0.1"}


def test_credentials_are_made_once_and_private(tmp_path: Path) -> None:
    """Credentials are made once, with mode 600 and a long secret."""
    first = load_credentials(tmp_path)
    assert load_credentials(tmp_path) == first
    assert (tmp_path / "r2-credentials.json").stat().st_mode & 0o777 == 0o600
    assert len(first.secret_access_key) >= 40


def test_broken_credentials_are_told(tmp_path: Path) -> None:
    """Never replaced in silence: URLs that are out there were signed with them."""
    (tmp_path / "r2-credentials.json").write_text("{")
    with pytest.raises(EmbeddedError, match="Delete it"):
        load_credentials(tmp_path)


def test_port_that_is_taken_is_told_or_gone_around() -> None:
    """A port that was set is an error that says what to do; the default gives way to any that is free."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert choose_host_port(WantedPort(taken)) == "127.0.0.1:0"
        with pytest.raises(EmbeddedError, match="choose another port with CLIPGRAPH_S3_PORT"):
            choose_host_port(WantedPort(taken, is_required=True))
    assert choose_host_port(WantedPort(taken, is_required=True)) == f"127.0.0.1:{taken}"
