"""Trusted documents: read at start, run by id over GET, POST and WebSocket, and in strict mode all that users run."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from strawberry.schema import schema as strawberry_schema
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from gql.app import create_app
from gql.authentication.dev_tokens import mint_token
from gql.cost import extension
from gql.http.http_cache import choose_max_age_seconds
from gql.permissions import Role
from settings import ConfigurationError, HalfSetError, Settings
from tests.gql.authentication.conftest import Serve, serve  # noqa: F401  a fixture

VIEWER = "query Viewer { viewer { userId } }"
WALL = "query Wall { videos(first: 3) { nodes { title clips { nodes { url(expiresIn: 3600) thumbnailUrl } } } } }"
DELETE = "mutation Delete($id: ID!) { deleteVideo(input: {videoId: $id}) { __typename } }"
# As GraphQL Code Generator's client preset names documents, and as relay-compiler does.
MANIFEST = {"sha256:3a1c": VIEWER, "0f343b0931126a20f133d67c2b018a3b": WALL, "delete": DELETE}
PREFLIGHT = {"graphql-require-preflight": "1"}

Open = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


def write_manifest(folder: Path, manifest: object) -> Path:
    path = folder / "persisted-documents.json"
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return path


@pytest.fixture
def trusting(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with the manifest."""
    return settings.model_copy(update={"data_dir": tmp_path, "trusted_documents": write_manifest(tmp_path, MANIFEST)})


@pytest.fixture
def open_client(trusting: Settings) -> Open:
    """HTTP to an app that knows the manifest, as the demo user or as a user by a token."""

    @asynccontextmanager
    async def open_client(*, as_user: str | None = None, **changes: object) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(trusting.model_copy(update=changes))
        headers = dict(PREFLIGHT)
        if as_user:
            headers["authorization"] = f"Bearer {mint_token(trusting.data_dir, as_user, Role.USER, 60)}"
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            yield client
        await app.state.services.close()

    return open_client


def code_of(response: httpx.Response) -> str:
    (error,) = response.json()["errors"]
    return str(error["extensions"]["code"])


async def test_document_runs_by_its_id_by_post_and_by_get(open_client: Open) -> None:
    """A trusted document runs by its id, by POST and by GET."""
    async with open_client() as client:
        posted = await client.post("/graphql", json={"documentId": "sha256:3a1c"})
        got = await client.get("/graphql", params={"documentId": "sha256:3a1c"})
    assert posted.json()["data"] == got.json()["data"] == {"viewer": {"userId": "demo"}}


async def test_unknown_id_is_not_trusted(open_client: Open) -> None:
    """An unknown document id is DOCUMENT_NOT_TRUSTED, without `data`."""
    async with open_client() as client:
        response = await client.post("/graphql", json={"documentId": "nothing"})
    assert code_of(response) == "DOCUMENT_NOT_TRUSTED"
    assert "data" not in response.json()


@pytest.mark.parametrize(
    "body",
    [{"documentId": "sha256:3a1c", "query": VIEWER}, {"documentId": 1}, {"documentId": ""}, {"documentId": None}],
    ids=str,
)
async def test_request_names_one_document(open_client: Open, body: object) -> None:
    """A request with an id and a text, or with a bad id, gets 400."""
    async with open_client() as client:
        response = await client.post("/graphql", json=body)
    assert response.status_code == 400
    assert code_of(response) == "BAD_USER_INPUT"


async def test_strict_mode_lets_users_run_documents_of_the_manifest_only(open_client: Open) -> None:
    """Not even by the very text of one: an id is what they send."""
    async with open_client(as_user="somebody", trusted_documents_only=True) as client:
        for query in ("{ viewer { userId } }", VIEWER, "{ __schema { types { name } } }", "{", DELETE):
            response = await client.post("/graphql", json={"query": query, "variables": {"id": "v"}})
            assert code_of(response) == "DOCUMENT_NOT_TRUSTED"
        got = await client.get("/graphql", params={"query": VIEWER})
        assert code_of(got) == "DOCUMENT_NOT_TRUSTED"
        known = await client.post("/graphql", json={"documentId": "sha256:3a1c"})
    assert known.json()["data"] == {"viewer": {"userId": "somebody"}}


async def test_strict_mode_leaves_workers_and_admins_free(open_client: Open) -> None:
    """In strict mode, workers still run texts of their own."""
    async with open_client(trusted_documents_only=True) as client:
        response = await client.post("/graphql", json={"query": "{ viewer { roles } }"})
    assert response.json()["data"] == {"viewer": {"roles": ["USER", "WORKER"]}}


async def test_users_are_free_where_nothing_is_strict(open_client: Open) -> None:
    """Without strict mode, users run texts of their own."""
    async with open_client(as_user="somebody") as client:
        response = await client.post("/graphql", json={"query": "{ viewer { userId } }"})
    assert response.json()["data"] == {"viewer": {"userId": "somebody"}}


@pytest.mark.parametrize(
    ("changes", "is_strict"),
    [
        ({}, False),
        ({"trusted_documents": Path("m.json")}, False),
        ({"trusted_documents": Path("m.json"), "auth_firebase_project": "p"}, True),
        ({"trusted_documents": Path("m.json"), "auth_firebase_project": "p", "trusted_documents_only": False}, False),
        ({"auth_firebase_project": "p"}, False),
    ],
    ids=str,
)
def test_a_manifest_is_strict_where_an_issuer_is_set(changes: dict[str, object], *, is_strict: bool) -> None:
    """A manifest is strict by default if an issuer is set, and the setting overrides that."""
    assert Settings().model_copy(update=changes).is_strict is is_strict


def test_strict_without_a_manifest_is_half_set() -> None:
    """Strict mode without a manifest raises HalfSetError."""
    with pytest.raises(HalfSetError, match="CLIPGRAPH_TRUSTED_DOCUMENTS"):
        Settings(trusted_documents_only=True).assert_complete()


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        ({"a1": "query Wall { videos { nodes { titel } } }"}, r"Wall \(a1\).*titel"),
        ({"a1": "query Wall {"}, "a1: Syntax Error"),
        ({"a1": "fragment F on Video { id }"}, "a1: The document has no operation"),
        ({"a1": "query A { x }", "b1": "query B { y }"}, r"2 of its documents.*A \(a1\).*B \(b1\)"),
        ({"a1": 1}, "not a JSON object"),
        ([VIEWER], "not a JSON object"),
        ("{", "not JSON"),
    ],
    ids=str,
)
def test_manifest_that_does_not_fit_is_refused_at_start(
    settings: Settings, tmp_path: Path, manifest: object, named: str
) -> None:
    """A manifest with an invalid document raises ConfigurationError naming the document."""
    path = write_manifest(tmp_path, manifest)
    with pytest.raises(ConfigurationError, match=f"CLIPGRAPH_TRUSTED_DOCUMENTS: .*{named}"):
        create_app(settings.model_copy(update={"trusted_documents": path}))


def test_manifest_that_is_not_there_is_refused_at_start(settings: Settings, tmp_path: Path) -> None:
    """A missing manifest raises ConfigurationError."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        create_app(settings.model_copy(update={"trusted_documents": tmp_path / "none.json"}))


async def test_document_is_parsed_and_validated_at_start_and_never_again(
    open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are, by the same app."""
    done: list[str] = []

    def count(module: Any, name: str) -> None:
        real = getattr(module, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            done.append(name)
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, counted)

    async with open_client() as client:
        count(strawberry_schema, "parse")
        count(extension, "validate")
        known = await client.post("/graphql", json={"documentId": "sha256:3a1c"})
        assert known.json()["data"] == {"viewer": {"userId": "demo"}}
        assert done == []
        await client.post("/graphql", json={"query": "{ viewer { userId } }"})
    assert done == ["parse", "validate"]


async def test_mutation_by_get_is_405_and_changes_nothing(
    open_client: Open, create_video: Callable[..., Any], user_id: str, query: Callable[..., Any]
) -> None:
    """A trusted mutation by GET gets 405, and nothing changes."""
    await create_video("v1")
    async with open_client(as_user=user_id) as client:
        response = await client.get("/graphql", params={"documentId": "delete", "variables": '{"id": "v1"}'})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    data = await query('query ($u: ID!) { video(videoId: "v1", userId: $u) { videoId } }', u=user_id)
    assert data == {"video": {"videoId": "v1"}}


async def test_answer_by_get_is_kept_for_a_minute_and_then_asked_for_again(open_client: Open) -> None:
    """A GET response has an ETag and a max-age, and its ETag is answered with 304."""
    async with open_client() as client:
        first = await client.get("/graphql", params={"documentId": "sha256:3a1c"})
        assert first.headers["cache-control"] == "private, max-age=60"
        assert {"Accept", "Authorization"} <= {name.strip() for name in first.headers["vary"].split(",")}
        headers = {"if-none-match": f'"other", {first.headers["etag"]}'}
        again = await client.get("/graphql", params={"documentId": "sha256:3a1c"}, headers=headers)
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"]


async def test_another_callers_answer_has_another_tag(open_client: Open) -> None:
    """One caller's ETag does not match another caller's response."""
    async with open_client() as client:
        mine = await client.get("/graphql", params={"documentId": "sha256:3a1c"})
    async with open_client(as_user="somebody") as client:
        headers = {"if-none-match": mine.headers["etag"]}
        theirs = await client.get("/graphql", params={"documentId": "sha256:3a1c"}, headers=headers)
    assert theirs.status_code == 200
    assert theirs.json()["data"] == {"viewer": {"userId": "somebody"}}


@pytest.mark.parametrize("params", [{"query": VIEWER}, {"documentId": "nothing"}], ids=str)
async def test_other_answers_are_kept_by_nobody(open_client: Open, params: dict[str, str]) -> None:
    """Responses to other requests are `no-store` without an ETag."""
    async with open_client() as client:
        response = await client.get("/graphql", params=params)
        posted = await client.post("/graphql", json={"documentId": "sha256:3a1c"})
    for answer in (response, posted):
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


async def test_answer_with_an_error_is_kept_by_nobody(open_client: Open) -> None:
    """A response with an error is `no-store`."""
    async with open_client(
        r2_endpoint_url="http://127.0.0.1:9", firestore_emulator_host="127.0.0.1:9", firestore_timeout_seconds=0.3
    ) as client:
        response = await client.get("/graphql", params={"documentId": "0f343b0931126a20f133d67c2b018a3b"})
    assert response.json()["errors"]
    assert response.headers["cache-control"] == "no-store"


def signed(signed_at: str, expires_in: int) -> bytes:
    return b'"https://r2/x?X-Amz-Credential=k&X-Amz-Date=%b&X-Amz-Expires=%d&X-Amz-SignedHeaders=host"' % (
        signed_at.encode(),
        expires_in,
    )


NOON = 1_767_268_800  # 2026-01-01T12:00:00Z


@pytest.mark.parametrize(
    ("body", "max_age_seconds"),
    [
        (b"{}", 60),
        (signed("20260101T120000Z", 4500), 60),
        (signed("20260101T114500Z", 901), 0),
        (signed("20260101T114500Z", 961), 30),
        (signed("20260101T115800Z", 150) + signed("20260101T120000Z", 4500), 15),
        (signed("20260101T110000Z", 900), -1350),
    ],
)
def test_answer_is_kept_for_half_of_the_shortest_life_of_its_urls(body: bytes, max_age_seconds: int) -> None:
    """The max-age is at most 60 s, and at most half of the shortest validity of a URL inside."""
    assert choose_max_age_seconds(body, NOON) == max_age_seconds


SHORT = "query Short { videos(first: 1) { nodes { clips { nodes { url(expiresIn: 1) } } } } }"


async def test_answer_with_short_lived_urls_is_kept_for_less(
    open_client: Open,
    complete_clips: Callable[..., Any],
    create_video: Callable[..., Any],
    clip_input: Any,
    user_id: str,
    tmp_path: Path,
) -> None:
    """With windows of one second, a URL for one second lives for at most two."""
    await create_video()
    await complete_clips(clip_input(1))
    path = write_manifest(tmp_path, {"short": SHORT})
    async with open_client(as_user=user_id, trusted_documents=path, url_window_seconds=1) as client:
        response = await client.get("/graphql", params={"documentId": "short"})
    assert "X-Amz-Signature" in response.text
    assert response.headers["cache-control"] in {"private, no-cache", "private, max-age=1"}


async def test_sockets_run_documents_by_their_ids_and_strictly(serve: Serve, trusting: Settings) -> None:  # noqa: F811
    """A WebSocket runs documents by id, and in strict mode refuses unknown ids and texts."""
    token = mint_token(trusting.data_dir, "somebody", Role.USER, 60)
    answers: list[Any] = []
    payloads = ({"documentId": "sha256:3a1c"}, {"documentId": "nothing"}, {"query": VIEWER})
    async with (
        serve(trusting.model_copy(update={"trusted_documents_only": True})) as address,
        connect(
            address.replace("http", "ws", 1) + "/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
            proxy=None,
        ) as opened,
    ):
        await opened.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        await opened.recv()
        for number, payload in enumerate(payloads):
            await opened.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
            answers.append(json.loads(await opened.recv()))
            if answers[-1]["type"] == "next":
                assert json.loads(await opened.recv())["type"] == "complete"
    assert answers[0]["payload"]["data"] == {"viewer": {"userId": "somebody"}}
    for answer in answers[1:]:
        assert answer["type"] == "error"
        assert answer["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
