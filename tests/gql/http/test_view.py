"""GraphQL over HTTP: media types, status codes, bodies, ids of requests, and the explorer's page."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from gql.app import create_app
from repositories.firestore.metering import Meter, metered
from settings import ConfigurationError, Settings

NEWER = "application/graphql-response+json"


async def post(client: httpx.AsyncClient, query: object, accept: str = NEWER) -> httpx.Response:
    return await client.post("/graphql", json={"query": query}, headers={"accept": accept})


async def test_viewer_without_a_token_is_the_demo_user(client: httpx.AsyncClient) -> None:
    """Without an issuer and a token, the caller is the demo user."""
    response = await post(client, "{ viewer { userId roles } }")
    assert response.json()["data"] == {"viewer": {"userId": "demo", "roles": ["USER", "WORKER"]}}


async def test_answer_has_the_media_type_that_was_asked_for(client: httpx.AsyncClient) -> None:
    """The response has the media type that `Accept` names."""
    assert (await post(client, "{ __typename }")).headers["content-type"] == NEWER
    legacy = await post(client, "{ __typename }", accept="application/json")
    assert legacy.headers["content-type"] == "application/json"


@pytest.mark.parametrize("query", ["{", "{ nothing }", "query ($x: Int!) { __typename }"])
async def test_document_that_cannot_run_is_400_and_has_no_data(client: httpx.AsyncClient, query: str) -> None:
    """An invalid document is 400 without `data` in the newer media type, and 200 in the older."""
    response = await post(client, query)
    assert response.status_code == 400
    assert "data" not in response.json()
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert (await post(client, query, accept="application/json")).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"query"', b"\xff", b'{"query": 1}', b"{}"])
async def test_body_that_is_no_request_is_400_with_an_error(client: httpx.AsyncClient, body: bytes) -> None:
    """A body that is no GraphQL request gets 400 with BAD_USER_INPUT."""
    response = await client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_body_above_the_limit_is_413(client: httpx.AsyncClient) -> None:
    """A body above the limit gets 413."""
    response = await post(client, "{ __typename } #" + "x" * 1_048_576)
    assert response.status_code == 413


async def test_body_above_the_limit_without_a_length_is_413(client: httpx.AsyncClient) -> None:
    """A chunked body above the limit gets 413."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    response = await client.post("/graphql", content=chunks(), headers={"content-type": "application/json"})
    assert response.status_code == 413


@pytest.mark.parametrize("name", ["variables", "operationName", "extensions", "documentId"])
async def test_a_parameter_of_get_without_a_value_is_absent(client: httpx.AsyncClient, name: str) -> None:
    """Forms and clients send the names of what is not there."""
    headers = {"graphql-require-preflight": "1"}
    query = "query named($n: Int = 3) { videos(first: $n) { nodes { id } } }"
    plain = await client.get("/graphql", params={"query": query}, headers=headers)
    empty = await client.get("/graphql", params={"query": query, name: ""}, headers=headers)
    assert (empty.status_code, empty.json()["data"]) == (200, plain.json()["data"])
    assert empty.json()["data"] == {"videos": {"nodes": []}}


async def test_mutation_by_get_is_refused(client: httpx.AsyncClient) -> None:
    """A mutation by GET is refused."""
    response = await client.get("/graphql", params={"query": "mutation { __typename }"})
    assert response.status_code in {400, 405}


async def test_request_id_is_kept_where_it_is_fit_for_a_log_and_replaced_where_not(client: httpx.AsyncClient) -> None:
    """A safe request id is returned as it is, and an unsafe one is replaced."""
    kept = await client.get("/livez", headers={"x-request-id": "abc-1"})
    assert kept.headers["x-request-id"] == "abc-1"
    replaced = await client.get("/livez", headers={"x-request-id": 'a"b c'})
    assert len(replaced.headers["x-request-id"]) == 32


async def test_livez_and_readyz_answer(client: httpx.AsyncClient) -> None:
    """`/livez` and `/readyz` answer ok while Firestore and R2 are reachable."""
    assert (await client.get("/livez")).json() == {"status": "ok"}
    ready = await client.get("/readyz")
    assert ready.json() == {"status": "ok", "firestore": True, "r2": True}


async def test_readyz_is_looked_at_once_however_many_ask(client: httpx.AsyncClient) -> None:
    """Anyone may ask, and each look is billed."""
    with metered(meter := Meter()):
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert meter.document_reads == 1


async def test_readyz_is_503_and_names_the_service_that_is_away(settings: Settings) -> None:
    """`/readyz` is 503 and shows which service is unreachable."""
    app = create_app(settings.model_copy(update={"r2_endpoint_url": "http://127.0.0.1:9"}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        response = await client.get("/readyz")
    await app.state.services.close()
    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "firestore": True, "r2": False}


async def test_browser_gets_a_page_under_a_strict_policy(client: httpx.AsyncClient) -> None:
    """A browser gets GraphiQL's page with a content security policy of own sources only."""
    response = await client.get("/graphql", headers={"accept": "text/html,application/xhtml+xml"})
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "https:" not in policy


async def test_assets_are_files_of_the_page_and_nothing_else(client: httpx.AsyncClient) -> None:
    """The page's assets are served, and any other name is 404."""
    assert (await client.get("/graphql/assets/main.js")).status_code == 200
    for name in ("fetch.py", "index.html", "..%2fgraphiql%2ffetch.py", ".complete", "nothing.js"):
        assert (await client.get(f"/graphql/assets/{name}")).status_code == 404


async def test_root_leads_to_the_explorer(app: Starlette) -> None:
    """`/` redirects to `/graphql`."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        assert (await client.get("/")).headers["location"] == "/graphql"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"firestore_emulator_host": None}, "GOOGLE_CLOUD_PROJECT"),
        # As compose files pass a variable that is not set: it names no emulator.
        ({"firestore_emulator_host": ""}, "GOOGLE_CLOUD_PROJECT"),
        ({"host": "0.0.0.0"}, "127.0.0.1"),  # noqa: S104  this is what must be refused
        ({"r2_bucket": None}, "CLIPGRAPH_R2_BUCKET"),
    ],
)
def test_unsafe_or_half_set_configuration_is_refused(
    settings: Settings, changes: dict[str, object], named: str
) -> None:
    """An incomplete configuration raises ConfigurationError naming the setting."""
    with pytest.raises(ConfigurationError, match=named):
        create_app(settings.model_copy(update=changes))
