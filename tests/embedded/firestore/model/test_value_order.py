"""The order-preserving encoding of values."""

import math
import struct
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.firestore.model.clock import to_timestamp
from embedded.firestore.model.protos import Value
from embedded.firestore.model.value_order import after, encode_exactly, encode_number, encode_value, invert

ROOT = "projects/p/databases/(default)/documents"


def text(content: str) -> Value:
    return Value(string_value=content)


def integer(number: int) -> Value:
    return Value(integer_value=number)


def array(*elements: Value) -> Value:
    value = Value()
    value.array_value.SetInParent()
    value.array_value.values.extend(elements)
    return value


def mapping(**fields: Value) -> Value:
    value = Value()
    value.map_value.SetInParent()
    for name, field in fields.items():
        value.map_value.fields[name].CopyFrom(field)
    return value


def vector(*numbers: float) -> Value:
    elements = array(*(Value(double_value=number) for number in numbers))
    return mapping(__type__=text("__vector__"), value=elements)


def point(latitude: float, longitude: float) -> Value:
    value = Value()
    value.geo_point_value.latitude, value.geo_point_value.longitude = latitude, longitude
    return value


ASCENDING = [
    Value(null_value=0),
    Value(boolean_value=False),
    Value(boolean_value=True),
    Value(double_value=math.nan),
    Value(double_value=-math.inf),
    integer(-(2**63)),
    Value(double_value=-1.5),
    integer(-1),
    integer(0),
    Value(double_value=5e-324),
    integer(1),
    Value(double_value=float(2**53)),
    integer(2**53 + 1),
    integer(2**63 - 1),
    Value(double_value=float(2**63)),
    Value(double_value=math.inf),
    Value(timestamp_value=to_timestamp(-1)),
    Value(timestamp_value=to_timestamp(0)),
    text(""),
    text("\0"),
    text("\0a"),
    text("a"),
    text("a\0"),
    text("ab"),
    text("é"),
    text("\uffff"),
    text("🎬"),  # after U+FFFF by bytes, before it by UTF-16 units
    Value(bytes_value=b""),
    Value(bytes_value=b"\xff"),
    Value(reference_value=f"{ROOT}/c/__id7__"),
    Value(reference_value=f"{ROOT}/c/__id10__"),
    Value(reference_value=f"{ROOT}/c/a"),
    Value(reference_value=f"{ROOT}/c/a/s/x"),
    Value(reference_value=f"{ROOT}/c/b"),
    point(-90, 180),
    point(0, -1),
    point(0, 1),
    array(),
    array(integer(1)),
    array(integer(1), integer(0)),
    array(integer(2)),
    array(text("a")),
    vector(9.0),
    vector(1.0, 2.0),
    mapping(),
    mapping(a=integer(1)),
    mapping(a=integer(1), b=integer(0)),
    mapping(a=integer(2)),
    mapping(b=integer(0)),
]


def test_keys_follow_the_order_across_all_types() -> None:
    """Keys of values sort as Firestore sorts the values, across all types."""
    assert all(encode_value(left) < encode_value(right) for left, right in pairwise(ASCENDING))


def test_inverted_keys_follow_the_opposite_order() -> None:
    """Inverted keys sort the other way round."""
    keys = [invert(encode_value(value)) for value in ASCENDING]
    assert all(left > right for left, right in pairwise(keys))


def test_no_key_begins_another() -> None:
    """No value's key is the beginning of another's."""
    keys = [encode_value(value) for value in ASCENDING]
    assert not any(left != right and right.startswith(left) for left in keys for right in keys)


@pytest.mark.parametrize(("left", "right"), [(3, 3.0), (0, -0.0), (2**53, float(2**53))])
def test_equal_numbers_have_equal_keys(left: int, right: float) -> None:
    """An integer and a double of the same value have the same key."""
    assert encode_number(left) == encode_number(right)


numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)


@given(numbers, numbers)
def test_numbers_compare_exactly(left: float, right: float) -> None:
    """Keys of any two numbers compare as the numbers do, without rounding."""
    assert (encode_number(left) < encode_number(right)) == (left < right)
    assert (encode_number(left) == encode_number(right)) == (left == right)


@given(st.text(), st.text())
def test_strings_compare_by_their_bytes(left: str, right: str) -> None:
    """Keys of any two strings compare as their UTF-8 bytes do."""
    assert (encode_value(text(left)) < encode_value(text(right))) == (left.encode() < right.encode())


@given(st.binary(min_size=1), st.binary())
def test_after_is_above_all_that_begins_with_a_key(key: bytes, rest: bytes) -> None:
    """`after` of a key is above every key that begins with it."""
    if key.strip(b"\xff"):
        assert key + rest < after(key)


def test_only_the_beginning_of_a_long_string_is_queried() -> None:
    """Strings that differ after 1500 bytes have equal index keys, and different exact ones."""
    left, right = text("x" * 1500 + "a"), text("x" * 1500 + "b")
    assert encode_value(left) == encode_value(right)
    assert encode_exactly(left) != encode_exactly(right)


def test_a_double_and_its_bits_agree() -> None:
    """The layout is fixed: keys lie in files."""
    bits: Any = struct.pack(">q", struct.unpack(">q", struct.pack(">d", 1.0))[0])
    assert encode_number(1)[1:9] == bytes([bits[0] | 0x80]) + bits[1:]
