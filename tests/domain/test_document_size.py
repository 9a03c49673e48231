"""Documents are measured as the embedded Firestore measures them."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.document_size import get_largest_field, measure_document
from embedded.firestore.model.documents import measure_name, normalise_value
from embedded.firestore.model.paths import parse_resource
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
