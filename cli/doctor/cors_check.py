"""R2's CORS policy, asked as a browser would ask: by preflights for uploads and reads, and by the upload of a part."""

import asyncio
import json
from itertools import product

import httpx

from cli.doctor.findings import Finding
from embedded.s3.operations.cors import POLICY_FILE
from gql.services import Services
from settings import Settings
from storage.exceptions import StorageError

TIMEOUT_SECONDS = 5.0
KEY = "clipgraph-doctor/cors"
LOCAL_ORIGINS = ("http://localhost:5173",)
"""A page of this machine, which may call a server without an issuer."""

# A PUT with the headers that are signed, and a read by range, as `fetch` does them.
REQUESTS = {"PUT": "content-type,cache-control", "GET": "range"}


async def examine_cors(services: Services) -> Finding:
    """Whether the bucket's policy lets the pages of the allowed origins upload and read files."""
    origins = list_origins(services.settings)
    if not origins:
        return Finding("cors", "no page of another origin may call (CLIPGRAPH_ALLOWED_ORIGINS)")
    try:
        refused = await list_refused(services, origins)
    except (httpx.HTTPError, StorageError):
        return Finding("cors", "R2 did not answer", "Fix the problem of r2, then run doctor again.")
    if not refused:
        return Finding("cors", f"the bucket's policy allows {', '.join(origins)}")
    advice = f"Set the bucket's CORS policy (dashboard, Settings, CORS policy): {make_policy(origins)}"
    return Finding("cors", f"the bucket's policy refuses {', '.join(refused)}", advice)


async def list_refused(services: Services, origins: tuple[str, ...]) -> list[str]:
    """The requests that pages of the origins may not send to R2, and the answers that they may not read."""
    asked = list(product(origins, REQUESTS))
    url = services.storage.presign_put(KEY, "video/mp4", 1).url
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        answers = await asyncio.gather(*(check_allowed(client, url, *one) for one in asked))
        refused = {one for one, is_allowed in zip(asked, answers, strict=True) if not is_allowed}
        uploading = [origin for origin in origins if (origin, "PUT") not in refused]
        hidden = await find_hidden_etags(client, services, uploading)
    requests = [f"{method} from {origin}" for origin, method in asked if (origin, method) in refused]
    return requests + [f"the header ETag to {origin}" for origin in hidden]


def list_origins(settings: Settings) -> tuple[str, ...]:
    """The origins whose pages use R2's URLs beside the server's own."""
    return settings.allowed_origins or (() if settings.has_issuer else LOCAL_ORIGINS)


async def check_allowed(client: httpx.AsyncClient, url: str, origin: str, method: str) -> bool:
    """Whether R2 lets pages of the origin send such a request, by a preflight's answer."""
    headers = {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": REQUESTS[method],
    }
    answer = await client.options(url, headers=headers)
    return answer.is_success and answer.headers.get("access-control-allow-origin") in {origin, "*"}


async def find_hidden_etags(client: httpx.AsyncClient, services: Services, origins: list[str]) -> list[str]:
    """The origins whose pages may upload a part and not read its ETag, which completes the upload.

    R2's refusals say nothing of it: so a part of a byte is uploaded for each, and the upload is aborted. None is found
    with a key that may not write.
    """
    if not origins:
        return []
    storage = services.storage
    try:
        upload_id = await storage.create_multipart_upload(KEY)
    except StorageError:
        return []
    try:
        url = storage.presign_part(KEY, upload_id, 1, 1).url
        answers = [await client.put(url, content=b"0", headers={"origin": origin}) for origin in origins]
    finally:
        await storage.abort_multipart_upload(KEY, upload_id)
    return [origin for origin, answer in zip(origins, answers, strict=True) if not check_etag_exposed(answer)]


def check_etag_exposed(answer: httpx.Response) -> bool:
    """Whether a page may read the ETag of an answer; so it is where the answer is a refusal, which says nothing."""
    exposed = {name.strip().lower() for name in answer.headers.get("access-control-expose-headers", "").split(",")}
    return not answer.is_success or bool(exposed & {"etag", "*"})


def make_policy(origins: tuple[str, ...]) -> str:
    """The policy that the embedded bucket has, for these origins, as R2's dashboard takes it."""
    rules = json.loads(POLICY_FILE.read_text(encoding="utf-8"))
    return json.dumps([{**rule, "AllowedOrigins": list(origins)} for rule in rules])
