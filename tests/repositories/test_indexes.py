"""firestore.indexes.json: all that the queries need, and nothing else. That they suffice, test_page_query.py shows."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from repositories.models import ClipMetadata, VideoMetadata
from repositories.paging.orders import ClipOrder, VideoOrder

INDEXES: dict[str, Any] = json.loads((Path(__file__).parent.parent.parent / "firestore.indexes.json").read_text())
SEARCHED = {
    "videos": {"status", *(order.field for order in VideoOrder)},
    "clips": {"user_id", "video_id", "status", "style", *(order.field for order in ClipOrder)},
}
FIELDS = {
    "videos": set(VideoMetadata.model_fields),
    "clips": {*ClipMetadata.model_fields, *ClipMetadata.model_computed_fields},
}
# Fields that only a tombstone has (repositories/tombstones.py), and the count of commits (repositories/statistics.py).
INTERNAL = {"videos": {"deleting_at", "clips_revision"}, "clips": {"deleting_at", "file_keys"}}


def test_composite_indexes_are_a_filter_with_an_order() -> None:
    """Several filters are answered by merging these; without an order no composite index is needed."""
    expected = {
        *(("videos", "status", order.field, order.descending) for order in VideoOrder),
        *(("clips", name, order.field, order.descending) for name, order in product(("status", "style"), ClipOrder)),
    }
    found = [
        (
            index["collectionGroup"],
            index["fields"][0]["fieldPath"],
            index["fields"][1]["fieldPath"],
            index["fields"][1]["order"] == "DESCENDING",
        )
        for index in INDEXES["indexes"]
    ]
    assert sorted(found) == sorted(expected)
    assert all(len(index["fields"]) == 2 and index["queryScope"] == "COLLECTION" for index in INDEXES["indexes"])


@pytest.mark.parametrize("group", ["videos", "clips"])
def test_fields_that_no_query_asks_for_are_exempt(group: str) -> None:
    """Exactly the fields that no query filters or orders by have no index."""
    exempt = {
        override["fieldPath"]
        for override in INDEXES["fieldOverrides"]
        if override["collectionGroup"] == group and not override["indexes"]
    }
    assert exempt == FIELDS[group] - SEARCHED[group] | INTERNAL[group]


def test_the_group_query_over_clips_has_its_indexes() -> None:
    """The fields of the query over many videos, and no others, are indexed for collection groups."""
    in_groups = {
        override["fieldPath"]
        for override in INDEXES["fieldOverrides"]
        if {"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"} in override["indexes"]
    }
    assert in_groups == {"user_id", "video_id", "status", "style"}
