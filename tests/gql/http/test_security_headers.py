"""HTTP hygiene: what no page of another origin can send, see or frame, and what strangers are not told."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from gql.app import create_app
from gql.authentication.api_keys import make_api_key
from gql.http.graphiql import is_explorer_installed
from gql.http.middleware import RequestLog
from gql.http.security_headers import HEADERS, SecurityHeaders
from settings import ApiKeySettings, Settings
from tests.gql.authentication.conftest import Serve, serve  # noqa: F401  a fixture

QUERY = "{ viewer { userId } }"
APP_ORIGIN = "https://app.example"
KEY, HASH = make_api_key()
BROWSER = {"accept": "text/html,application/xhtml+xml"}


@asynccontextmanager
async def open_client(settings: Settings, **changes: object) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to an app with these settings."""
    app = create_app(settings.model_copy(update=changes))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client
    await app.state.services.close()


@pytest.fixture
async def guarded(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to an app that tells callers apart, with a good API key."""
    key = ApiKeySettings(name="farm", sha256=HASH)
    async with open_client(settings, auth_api_keys=(key,), allowed_origins=(APP_ORIGIN,)) as client:
        client.headers["authorization"] = f"Bearer {KEY}"
        yield client


@pytest.mark.parametrize("name", ["GraphQL-Require-Preflight", "Apollo-Require-Preflight", "X-Requested-With"])
async def test_query_by_get_needs_a_header_that_makes_browsers_ask_first(client: httpx.AsyncClient, name: str) -> None:
    """A query by GET is 400 without a preflight header, and runs with any of them."""
    refused = await client.get("/graphql", params={"query": QUERY})
    assert refused.status_code == 400
    assert "GraphQL-Require-Preflight" in refused.json()["errors"][0]["message"]
    allowed = await client.get("/graphql", params={"query": QUERY}, headers={name: "1"})
    assert allowed.json()["data"] == {"viewer": {"userId": "demo"}}


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "text/plain",
        "text/plain; application/json",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/graphql",
        "",
    ],
)
async def test_body_that_is_not_json_is_415(client: httpx.AsyncClient, content_type: str) -> None:
    """Also where a header proves that the browser asked first: forms and uploads in parts are nothing to us."""
    headers = {"content-type": content_type, "graphql-require-preflight": "1"}
    response = await client.post("/graphql", content=b'{"query": "{ __typename }"}', headers=headers)
    assert response.status_code == 415
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_other_methods_are_405_and_told_which_to_use(client: httpx.AsyncClient, method: str) -> None:
    """Methods other than GET and POST get 405 with `Allow`."""
    response = await client.request(method, "/graphql", json={"query": QUERY})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_batches_are_refused(client: httpx.AsyncClient) -> None:
    """A list of requests gets 400."""
    response = await client.post("/graphql", json=[{"query": QUERY}, {"query": QUERY}])
    assert response.status_code == 400


async def ask_first(client: httpx.AsyncClient, origin: str) -> httpx.Response:
    """A browser's preflight."""
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,graphql-require-preflight",
    }
    return await client.options("/graphql", headers=headers)


async def test_page_that_is_allowed_may_call_and_see_what_it_needs(guarded: httpx.AsyncClient) -> None:
    """An allowed origin passes the preflight and may read the exposed headers, without credentials."""
    preflight = await ask_first(guarded, APP_ORIGIN)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == APP_ORIGIN
    answer = await guarded.post("/graphql", json={"query": QUERY}, headers={"origin": APP_ORIGIN})
    assert answer.headers["access-control-allow-origin"] == APP_ORIGIN
    assert "access-control-allow-credentials" not in answer.headers
    assert {"ETag", "X-Request-Id", "Retry-After"} <= set(answer.headers["access-control-expose-headers"].split(", "))


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://app.example.evil.example", "null", "http://localhost"]
)
async def test_other_pages_see_nothing(guarded: httpx.AsyncClient, origin: str) -> None:
    """A foreign origin fails the preflight, and its response has no CORS headers."""
    preflight = await ask_first(guarded, origin)
    assert preflight.status_code == 400
    answer = await guarded.post("/graphql", json={"query": QUERY}, headers={"origin": origin})
    for response in (preflight, answer):
        assert "access-control-allow-origin" not in response.headers


async def test_this_machines_pages_may_call_where_no_issuer_is_set(client: httpx.AsyncClient) -> None:
    """A frontend under development is served from another port."""
    for origin, status in (("http://localhost:5173", 200), ("http://[::1]:3000", 200), ("http://localhost.evil", 403)):
        assert (await ask_first(client, origin)).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("POST", "/graphql", "*/*"),
        ("GET", "/graphql", "text/html"),
        ("GET", "/graphql", "*/*"),
        ("GET", "/graphql/assets/main.js", "*/*"),
        ("GET", "/livez", "*/*"),
        ("GET", "/nothing", "*/*"),
        ("DELETE", "/graphql", "*/*"),
        ("GET", "/", "*/*"),
    ],
)
async def test_every_answer_has_the_security_headers(
    client: httpx.AsyncClient, method: str, path: str, accept: str
) -> None:
    """Every response has the security headers, and HSTS only over https."""
    response = await client.request(method, path, headers={"accept": accept})
    assert [name for name in HEADERS if name not in response.headers] == []
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in response.headers


async def test_refusals_before_the_api_have_them_too(settings: Settings) -> None:
    """A refusal of a foreign host has the security headers."""
    async with open_client(settings) as client:
        stranger = await client.get("/graphql", headers={"host": "evil.example"})
    assert stranger.status_code == 403
    assert stranger.headers["x-frame-options"] == "DENY"


async def test_https_is_kept_to(settings: Settings) -> None:
    """A response over https has Strict-Transport-Security."""
    async with open_client(settings) as client:
        response = await client.get("https://localhost/livez")
    assert response.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("hops", "said", "is_https"),
    [
        (0, "https", False),
        (1, "https", True),
        (1, "http", False),
        (1, "https, http", False),
        (2, "https, http", True),
        (2, "https", True),
    ],
)
async def test_https_is_kept_to_where_trusted_proxies_say_so(
    settings: Settings, hops: int, said: str, is_https: bool
) -> None:
    """`clipgraph serve` itself speaks http only: behind proxies that it trusts, theirs is what browsers saw."""
    async with open_client(settings, trusted_proxy_hops=hops) as client:
        response = await client.get("/livez", headers={"x-forwarded-proto": said})
    assert ("strict-transport-security" in response.headers) is is_https


async def test_answers_are_kept_by_nobody(client: httpx.AsyncClient) -> None:
    """A response by POST is `no-store`."""
    assert (await client.post("/graphql", json={"query": QUERY})).headers["cache-control"] == "no-store"


async def test_strangers_are_not_told_the_schema(guarded: httpx.AsyncClient) -> None:
    """With an issuer set, introspection is refused, and `__typename` is answered."""
    for query in ("{ __schema { types { name } } }", '{ __type(name: "Video") { name } }'):
        response = await guarded.post("/graphql", json={"query": query})
        assert "data" not in response.json()
        assert "introspection" in response.json()["errors"][0]["message"]
    typename = await guarded.post("/graphql", json={"query": "{ __typename }"})
    assert typename.json()["data"] == {"__typename": "Query"}


GUESSES = [
    ("{ viewr { userId } }", {}),
    ("{ viewer { userID } }", {}),
    ("{ videos(frst: 1) { totalCount } }", {}),
    ("{ videos(status: COMPLETE) { totalCount } }", {}),
    ("query ($s: VideoStatus) { videos(status: $s) { totalCount } }", {"s": "COMPLETE"}),
    ("query ($s: VideoStatu) { videos(status: $s) { totalCount } }", {"s": "COMPLETE"}),
    ("mutation ($i: DeleteVideoInput!) { deleteVideo(input: $i) { __typename } }", {"i": {"videoID": "v"}}),
    ('mutation { deleteVideo(input: {videoID: "v"}) { __typename } }', {}),
    ('mutation { updateVideoStatus(input: {videoId: "v", status: COMPLETE}) { __typename } }', {}),
    ("query ($s: VideoStatus = COMPLETE) { videos(status: $s) { totalCount } }", {}),
    ("{ viewer { userId @skip(i: true) } }", {}),
    ("{ videos { nodes { ... on Vido { id } } } }", {}),
]


@pytest.mark.parametrize(("query", "variables"), GUESSES)
async def test_strangers_are_not_helped_to_guess(
    guarded: httpx.AsyncClient, client: httpx.AsyncClient, query: str, variables: dict[str, object]
) -> None:
    """With an issuer set, no error suggests a name; without one it does."""
    body = {"query": query, "variables": variables}
    assert "Did you mean" in (await client.post("/graphql", json=body)).text
    refused = await guarded.post("/graphql", json=body)
    assert "Did you mean" not in refused.text
    assert refused.json()["errors"][0]["message"].endswith((".", '"'))


@pytest.mark.parametrize("query", [GUESSES[0][0], "{ __schema { types { name } } }"])
async def test_strangers_learn_no_more_by_a_socket(serve: Serve, settings: Settings, query: str) -> None:  # noqa: F811
    """With an issuer set, a WebSocket neither introspects nor suggests a name."""
    key = ApiKeySettings(name="farm", sha256=HASH)
    async with (
        serve(settings.model_copy(update={"auth_api_keys": (key,)})) as address,
        connect(
            f"{address.replace('http', 'ws', 1)}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            proxy=None,
        ) as opened,
    ):
        await opened.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {KEY}"}}))
        await opened.recv()
        await opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
        answer = json.loads(await opened.recv())
    assert answer["type"] == "error"
    assert answer["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "Did you mean" not in str(answer)


async def test_strangers_get_no_graphiql(guarded: httpx.AsyncClient) -> None:
    """With an issuer set, GraphiQL's page and assets are not served."""
    page = await guarded.get("/graphql", headers=BROWSER)
    assert page.status_code == 400
    assert page.headers["content-type"] == "application/json"
    assert (await guarded.get("/graphql/assets/main.js")).status_code == 404
    assert (await guarded.get("/")).status_code == 404


async def test_what_is_asked_for_is_there_with_an_issuer_too(settings: Settings) -> None:
    """The settings turn introspection, suggestions and GraphiQL on even with an issuer."""
    key = ApiKeySettings(name="farm", sha256=HASH)
    async with open_client(settings, auth_api_keys=(key,), introspection=True, graphiql=True) as client:
        page = await client.get("/graphql", headers=BROWSER)
        client.headers["authorization"] = f"Bearer {KEY}"
        told = await client.post("/graphql", json={"query": "{ __schema { queryType { name } } }"})
        helped = await client.post("/graphql", json={"query": "{ viewr { userId } }"})
    assert page.headers["content-type"].startswith("text/html")
    assert told.json()["data"] == {"__schema": {"queryType": {"name": "Query"}}}
    assert "Did you mean" in helped.text
    assert is_explorer_installed() or "missing" in page.text


async def test_what_can_be_left_out_is_left_out_without_an_issuer(settings: Settings) -> None:
    """The settings turn introspection and GraphiQL off even without an issuer."""
    async with open_client(settings, introspection=False, graphiql=False) as client:
        page = await client.get("/graphql", headers=BROWSER)
        told = await client.post("/graphql", json={"query": "{ __schema { queryType { name } } }"})
    assert page.status_code == 400
    assert "data" not in told.json()


async def test_crash_outside_of_resolvers_is_masked_and_names_the_request() -> None:
    """A crash outside resolvers is a masked 500 with the request's id and the security headers."""

    async def crash(_: object) -> None:
        raise RuntimeError("a secret of ours")

    app = SecurityHeaders(RequestLog(Starlette(routes=[Route("/", crash)]).router))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        response = await client.get("/", headers={"x-request-id": "abc"})
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"] == {"code": "INTERNAL", "requestId": "abc"}
    assert "secret" not in response.text
    assert response.headers["x-frame-options"] == "DENY"
