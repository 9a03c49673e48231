"""Every field, argument and mutation of the schema by every kind of caller: allowed or refused as table.txt says."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from graphql import build_schema

from gql.authentication.api_keys import make_api_key
from gql.authentication.dev_tokens import mint_token
from gql.permissions import Role
from gql.relay import encode_global_id
from gql.services import Services
from settings import Settings
from tests.gql.authentication.conftest import Mint, Serve, SigningKey
from tests.gql.authentication.documents import Documents, find_paths, list_coordinates, quote
from tests.gql.conftest import make_clip_input
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parent.parent.parent.parent
SCHEMA = build_schema((ROOT / "schema.graphql").read_text())
TABLE = dict(line.split() for line in (Path(__file__).parent / "table.txt").read_text().splitlines() if line[0] != "#")
READS = [coordinate for coordinate, rule in TABLE.items() if rule in {"anyone", "read", "hidden"}]
MUTATIONS = {
    coordinate.removeprefix("Mutation."): rule
    for coordinate, rule in TABLE.items()
    if coordinate.startswith("Mutation.") and "(" not in coordinate
}
CLIP = make_clip_input(1)
SAMPLES = {
    "videoId": quote("v1"),
    "clipId": quote(CLIP["filename"][:-4]),
    "first": "1",
    "last": "1",
    "style": quote("split"),
    "expiresIn": "60",
    "download": "true",
    "videoUrl": quote("https://youtu.be/dQw4w9WgXcQ"),
    "title": quote("Changed"),
    "filename": quote(CLIP["filename"]),
    "sceneId": "1",
    "priority": "1",
    "startTime": quote("00:00:01"),
    "endTime": quote("00:00:02"),
    "sizeBytes": "10",
    "partNumber": "1",
    "etag": quote("etag"),
    "uploadId": quote("an-upload"),
}
# Root fields that are asked for together.
BATCH_SIZE = 8


def batched(coordinates: list[str]) -> Iterator[list[str]]:
    """The coordinates in as few requests as may be."""
    return (coordinates[start : start + BATCH_SIZE] for start in range(0, len(coordinates), BATCH_SIZE))


def test_every_field_and_argument_has_its_row() -> None:
    """A new one fails here until table.txt says who may ask for it; one that is gone loses its row."""
    assert set(list_coordinates(SCHEMA)) == set(TABLE)


def test_what_is_an_answer_only_cannot_be_queried() -> None:
    """Types that the table calls answers are not reachable by a query, and all readable types are."""
    reachable = find_paths(SCHEMA)
    answers = {coordinate.partition(".")[0] for coordinate, rule in TABLE.items() if rule == "answer"}
    assert answers.isdisjoint(reachable)
    assert {coordinate.partition(".")[0] for coordinate in READS} <= set(reachable)


def test_every_mutation_says_whose_data_it_is_about_and_nowhere_else() -> None:
    """The guard decides by `input.userId`; a second name for an owner would go past it."""
    assert SCHEMA.mutation_type is not None
    for name, field in SCHEMA.mutation_type.fields.items():
        assert set(field.args) == {"input"}, name
    inputs = {name: kind for name, kind in SCHEMA.type_map.items() if name.endswith("Input")}
    with_user_id = {name for name, kind in inputs.items() if "userId" in getattr(kind, "fields", {})}
    assert with_user_id == {f"{name[0].upper()}{name[1:]}Input" for name in MUTATIONS}


@pytest.fixture
async def documents(create_video: Any, complete_clips: Any, services: Services, query: Any, user_id: str) -> Documents:
    """Documents about a video of the owner's that has all there is to read."""
    summary = {"totalDuration": 9, "categories": ["question"]}
    await create_video(highlightsSummary=summary)
    await complete_clips(CLIP)
    highlights = {"video_url": "u", "video_title": "t", "highlights": [{"id": 1, "title": "t", "priority": 1}]}
    key = f"{user_id}/v1/highlights.json"
    await services.storage.put(key, json.dumps(highlights).encode(), content_type="application/json")
    edges = "edges { cursor }"
    cursors = 'query ($u: ID!) { videos(userId: $u) { %s } video(videoId: "v1", userId: $u) { clips { %s } } }'
    found = await query(cursors % (edges, edges), u=user_id)
    of_videos, of_clips = (quote(page["edges"][0]["cursor"]) for page in (found["videos"], found["video"]["clips"]))
    return Documents(
        SCHEMA,
        SAMPLES
        | {"userId": quote(user_id), "Query.node(id:)": quote(encode_global_id("Video", user_id, "v1"))}
        | {"Query.nodes(ids:)": f"[{quote(encode_global_id('Video', user_id, 'v1'))}]"}
        | {f"Query.videos({name}:)": of_videos for name in ("after", "before")}
        | {f"Video.clips({name}:)": of_clips for name in ("after", "before")},
    )


@pytest.fixture
def make_unknown(
    mint: Mint, claims: dict[str, Any], keys: dict[str, SigningKey], tmp_path: Path
) -> Callable[[str], str]:
    """Makes the credentials of a caller who proves nothing; each claims to be an admin."""
    said = claims | {"roles": ["admin"]}

    def sign_with_public_key() -> str:
        public = keys["current"].private.public_key()
        secret = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        parts = ({"alg": "HS256", "kid": "current"}, said)
        signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
        signature = base64.urlsafe_b64encode(hmac.digest(secret, signed, hashlib.sha256)).rstrip(b"=")
        return (signed + b"." + signature).decode()

    makers: dict[str, Callable[[], str]] = {
        "anonymous": lambda: "",
        "expired": lambda: mint(**said | {"exp": int(time.time()) - 61}),
        "wrong audience": lambda: mint(**said | {"aud": "another"}),
        "wrong issuer": lambda: mint(**said | {"iss": "https://another.example"}),
        "alg none": lambda: jwt.encode(said, "", "none", {"kid": "current"}),
        "HS256 with the public key": sign_with_public_key,
        "unknown kid": lambda: mint("stranger", **said),
        "another's signature": lambda: mint("stranger", {"kid": "current"}, **said),
        "dev token": lambda: mint_token(tmp_path, "owner", Role.ADMIN, 60),
        "unknown API key": lambda: make_api_key()[0],
    }
    return lambda name: makers[name]()


UNKNOWN = (
    "anonymous", "expired", "wrong audience", "wrong issuer", "alg none", "HS256 with the public key", "unknown kid",
    "another's signature", "dev token", "unknown API key",
)  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
async def test_unknown_callers_are_refused_everything(
    guarded_client: httpx.AsyncClient,
    documents: Documents,
    make_unknown: Callable[[str], str],
    dump: Callable[[str], Awaitable[Any]],
    user_id: str,
    name: str,
) -> None:
    """401 for each document, whatever it asks, and nothing has changed."""
    token = make_unknown(name)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    before = await dump(user_id)
    asked = [documents.build_query(*batch) for batch in batched(READS)]
    asked += [documents.build_mutation(mutation, {}) for mutation in MUTATIONS]
    for document in asked:
        response = await guarded_client.post("/graphql", json={"query": document}, headers=headers)
        assert response.status_code == 401, document
        assert response.json().keys() == {"errors"}
        assert response.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert await dump(user_id) == before


@pytest.fixture
async def call_as(
    serve: Serve, guarded: Settings, settings: Settings, mint: Mint, user_id: str, tmp_path: Path, add_api_key: Any
) -> AsyncIterator[Callable[[str, str], Awaitable[Any]]]:
    """Sends a document as a known caller: to a server with an issuer, or, as a developer, to one without."""
    key, admin_key = make_api_key(), make_api_key()
    with_keys = add_api_key(add_api_key(guarded, "farm", key[1]), "ops", admin_key[1], "admin")
    embedded = settings.model_copy(update={"data_dir": tmp_path})
    tokens = {
        "owner": mint(sub=user_id),
        "other user": mint(sub="somebody-else"),
        "worker": mint(sub="a-worker", roles=["worker"]),
        "admin": mint(sub="an-admin", roles=["admin"]),
        "API key": key[0],
        "admin's API key": admin_key[0],
        "dev owner": mint_token(tmp_path, user_id, Role.USER, 60),
        "dev other user": mint_token(tmp_path, "somebody-else", Role.USER, 60),
        "dev worker": mint_token(tmp_path, "somebody-else", Role.WORKER, 60),
        "dev admin": mint_token(tmp_path, "somebody-else", Role.ADMIN, 60),
        "demo": None,
    }
    async with (
        serve(with_keys) as guarded_address,
        serve(embedded) as embedded_address,
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client,
    ):

        async def call_as(name: str, document: str) -> Any:
            address = embedded_address if name == "demo" or name.startswith("dev ") else guarded_address
            token = tokens[name]
            headers = {} if token is None else {"authorization": f"Bearer {token}"}
            response = await client.post(f"{address}/graphql", json={"query": document}, headers=headers)
            assert response.status_code == 200, (document, response.text)
            return response.json()

        yield call_as


OWNERS = ("owner", "dev owner")
OTHERS = ("other user", "dev other user")
FOR_ANYONE = ("worker", "admin", "API key", "admin's API key", "dev worker", "dev admin", "demo")


def assert_forbidden(answer: Any, document: str) -> None:
    """There is no data, and the error says FORBIDDEN and nothing of what is there."""
    (error,) = answer["errors"]
    assert not any((answer.get("data") or {}).values()), document
    assert error["extensions"] == {"code": "FORBIDDEN"}, document


@pytest.mark.parametrize("name", [*OWNERS, *FOR_ANYONE])
async def test_owner_workers_and_admins_read_all(call_as: Any, documents: Documents, name: str) -> None:
    """The owner, workers and admins read every field of the owner's data without an error."""
    for batch in batched(READS):
        answer = await call_as(name, documents.build_query(*batch))
        assert "errors" not in answer, (batch, answer)
        assert None not in answer["data"].values(), batch


@pytest.mark.parametrize("name", OTHERS)
async def test_others_read_nothing_of_the_owners(call_as: Any, documents: Documents, name: str) -> None:
    """Other users get FORBIDDEN for the owner's fields, and null for hidden ones."""
    for coordinate in READS:
        document = documents.build_query(coordinate)
        answer = await call_as(name, document)
        if TABLE[coordinate] == "read":
            assert_forbidden(answer, document)
        elif TABLE[coordinate] == "hidden":
            assert answer["data"]["c0"] in (None, [None])
            assert "errors" not in answer
        else:
            assert "errors" not in answer, coordinate


@pytest.mark.parametrize("name", [*OWNERS, *OTHERS])
async def test_users_are_refused_what_is_not_theirs_to_do(
    call_as: Any, documents: Documents, dump: Callable[[str], Awaitable[Any]], user_id: str, name: str
) -> None:
    """A mutation that a user may not run is FORBIDDEN, whether the object exists or not, and changes nothing."""
    before = await dump(user_id)
    for mutation, rule in MUTATIONS.items():
        if rule == "delete" and name in OWNERS:
            continue
        for changes in ({}, {"videoId": quote("not-there")}):
            document = documents.build_mutation(mutation, changes)
            assert_forbidden(await call_as(name, document), document)
    assert await dump(user_id) == before


@pytest.mark.parametrize("name", FOR_ANYONE)
async def test_workers_and_admins_do_everything_for_anyone(call_as: Any, documents: Documents, name: str) -> None:
    """Workers and admins run every mutation on another user's data."""
    for mutation in MUTATIONS:
        answer = await call_as(name, documents.build_mutation(mutation, {"videoId": quote("of-a-worker")}))
        assert "errors" not in answer, (mutation, answer)
        assert answer["data"][mutation]["__typename"]


@pytest.mark.parametrize("name", OWNERS)
async def test_owner_deletes_what_is_theirs(call_as: Any, documents: Documents, name: str) -> None:
    """The owner deletes their own clip and video."""
    for mutation, expected in (("deleteClip", "DeleteClipSuccess"), ("deleteVideo", "DeleteVideoSuccess")):
        answer = await call_as(name, documents.build_mutation(mutation, {}))
        assert answer["data"][mutation]["__typename"] == expected


async def test_anothers_object_and_one_that_is_not_there_are_the_same(
    call_as: Any, documents: Documents, user_id: str
) -> None:
    """To the last byte of the answer, its cost in reads included, also where the caller's own has the same id."""
    own = {"videoId": quote("v1"), "userId": quote("somebody-else")}
    await call_as("demo", documents.build_mutation("createVideo", own))
    clip_id = CLIP["filename"][:-4]
    ids: dict[str, list[tuple[str, ...]]] = {
        "Video": [(user_id, "v1"), (user_id, "v2"), ("somebody-else", "v9")],
        "Clip": [(user_id, "v1", clip_id), (user_id, "v1", "c2"), ("somebody-else", "v1", "c9")],
    }
    for kind, paths in ids.items():
        answers = [
            await call_as("other user", f"{{ node(id: {quote(encode_global_id(kind, *path))}) {{ id }} }}")
            for path in paths
        ]
        assert answers[0]["data"] == {"node": None}
        for answer in answers:
            # What is left of the minute grows less with each request.
            answer["extensions"]["cost"].pop("throttle")
        assert answers[0] == answers[1] == answers[2]
        together = ", ".join(quote(encode_global_id(kind, *path)) for path in paths)
        answer = await call_as("other user", f"{{ nodes(ids: [{together}]) {{ id }} }}")
        assert answer["data"] == {"nodes": [None, None, None]}


async def test_refusal_to_read_is_the_same_whether_the_object_is_there_or_not(
    call_as: Any, documents: Documents, user_id: str
) -> None:
    """Another user's refusal is equal for a video that exists and one that does not."""
    del documents
    ask = '{ video(videoId: "%s", userId: %s) { id } }'
    there, missing = [await call_as("other user", ask % (name, quote(user_id))) for name in ("v1", "not-there")]
    assert there == missing
