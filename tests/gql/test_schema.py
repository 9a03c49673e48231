"""The contract itself: what schema.graphql says, and that it says it all."""

import re
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    build_schema,
    value_from_ast_untyped,
)

from gql.schema import print_schema, schema
from repositories.model.statuses import NEXT_STATUSES

ROOT = Path(__file__).parent.parent.parent
SCHEMA = build_schema(print_schema())
OWN_TYPES = [type_ for name, type_ in sorted(SCHEMA.type_map.items()) if not name.startswith("__")]


def test_checked_in_schema_is_current() -> None:
    """`schema.graphql` equals the printed schema."""
    assert (ROOT / "schema.graphql").read_text() == print_schema()


# Words for which a noun of the field exists.
VAGUE_WORDS = frozenset({"what", "who", "whoever", "whose", "whom", "those", "nobody", "how"})


def check_prose(description: str | None) -> bool:
    """Whether a description is sentences that begin with a capital letter, and first of all with no vague word."""
    if not description or not re.fullmatch(r"[A-Z].*\.", description, re.DOTALL):
        return False
    return re.split(r"\W", description.lower(), maxsplit=1)[0] not in VAGUE_WORDS


@pytest.mark.parametrize("type_", OWN_TYPES, ids=str)
def test_everything_is_described(type_: Any) -> None:
    """Types, fields, arguments, input fields and enum values all tell a client in sentences what they are."""
    descriptions = {str(type_): type_.description}
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        for name, field in type_.fields.items():
            descriptions[name] = field.description
            for argument_name, argument in getattr(field, "args", {}).items():
                descriptions[f"{name}({argument_name}:)"] = argument.description
    if isinstance(type_, GraphQLEnumType):
        descriptions |= {name: value.description for name, value in type_.values.items()}
    assert {name: text for name, text in descriptions.items() if not check_prose(text)} == {}


def test_schema_is_described() -> None:
    """The schema itself has a description, in its printed form and for introspection."""
    assert check_prose(SCHEMA.description)
    assert schema._schema.description == SCHEMA.description


@pytest.mark.parametrize(
    "text", ["What is there.", "Nobody reads it.", "no capital.", "No full stop", "", None], ids=str
)
def test_prose_is_told_from_other_text(text: str | None) -> None:
    """The check of descriptions refuses each fault."""
    assert not check_prose(text)


def mutations() -> list[tuple[str, Any]]:
    assert SCHEMA.mutation_type is not None
    return list(SCHEMA.mutation_type.fields.items())


@pytest.mark.parametrize(("name", "field"), mutations())
def test_mutation_has_the_shape_of_all_mutations(name: str, field: Any) -> None:
    """`name(input: NameInput!): NameResult`, nullable, a union of NameSuccess and errors, InvalidInput among them."""
    capitalised = name[0].upper() + name[1:]
    assert list(field.args) == ["input"]
    assert str(field.args["input"].type) == f"{capitalised}Input!"
    assert not isinstance(field.type, GraphQLNonNull)
    assert isinstance(field.type, GraphQLUnionType)
    assert field.type.name == f"{capitalised}Result"
    success, *errors = field.type.types
    assert success.name == f"{capitalised}Success"
    assert "InvalidInput" in {error.name for error in errors}
    assert all("UserError" in {interface.name for interface in error.interfaces} for error in errors)


def test_every_field_called_id_is_a_global_one() -> None:
    """Client caches take `id` for an object's identity: only types that `node` resolves have it."""
    with_id = {name for name, type_ in SCHEMA.type_map.items() if "id" in getattr(type_, "fields", {})}
    node = SCHEMA.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    assert with_id == {"Node", *(type_.name for type_ in SCHEMA.get_possible_types(node))}


DELETES = {"deleteClip": "deletedClipId", "deleteVideo": "deletedVideoId"}


@pytest.mark.parametrize(("name", "field"), mutations())
def test_success_shows_the_video_and_the_id_of_a_deleted_object(name: str, field: Any) -> None:
    """Client caches are current after each mutation: it answers the video as it is, or the global id that is gone."""
    fields = field.type.types[0].fields
    assert "video" in fields
    assert {given for given in fields if given.startswith("deleted") and given.endswith("Id")} == (
        {DELETES[name]} if name in DELETES else set()
    )


VIDEO_FIELDS = """
    id videoId userId videoUrl title youtubeId status createdAt completedAt failedAt errorMessage highlightsCount
    highlightsSummary highlights customPrompt stylesProcessed cropMode targetAspect clipsCount clipsByStyle updatedAt
    createdBy cover version
"""
CLIP_FIELDS = """
    id clipId videoId userId sceneId title description filename style priority startTime endTime durationSeconds
    fileSizeBytes fileSizeMb size hasThumbnail status createdAt completedAt failedAt errorMessage createdBy video
"""
# The contract's names, as far as they are built: field → its arguments with their defaults.
PAGE = {"first": None, "after": None, "last": None, "before": None}
CONTRACT: dict[str, dict[str, dict[str, object]]] = {
    "Query": {
        "viewer": {},
        "node": {"id": None},
        "nodes": {"ids": None},
        "video": {"videoId": None, "userId": None},
        "videos": {**PAGE, "first": 20, "status": None, "orderBy": "CREATED_AT_DESC", "userId": None},
        "clip": {"videoId": None, "clipId": None, "userId": None},
    },
    "Subscription": {
        "videoChanged": {"videoId": None, "after": None, "userId": None},
        "videoEvents": {"after": None, "userId": None},
        "clipEvents": {"videoId": None, "style": None, "after": None, "userId": None},
    },
    "VideoEvent": {name: {} for name in ("kind", "version", "videoId", "video", "deletedId")},
    "ClipEvent": {name: {} for name in ("kind", "version", "clipId", "clip", "deletedId", "video")},
    "Video": {
        **{name: {} for name in VIDEO_FIELDS.split()},
        "clips": {**PAGE, "style": None, "status": "COMPLETED", "first": 100, "orderBy": "PRIORITY_ASC"},
    },
    "Clip": {
        **{name: {} for name in CLIP_FIELDS.split()},
        "url": {"expiresIn": 3600, "download": False},
        "thumbnailUrl": {"expiresIn": 3600},
        "urlsExpireAt": {"expiresIn": 3600},
    },
    "ClipConnection": {name: {} for name in ("edges", "nodes", "pageInfo", "totalCount", "version")},
    "VideoConnection": {name: {} for name in ("edges", "nodes", "pageInfo", "totalCount", "version")},
    "StyleCount": {"style": {}, "count": {}},
    "HighlightsSummary": {"totalDuration": {}, "categories": {}},
    "Viewer": {"userId": {}, "roles": {}},
    "InvalidInput": {"message": {}, "path": {}},
    "InvalidStatusChange": {"message": {}, "from": {}, "to": {}},
    "FileMissing": {"message": {}, "key": {}},
    "VideoNotFound": {"message": {}},
    "ClipNotFound": {"message": {}},
    "VideoAlreadyExists": {"message": {}},
    "ClipAlreadyExists": {"message": {}},
}


@pytest.mark.parametrize(
    ("type_name", "name", "arguments"),
    [(type_name, name, arguments) for type_name, fields in CONTRACT.items() for name, arguments in fields.items()],
)
def test_contracts_field_has_its_arguments(type_name: str, name: str, arguments: dict[str, object]) -> None:
    """Each field of the contract has its arguments with their defaults."""
    type_: Any = SCHEMA.type_map[type_name]
    field = type_.fields[name]
    defaults = {name: argument.default and argument.default.literal for name, argument in field.args.items()}
    shown = {name: default and value_from_ast_untyped(default) for name, default in defaults.items()}
    assert shown == arguments


def test_docs_show_the_table_of_statuses() -> None:
    """The table of statuses in docs/schema.md equals the code's."""
    rows = re.findall(r"^  \| ([A-Z]+) \| (.+) \|$", (ROOT / "docs" / "schema.md").read_text(), re.MULTILINE)
    shown = {from_.lower(): set(re.findall(r"[A-Z]{2,}", to)) for from_, to in rows}
    assert shown == {from_: {to.upper() for to in next_} for from_, next_ in NEXT_STATUSES.items()}
