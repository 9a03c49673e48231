"""Isolation of users: every root field, asked with another user's ids, shows and changes nothing of theirs.

Eve sends each request twice: with Alice's ids, and with ids that nobody has. Both answers are the same and
take the same calls, so that time tells nothing either; nothing of Alice's is in them, and all that is hers stays.
"""

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from functools import wraps
from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    build_schema,
    get_named_type,
)

from gql.app import create_services
from gql.permissions import Principal, Role
from gql.relay import encode_global_id
from gql.schema import print_schema
from gql.services import Services
from gql.versions import build_clips_scope, build_video_scope, format_version
from repositories.firestore.rpc import FirestoreRpc
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from repositories.paging.cursors import Cursor
from repositories.paging.orders import ClipOrder, VideoOrder
from settings import Settings

SCHEMA = build_schema(print_schema())
SECRET = "hush"
OWN = "own"


@dataclass(frozen=True)
class Ids:
    """The ids of a user's video, clip and upload, and the user who asks for them."""

    user: str
    video: str
    clip: str
    upload: str
    asker: str = ""

    def make_node_ids(self, user: str) -> list[str]:
        """The global ids that they have, or would have, if they were `user`'s."""
        clips = [encode_global_id("Clip", user, video, self.clip) for video in (self.video, OWN)]
        return [encode_global_id("Video", user, self.video), *clips]

    @property
    def video_cursor(self) -> str:
        """The video's place in the list of videos."""
        return Cursor(VideoOrder.TITLE_ASC, f"{SECRET} title", self.video).encode()

    @property
    def clip_cursor(self) -> str:
        """The clip's place in the list of clips."""
        return Cursor(ClipOrder.PRIORITY_ASC, 1, self.clip).encode()


def make_ids(upload: str) -> Ids:
    """Ids that nobody else's data has."""
    user, video, clip = (f"{kind}-{uuid.uuid4().hex}" for kind in ("user", "video", "clip"))
    return Ids(user, video, clip, upload)


Variables = Callable[[Ids], dict[str, Any]]
FILE = {"kind": "CLIP", "filename": "a.mp4"}
CLIP_INPUT = {"sceneId": 1, "title": "T", "style": "s", "priority": 1, "startTime": "00:00:00", "endTime": "00:00:09"}
PART = {"partNumber": 1, "etag": "0" * 32}


def of_video(**given: Any) -> Variables:
    """The input of a mutation about a video that is not Eve's."""
    return lambda ids: {"input": {"videoId": ids.video, **given}}


def of_clip(field: str = "", **given: Any) -> list[Variables]:
    """The inputs of a mutation about a clip: of a video that is not Eve's, and of one that is."""

    def make(video_id: str, ids: Ids) -> dict[str, Any]:
        clip = {"clipId": ids.clip, **given}
        return {"input": {"videoId": video_id, **({field: [clip]} if field else clip)}}

    return [lambda ids: make(ids.video, ids), lambda ids: make(OWN, ids)]


def of_upload(**given: Any) -> list[Variables]:
    """The inputs of a mutation about an upload of a file: into a video that is not Eve's, and into one that is."""
    shared = {"file": FILE, **given}
    return [
        lambda ids: {"input": {"videoId": ids.video, "uploadId": ids.upload, **shared}},
        lambda ids: {"input": {"videoId": OWN, "uploadId": ids.upload, **shared}},
    ]


TABLE: dict[str, list[Variables]] = {
    "viewer": [lambda _: {}],
    # With Alice's own user id in them: below, since workers may see them.
    "node": [
        lambda ids: {"id": ids.make_node_ids(ids.asker)[0]},
        lambda ids: {"id": ids.make_node_ids(ids.asker)[1]},
        lambda ids: {"id": ids.make_node_ids(ids.asker)[2]},
    ],
    "nodes": [lambda ids: {"ids": ids.make_node_ids(ids.asker)}],
    "video": [lambda ids: {"videoId": ids.video}],
    "videos": [
        lambda ids: {"after": ids.video_cursor, "orderBy": "TITLE_ASC"},
        lambda ids: {"before": ids.video_cursor, "orderBy": "TITLE_ASC"},
        lambda ids: {"after": ids.video_cursor, "orderBy": "TITLE_ASC", "status": "COMPLETED"},
        lambda ids: {"after": ids.clip_cursor},
    ],
    "clip": [
        lambda ids: {"videoId": ids.video, "clipId": ids.clip},
        lambda ids: {"videoId": OWN, "clipId": ids.clip},
    ],
    "createVideo": [of_video(title="T", videoUrl="https://example.com/v")],
    "updateVideo": [of_video(title="T")],
    "updateVideoStatus": [of_video(status="FAILED", errorMessage="E")],
    "deleteVideo": [of_video()],
    "createClips": [
        lambda ids: {"input": {"videoId": ids.video, "clips": [CLIP_INPUT | {"filename": f"{ids.clip}.mp4"}]}},
        lambda ids: {"input": {"videoId": OWN, "clips": [CLIP_INPUT | {"filename": f"{ids.clip}.mp4"}]}},
        lambda ids: {
            "input": {"videoId": OWN, "clips": [CLIP_INPUT | {"filename": f"{ids.clip}.mp4", "status": "COMPLETED"}]}
        },
    ],
    "updateClipStatus": [*of_clip(status="COMPLETED"), *of_clip(status="FAILED")],
    "updateClipStatuses": [*of_clip("clips", status="COMPLETED"), *of_clip("clips", status="PROCESSING")],
    "recountClips": [of_video()],
    "deleteClip": of_clip(),
    "createUploadUrls": [of_video(files=[FILE | {"sizeBytes": 9}])],
    "createMultipartUpload": [of_video(file=FILE | {"sizeBytes": 9})],
    "createUploadPartUrls": of_upload(parts=[{"partNumber": 1, "sizeBytes": 9}]),
    "completeMultipartUpload": of_upload(parts=[PART]),
    "abortMultipartUpload": of_upload(),
}
ROWS = [pytest.param(field, row, id=f"{field}-{at}") for field, rows in TABLE.items() for at, row in enumerate(rows)]


def root_fields() -> dict[str, Any]:
    """All but subscriptions, which are in subscription/test_permissions.py."""
    roots = (SCHEMA.query_type, SCHEMA.mutation_type)
    return {name: field for root in roots if root is not None for name, field in root.fields.items()}


def write_document(field: str) -> str:
    """The root field with all of its arguments as variables, and all that can be selected below it."""
    definition = root_fields()[field]
    operation = "query" if SCHEMA.query_type and field in SCHEMA.query_type.fields else "mutation"
    # A variable that is left out leaves its argument to the default.
    types = {
        name: str(argument.type).rstrip("!" if argument.default else "") for name, argument in definition.args.items()
    }
    declared = ", ".join(f"${name}: {type_}" for name, type_ in types.items())
    passed = ", ".join(f"{name}: ${name}" for name in definition.args)
    head, call = (f"({declared})", f"{field}({passed})") if declared else ("", field)
    return f"{operation} {head} {{ {call} {select(get_named_type(definition.type), ())} }}"


def select(type_: Any, above: tuple[str, ...]) -> str:
    """All fields of a type, but for types that are above it; those of a union by names of their own."""
    if isinstance(type_, GraphQLUnionType):
        return f"{{ {' '.join(select_member(member, above) for member in type_.types)} }}"
    if isinstance(type_, GraphQLInterfaceType):
        return f"{{ {' '.join(select_member(member, above) for member in SCHEMA.get_possible_types(type_))} }}"
    if not isinstance(type_, GraphQLObjectType):
        return ""
    return f"{{ __typename {select_fields(type_, above, '')} }}"


def select_member(type_: GraphQLObjectType, above: tuple[str, ...]) -> str:
    return f"... on {type_.name} {{ __typename {select_fields(type_, above, f'{type_.name}_')} }}"


def select_fields(type_: GraphQLObjectType, above: tuple[str, ...], prefix: str) -> str:
    path = (*above, type_.name)
    named = {name: get_named_type(field.type) for name, field in type_.fields.items() if name != "edges"}
    selected = {name: select(below, path) for name, below in named.items() if below.name not in path}
    return " ".join(f"{prefix}{name}: {name} {below}" for name, below in selected.items())


def make_clip(user_id: str, video_id: str, clip_id: str) -> ClipMetadata:
    clip = ClipMetadata(
        user_id=user_id,
        video_id=video_id,
        filename=f"{clip_id}.mp4",
        scene_id=1,
        scene_title=SECRET,
        style=f"{SECRET} style",
        priority=1,
        start_time="00:00:00",
        end_time="00:00:09",
        status=ClipStatus.COMPLETED,
    )
    return clip.with_file(file_size_bytes=4, has_thumbnail=True)


@pytest.fixture(scope="session")
def alice(settings: Settings) -> Ids:
    """Alice, with a video that has a clip, files and an upload: once for all rows, since nothing may change them."""
    return asyncio.run(_create_alice(settings))


async def _create_alice(settings: Settings) -> Ids:
    services = create_services(settings)
    ids = make_ids("")
    folder = f"{ids.user}/{ids.video}"
    video = VideoMetadata(
        user_id=ids.user,
        video_id=ids.video,
        video_title=f"{SECRET} title",
        status=VideoStatus.COMPLETED,
        custom_prompt=SECRET,
    )
    await services.videos(ids.user).create_video(video)
    await services.clips(ids.user, ids.video).create_clip(make_clip(ids.user, ids.video, ids.clip))
    for name in (f"clips/{ids.clip}.mp4", f"clips/{ids.clip}.jpg", "clips/a.mp4", "highlights.json"):
        await services.storage.put(f"{folder}/{name}", SECRET.encode(), content_type="video/mp4")
    upload = await services.storage.create_multipart_upload(f"{folder}/clips/a.mp4", "video/mp4")
    await services.close()
    return replace(ids, upload=upload)


@pytest.fixture
async def eve(user_id: str, services: Services) -> str:
    """Eve, who has a video of her own."""
    await services.videos(user_id).create_video(VideoMetadata(user_id=user_id, video_id=OWN, video_title="Mine"))
    return user_id


@pytest.fixture
def calls(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of calls to Firestore and R2, from now on."""
    made: list[str] = []

    def record(name: str) -> None:
        original = getattr(FirestoreRpc, name)

        @wraps(original)
        def recorded(*args: Any, **kwargs: Any) -> Any:
            made.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(FirestoreRpc, name, recorded)

    for name in ("get_all", "run_query", "count", "commit", "begin", "commit_transaction", "roll_back"):
        record(name)
    events = services.storage._open_client().meta.events
    events.register("before-call.s3", lambda model, **_: made.append(model.name))
    return made


@pytest.fixture(autouse=True)
def _lift_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """These documents select all there is, each field by a name of its own."""
    monkeypatch.setattr("gql.cost.document.MAX_ALIASES", 1_000)
    monkeypatch.setattr("gql.cost.firestore_reads.MAX_PLAIN_LIST_SIZE", 1)


Ask = Callable[..., Awaitable[tuple[str, list[str]]]]


@pytest.fixture
def ask(execute_as: Any, calls: list[str]) -> Ask:
    """Asks a root field, and answers the response, with the ids by their names, and its calls."""

    async def ask(role: Role, field: str, variables: dict[str, Any], ids: Ids) -> tuple[str, list[str]]:
        calls.clear()
        answer = await execute_as(Principal(ids.asker, frozenset({role})), write_document(field), **variables)
        for error in answer["errors"]:
            assert error["extensions"]["code"] == "FORBIDDEN" or error["extensions"]["argumentPath"] == ["after"], error
        # What is left of the minute grows less with each request.
        answer["extensions"]["cost"].pop("throttle")
        return hide(json.dumps(answer), ids), sorted(calls)

    return ask


def hide(text: str, ids: Ids) -> str:
    """The text without what may differ: the ids that were sent, signatures over them, and the time."""
    names = {value: name for name, value in asdict(ids).items() if value}
    names |= {node: "node" for user in (ids.user, ids.asker) for node in ids.make_node_ids(user)}
    names |= {ids.video_cursor: "cursor", ids.clip_cursor: "cursor"}
    scopes = (build(ids.asker, ids.video) for build in (build_video_scope, build_clips_scope))
    names |= {format_version("", scope): "scope" for scope in scopes}
    for value in sorted(names, key=len, reverse=True):
        text = text.replace(value, f"<{names[value]}>")
    text = re.sub(r"X-Amz-Signature=[0-9a-f]{64}", "<signature>", text)
    # The time of a version, and of its scope only what was sent.
    text = re.sub(r'"[0-9a-f]{32}([0-9a-f]{8}|<scope>)"', r'"<time>\1"', text)
    return re.sub(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}", "<time>", text)


def test_every_root_field_has_rows() -> None:
    """The table has rows for each root field of the schema."""
    assert set(TABLE) == set(root_fields())


def find_id_arguments(arguments: dict[str, Any]) -> set[str]:
    """The names of arguments, and of what is in inputs, that name somebody's data."""
    names = {name for name in arguments if name in {"after", "before"}}
    for name, argument in arguments.items():
        type_ = get_named_type(argument.type)
        names |= find_id_arguments(type_.fields) if isinstance(type_, GraphQLInputObjectType) else set()
        names |= {name} if str(type_) in {"ID", "ID!"} else set()
    return names


@pytest.mark.parametrize("field", root_fields())
def test_rows_give_every_argument_that_names_data(field: str) -> None:
    """All but `userId`, which has a test of its own."""
    ids = make_ids(uuid.uuid4().hex)
    given = json.dumps([row(ids) for row in TABLE[field]])
    wanted = find_id_arguments(root_fields()[field].args) - {"userId"}
    assert {name for name in wanted if f'"{name}"' not in given} == set()


@pytest.mark.parametrize(("field", "row"), ROWS)
async def test_ids_of_anothers_data_are_as_if_nobody_had_them(
    ask: Ask, dump: Any, alice: Ids, eve: str, field: str, row: Variables, services: Services
) -> None:
    """A worker who does not say whose reaches their own data only, like everybody."""
    before = await dump(alice.user)
    for role in (Role.USER, Role.WORKER):
        hers, nobodys = (replace(ids, asker=eve) for ids in (alice, make_ids(str(uuid.uuid4()))))
        # The asker's own clips cost nothing the second time.
        services.__dict__.pop("clip_cache", None)
        answer, calls = await ask(role, field, row(hers), hers)
        services.__dict__.pop("clip_cache", None)
        other, other_calls = await ask(role, field, row(nobodys), nobodys)
        assert (drop_cost(answer), set(calls)) == (drop_cost(other), set(other_calls))
        assert SECRET not in answer
    assert await dump(alice.user) == before


def drop_cost(answer: str) -> str:
    """The answer without what it cost: two fields that ask for the same share a query only where they come at once."""
    return re.sub(r'"actual": \{[^}]*\}', "", answer)


def takes_user(field: str) -> bool:
    return not {"userId", "input"}.isdisjoint(root_fields()[field].args)


@pytest.mark.parametrize(("field", "row"), [row for row in ROWS if takes_user(str(row.values[0]))])
async def test_naming_another_user_is_forbidden_whether_they_exist_or_not(
    ask: Ask, dump: Any, alice: Ids, eve: str, field: str, row: Variables
) -> None:
    """An argument naming another user is FORBIDDEN whether or not they exist, and nothing changes."""
    before = await dump(alice.user)
    for ids in (alice, make_ids(str(uuid.uuid4()))):
        given = row(ids)
        owned = {"userId": ids.user}
        given = {"input": given["input"] | owned} if "input" in given else given | owned
        await assert_forbidden(ask, field, given, replace(ids, asker=eve))
    assert await dump(alice.user) == before


@pytest.mark.parametrize("at", range(3))
async def test_anothers_nodes_are_null_whether_they_exist_or_not(ask: Ask, alice: Ids, eve: str, at: int) -> None:
    """Another user's node is null, in the same response whether or not it exists."""
    answers = []
    for ids in (alice, make_ids(uuid.uuid4().hex)):
        variables = {"id": ids.make_node_ids(ids.user)[at]}
        answers.append(await ask(Role.USER, "node", variables, replace(ids, asker=eve)))
    assert answers[0] == answers[1]
    assert json.loads(answers[0][0])["data"] == {"node": None}


async def test_anothers_node_is_not_ones_own_of_the_same_ids(
    ask: Ask, alice: Ids, eve: str, services: Services
) -> None:
    """Another user's global id never finds the caller's own object of the same ids."""
    ids = replace(alice, asker=eve)
    await services.clips(eve, OWN).create_clip(make_clip(eve, OWN, alice.clip))
    for node in (encode_global_id("Video", alice.user, OWN), encode_global_id("Clip", alice.user, OWN, alice.clip)):
        answer, _ = await ask(Role.USER, "node", {"id": node}, ids)
        assert json.loads(answer)["data"] == {"node": None}


async def assert_forbidden(ask: Ask, field: str, variables: dict[str, Any], ids: Ids) -> None:
    """The same answer for everybody, before anybody is asked."""
    answer, calls = await ask(Role.USER, field, variables, ids)
    refusal = json.loads(answer)
    (error,) = refusal["errors"]
    assert (error["extensions"], error["path"]) == ({"code": "FORBIDDEN"}, [field])
    assert error["message"] == "Your role may not act for another user."
    assert SECRET not in answer
    assert calls == []


async def test_places_in_anothers_list_of_clips_tell_nothing(
    execute_as: Any, calls: list[str], alice: Ids, eve: str
) -> None:
    """A cursor of hers, and her style, in a video of Eve's own."""
    document = """query ($after: String, $style: String) {
      video(videoId: "own") {
        after: clips(after: $after, style: $style) { totalCount nodes { id } pageInfo { hasPreviousPage hasNextPage } }
        before: clips(before: $after, status: null) { nodes { id } pageInfo { hasPreviousPage hasNextPage } }
      }
    }"""
    answers = []
    for ids, style in ((alice, f"{SECRET} style"), (make_ids(uuid.uuid4().hex), "another style")):
        calls.clear()
        principal = Principal(eve, frozenset({Role.USER}))
        answer = await execute_as(principal, document, after=ids.clip_cursor, style=style)
        assert answer["errors"] == []
        answer["extensions"]["cost"].pop("throttle")
        answers.append((answer, sorted(calls)))
    assert answers[0] == answers[1]


async def test_part_of_anothers_upload_cannot_be_sent(execute_as: Any, dump: Any, alice: Ids, eve: str) -> None:
    """R2 takes a part for the key that its upload began with only; signed is what lies in one's own folder."""
    before = await dump(alice.user)
    given = {"videoId": OWN, "file": FILE, "uploadId": alice.upload, "parts": [{"partNumber": 1, "sizeBytes": 3}]}
    principal = Principal(eve, frozenset({Role.WORKER}))
    answer = await execute_as(principal, write_document("createUploadPartUrls"), input=given)
    (part,) = answer["data"]["createUploadPartUrls"]["CreateUploadPartUrlsSuccess_parts"]
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.put(part["url"], content=b"eve")).status_code == 404
    assert await dump(alice.user) == before


@pytest.mark.parametrize("field", ["video", "videos", "clip", "node"])
async def test_alice_herself_sees_it(ask: Ask, alice: Ids, field: str) -> None:
    """Alice's own request shows her data: the documents would show it if they could."""
    ids = replace(alice, asker=alice.user)
    variables = {"orderBy": "TITLE_ASC"} if field == "videos" else TABLE[field][0](ids)
    answer, _ = await ask(Role.USER, field, variables, ids)
    assert SECRET in answer
