"""Documents are measured as the embedded Firestore measures them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client, GeoPoint
from google.cloud.firestore_v1.types import Document
from hypothesis import given
from hypothesis import strategies as st

from domain.document_size import get_largest_field, measure_document, measure_value
from embedded.firestore.model.documents import measure_name, normalise_value
from embedded.firestore.model.paths import parse_resource
from repositories.firestore.decoding import Fields, Reference
from repositories.firestore.encoding import encode_document

NAME = "projects/p/databases/(default)/documents/"
scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=20)
keys = st.text(min_size=1, max_size=8).filter(lambda key: not key.startswith("__"))
values = st.recursive(
    scalars | st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    lambda inner: st.dictionaries(keys, inner, max_size=4) | st.lists(scalars, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(keys, values, max_size=6))
def test_size_is_what_the_embedded_firestore_counts(fields: dict[str, Any]) -> None:
    """Every document has the same size by both counts."""
    path = "users/ü/videos/v"
    message = encode_document(NAME + path, fields)
    counted = sum(len(name.encode()) + 1 + normalise_value(message.fields[name], name) for name in message.fields)
    assert measure_document(path, fields) == counted + measure_name(parse_resource(NAME + path)) + 32


def test_largest_field_is_named() -> None:
    """The field that takes the most bytes is found."""
    assert get_largest_field({"a": 1, "b": ["long text"], "c": None}) == "b"


DOCUMENT = NAME + "users/ü/videos/__id7__"
OTHER_VALUES = {
    "reference": {"reference_value": DOCUMENT},
    "another database's": {"reference_value": "projects/q/databases/other/documents/a/b"},
    "point": {"geo_point_value": {"latitude": 1.5, "longitude": -2}},
    "bytes": {"bytes_value": b"\0\xff\x01"},
    "list": {"array_value": {"values": [{"reference_value": DOCUMENT}, {"geo_point_value": {}}]}},
    "vector": {
        "map_value": {
            "fields": {
                "__type__": {"string_value": "__vector__"},
                "value": {"array_value": {"values": [{"double_value": 1.0}, {"double_value": 2.0}]}},
            }
        }
    },
}


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_values_of_other_programs_are_measured_as_they_were_read(name: str) -> None:
    """A reference has the size of the name that it holds, a point 16 bytes, a vector that of its map."""
    message = Document.pb()(fields={"a": OTHER_VALUES[name]})
    assert measure_value(Fields(message.fields)["a"]) == normalise_value(message.fields["a"], "a")


def test_documented_sizes() -> None:
    """Firestore's documentation: 16 bytes and a byte more than each segment has, for a name; 16 for a point."""
    client = Client(project="p", credentials=AnonymousCredentials())
    assert measure_value(client.document("users/jeff/tasks/my_task_id")) == 6 + 5 + 6 + 11 + 16 == 44
    assert measure_value(Reference(NAME + "users/jeff/tasks/my_task_id")) == 44
    assert measure_value(GeoPoint(1, 2)) == 16
