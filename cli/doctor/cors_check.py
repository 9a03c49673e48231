"""R2's CORS policy, asked as a browser would ask: by preflights for a page's uploads and reads."""

import asyncio
import json
from itertools import product

import httpx

from cli.doctor.findings import Finding
from embedded.s3.operations.cors import POLICY_FILE
from gql.services import Services
from settings import Settings

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
    asked = list(product(origins, REQUESTS))
    url = services.storage.presign_put(KEY, "video/mp4", 1).url
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            answers = await asyncio.gather(*(check_allowed(client, url, *one) for one in asked))
    except httpx.HTTPError:
        return Finding("cors", "R2 did not answer", "Fix the problem of r2, then run doctor again.")
    refused = [
        f"{method} from {origin}" for (origin, method), is_fine in zip(asked, answers, strict=True) if not is_fine
    ]
    if not refused:
        return Finding("cors", f"the bucket's policy allows {', '.join(origins)}")
    advice = f"Set the bucket's CORS policy (dashboard, Settings, CORS policy): {make_policy(origins)}"
    return Finding("cors", f"the bucket's policy refuses {', '.join(refused)}", advice)


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


def make_policy(origins: tuple[str, ...]) -> str:
    """The policy that the embedded bucket has, for these origins, as R2's dashboard takes it."""
    rules = json.loads(POLICY_FILE.read_text(encoding="utf-8"))
    return json.dumps([{**rule, "AllowedOrigins": list(origins)} for rule in rules])
