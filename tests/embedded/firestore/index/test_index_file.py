"""The valid content of firestore.indexes.json; a mistake is answered in one line that names the entry."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from embedded.firestore.index.index_file import IndexFileError, load_index_config, parse_index_config
from embedded.firestore.index.indexes import DEFAULT_FIELD_INDEXES, CompositeIndex, IndexConfig, IndexField

ROOT = Path(__file__).parents[4]
PRIORITY = {"fieldPath": "priority", "order": "ASCENDING"}
STYLE = {"fieldPath": "style", "order": "ASCENDING"}
TAGS = {"fieldPath": "tags", "arrayConfig": "CONTAINS"}
COMPOSITE = {"collectionGroup": "clips", "queryScope": "COLLECTION", "fields": [STYLE, PRIORITY]}
EXEMPTION = {"collectionGroup": "clips", "fieldPath": "title", "indexes": []}


def parse(content: Any) -> IndexConfig:
    return parse_index_config(content, "file", is_enforced=True)


def composite(*fields: Any, **changes: Any) -> dict[str, Any]:
    return {"indexes": [{**COMPOSITE, "fields": list(fields)} | changes]}


def override(**changes: Any) -> dict[str, Any]:
    return {"fieldOverrides": [EXEMPTION | changes]}


NAME_UP, NAME_DOWN = ({"fieldPath": "__name__", "order": order} for order in ("ASCENDING", "DESCENDING"))
WRONG: list[tuple[Any, str]] = [
    ([], "file: [] is not an object"),
    ({"index": []}, 'file: "index" is unknown here: it has fieldOverrides, indexes'),
    ({"indexes": {}}, 'file: "indexes" is missing, or not a list'),
    ({"indexes": [1]}, "file: indexes[0]: 1 is not an object"),
    (
        {"indexes": [COMPOSITE, {"collectionGroup": "clips", "queryScope": "COLLECTION"}]},
        'file: indexes[1] of collection group "clips": "fields" is missing, or not a list',
    ),
    (composite(STYLE, PRIORITY, queryScope="collection"), '"queryScope" must be COLLECTION or COLLECTION_GROUP'),
    (composite(STYLE, PRIORITY, queryscope="COLLECTION"), '"queryscope" is unknown here'),
    (composite(STYLE, PRIORITY, collectionGroup="a/b"), "must not contain a slash"),
    (composite(STYLE, {**PRIORITY, "order": "ASC"}), 'fields[1]: it must have either "order", ASCENDING or'),
    (composite(STYLE, {**PRIORITY, "order": ["ASCENDING"]}), 'fields[1]: it must have either "order", ASCENDING or'),
    (composite(STYLE, {**PRIORITY, "arrayConfig": "CONTAINS"}), "fields[1]: it must have either"),
    (composite(STYLE, {"order": "ASCENDING"}), 'fields[1]: "fieldPath" is missing, or not a text'),
    (composite(STYLE, {**PRIORITY, "fieldPath": "a b"}), 'fields[1]: Invalid field path "a b"'),
    (composite(STYLE, {**PRIORITY, "fieldPath": "__id__"}), "reserved"),
    (composite(STYLE), "fields needs two or more"),
    (composite(STYLE, NAME_UP), "fields needs two or more"),
    (composite(NAME_UP), "fields needs two or more"),
    (composite(), "fields needs two or more"),
    (composite(NAME_UP, STYLE), "__name__ can only be the last"),
    (composite(STYLE, PRIORITY, STYLE), "it contains a field twice"),
    (composite(TAGS, {**TAGS, "fieldPath": "more"}), 'at most one field can have "arrayConfig"'),
    ({"indexes": [COMPOSITE, COMPOSITE]}, 'indexes[1] of collection group "clips": it repeats indexes[0]'),
    (override(fieldPath=""), "Invalid field path"),
    (override(fieldPath="__name__"), "__name__ is always indexed"),
    (override(indexes=None), '"indexes" is missing, or not a list'),
    (override(indexes=[{"queryScope": "COLLECTION"}]), "it must have either"),
    ({"fieldOverrides": [EXEMPTION, EXEMPTION]}, "it repeats fieldOverrides[0]"),
]


@pytest.mark.parametrize(("content", "message"), WRONG, ids=range(len(WRONG)))
def test_a_slip_is_named(content: Any, message: str) -> None:
    """A mistake in an index file is refused in one line that says where it is."""
    with pytest.raises(IndexFileError) as refused:
        parse(content)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["{", "\x00", ""])
def test_what_is_no_json_is_named(tmp_path: Path, text: str) -> None:
    """A file that is no JSON, or that is missing, is refused with its name and the reason."""
    file = tmp_path / "firestore.indexes.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(IndexFileError, match=r"firestore\.indexes\.json: it is not JSON"):
        load_index_config(file)
    with pytest.raises(IndexFileError, match="No such file or directory"):
        load_index_config(tmp_path / "none")


def test_the_projects_own_file_is_understood() -> None:
    """And written again from what was understood, it says the same."""
    file = ROOT / "firestore.indexes.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    described = load_index_config(file).describe()
    assert sorted(described["indexes"], key=str) == sorted(content["indexes"], key=str)
    assert parse(described).describe() == described
    assert len(described["fieldOverrides"]) == len(content["fieldOverrides"])


def test_names_follow_the_last_field_unless_they_are_listed() -> None:
    """An index orders names as its last field, unless it lists them, and is written back the same."""
    style, down = IndexField(("style",), "ASCENDING"), IndexField(("n",), "DESCENDING")
    n_down = {"fieldPath": "n", "order": "DESCENDING"}
    expected = {
        CompositeIndex("clips", False, (style, down), is_name_descending=True): composite(STYLE, n_down),
        CompositeIndex("clips", False, (style, down), is_name_descending=False): composite(STYLE, n_down, NAME_UP),
        CompositeIndex("clips", False, (style,), is_name_descending=True): composite(STYLE, NAME_DOWN),
        CompositeIndex("clips", False, (), is_name_descending=True): composite(NAME_DOWN),
    }
    for index, content in expected.items():
        config = parse(content)
        assert config.composites == {"clips": [index]}
        assert config.describe() == {**content, "fieldOverrides": []}


def test_what_makes_no_difference_here_is_passed_over() -> None:
    """Vector indexes, time to live, and what the Firebase CLI exports of the Enterprise edition."""
    vector = {"fieldPath": "embedding", "vectorConfig": {"dimension": 256, "flat": {}}}
    content = copy.deepcopy(composite(STYLE, vector))
    content["indexes"].append({**COMPOSITE, "density": "SPARSE_ALL", "apiScope": "ANY_API", "multikey": False})
    content["fieldOverrides"] = [
        {"collectionGroup": "clips", "fieldPath": "expires_at", "ttl": True},
        {**EXEMPTION, "ttl": True},
    ]
    config = parse(content)
    assert [len(found) for found in config.composites.values()] == [1]
    assert config.field_indexes("clips", ("expires_at",)) == DEFAULT_FIELD_INDEXES
    assert not config.field_indexes("clips", ("title",)).collection
