"""The doctor asks the bucket as a browser does, and prints the policy that is missing."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import boto3
import pytest

from cli.doctor.cors_check import examine_cors, make_policy
from cli.doctor.findings import Finding
from gql.app import create_services
from gql.services import Services
from settings import ApiKeySettings, Settings

PAGE = "https://app.example"
KEY = ApiKeySettings(name="farm", sha256="0" * 64)


@pytest.fixture
def bucket(settings: Settings) -> Iterator[Any]:
    """A bucket of the test's own on the session's S3, without a policy."""
    endpoint, _, key_id, secret = settings.resolve_r2()
    client = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=key_id, aws_secret_access_key=secret, region_name="auto"
    )
    client.create_bucket(Bucket="without-policy")
    yield client
    client.delete_bucket(Bucket="without-policy")


@pytest.fixture
async def services(settings: Settings, bucket: Any) -> AsyncIterator[Services]:
    """Services over that bucket, for pages of one origin."""
    del bucket
    changes = {"r2_bucket": "without-policy", "allowed_origins": (PAGE,), "auth_api_keys": (KEY,)}
    services = create_services(settings.model_copy(update=changes))
    yield services
    await services.close()


def put_policy(client: Any, policy: str) -> None:
    names = ("AllowedOrigins", "AllowedMethods", "AllowedHeaders", "ExposeHeaders", "MaxAgeSeconds")
    rules = [{name: rule[name] for name in names} for rule in json.loads(policy)]
    client.put_bucket_cors(Bucket="without-policy", CORSConfiguration={"CORSRules": rules})


async def test_the_printed_policy_heals_the_bucket(services: Services, bucket: Any) -> None:
    """Without a policy each request of a page is refused; with the one that the advice prints all are allowed."""
    ill = await examine_cors(services)
    assert ill.message == f"the bucket's policy refuses PUT from {PAGE}, GET from {PAGE}"
    assert ill.advice is not None
    policy = ill.advice[ill.advice.index("[") :]
    assert json.loads(policy)[0]["AllowedOrigins"] == [PAGE]
    put_policy(bucket, policy)
    assert await examine_cors(services) == Finding("cors", f"the bucket's policy allows {PAGE}")


async def test_a_policy_for_reads_only_is_found(services: Services, bucket: Any) -> None:
    """A policy that lacks a method, or is for other pages, is named with the requests that it refuses."""
    (rule,) = json.loads(make_policy((PAGE,)))
    put_policy(bucket, json.dumps([{**rule, "AllowedMethods": ["GET"]}]))
    assert (await examine_cors(services)).message == f"the bucket's policy refuses PUT from {PAGE}"
    put_policy(bucket, make_policy(("https://other.example",)))
    assert not (await examine_cors(services)).is_well


@pytest.mark.parametrize("exposed", [["Content-Length"], ["x-etag"], []])
async def test_a_policy_that_hides_etags_is_found(services: Services, bucket: Any, exposed: list[str]) -> None:
    """Pages complete an upload with the ETag of each part: a policy that hides it is named, and nothing stays in R2."""
    (rule,) = json.loads(make_policy((PAGE,)))
    reads, writes = {**rule, "AllowedMethods": ["GET"]}, {**rule, "AllowedMethods": ["PUT"], "ExposeHeaders": exposed}
    put_policy(bucket, json.dumps([reads, writes]))
    ill = await examine_cors(services)
    assert ill.message == f"the bucket's policy refuses the header ETag to {PAGE}"
    assert ill.advice is not None
    assert "Contents" not in bucket.list_objects_v2(Bucket="without-policy")
    assert not bucket.list_multipart_uploads(Bucket="without-policy").get("Uploads")
    put_policy(bucket, json.dumps([{**writes, "ExposeHeaders": ["etag"]}, reads]))
    assert (await examine_cors(services)).is_well


async def test_no_pages_need_no_policy(settings: Settings) -> None:
    """Where no page of another origin may call, nothing is asked."""
    services = create_services(settings.model_copy(update={"auth_api_keys": (KEY,), "allowed_origins": ()}))
    assert (await examine_cors(services)).is_well
    await services.close()
