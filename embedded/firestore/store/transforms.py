"""Field transforms: what the server computes from the stored value."""

import math
from typing import Any

from embedded.firestore.model import clock
from embedded.firestore.model.documents import Fields, get_field, normalise_value, set_field
from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.field_paths import DOCUMENT_NAME, FieldPath, parse_field_path
from embedded.firestore.model.protos import Message, Value
from embedded.firestore.model.value_order import encode_exactly, encode_number

MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1
MAX_TRANSFORMS = 500  # of one document in one commit
_REQUEST_TIME = 1
_NUMERIC = {"increment", "maximum", "minimum"}
_ARRAYS = {"append_missing_elements", "remove_all_from_array"}


class Transform:
    """One transform of one field, checked and ready to be applied."""

    def __init__(self, transform: Message) -> None:
        self.path: FieldPath = parse_field_path(transform.field_path)
        self.kind: str = transform.WhichOneof("transform_type") or ""
        self.operand: Any = getattr(transform, self.kind) if self.kind else None
        self._assert_valid()

    def apply(self, fields: Fields, request_time: int) -> Value:
        """Change the field, and return the transform's result: null for arrays, else the field's new value."""
        if self.kind == "set_to_server_value":
            result = Value(timestamp_value=clock.to_timestamp(request_time))
        elif self.kind in _NUMERIC:
            result = _NUMBERS[self.kind](get_field(fields, self.path), self.operand)
        else:
            array = _change_array(self.kind, get_field(fields, self.path), self.operand)
            set_field(fields, self.path, array)
            return Value(null_value=0)
        set_field(fields, self.path, result)
        return result

    def _assert_valid(self) -> None:
        if not self.kind:
            raise InvalidArgumentError(f"The transform of field {'.'.join(self.path)} does not say what to do.")
        if self.path == (DOCUMENT_NAME,):
            raise InvalidArgumentError("The document's name cannot be transformed.")
        if self.kind == "set_to_server_value" and self.operand != _REQUEST_TIME:
            raise InvalidArgumentError("The only server value is REQUEST_TIME.")
        if self.kind in _NUMERIC and self.operand.WhichOneof("value_type") not in {"integer_value", "double_value"}:
            raise InvalidArgumentError(f"The operand of {self.kind} must be an integer or a double.")
        if self.kind in _ARRAYS:
            for element in self.operand.values:
                if element.WhichOneof("value_type") == "array_value":
                    raise InvalidArgumentError("An array cannot be an element of an array.")
                normalise_value(element, ".".join(self.path))


def _number(value: Value) -> float | None:
    kind = value.WhichOneof("value_type")
    return getattr(value, kind) if kind in {"integer_value", "double_value"} else None


def _increment(stored: Value | None, operand: Value) -> Value:
    left, right = (_number(stored) if stored is not None else None), _number(operand)
    if left is None or right is None:
        return operand
    if isinstance(left, int) and isinstance(right, int):
        return Value(integer_value=min(max(left + right, MIN_INT64), MAX_INT64))
    return Value(double_value=float(left) + float(right))


def _extreme(stored: Value | None, operand: Value, *, largest: bool) -> Value:
    left, right = (_number(stored) if stored is not None else None), _number(operand)
    if stored is None or left is None or right is None:
        return operand
    if math.isnan(left) or math.isnan(right):
        return Value(double_value=math.nan)
    left_key, right_key = encode_number(left), encode_number(right)  # exact between integers and doubles
    return operand if (right_key > left_key if largest else right_key < left_key) else stored


def _maximum(stored: Value | None, operand: Value) -> Value:
    return _extreme(stored, operand, largest=True)


def _minimum(stored: Value | None, operand: Value) -> Value:
    return _extreme(stored, operand, largest=False)


_NUMBERS = {"increment": _increment, "maximum": _maximum, "minimum": _minimum}


def _change_array(kind: str, stored: Value | None, operand: Any) -> Value:
    is_array = stored is not None and stored.WhichOneof("value_type") == "array_value"
    elements = list(stored.array_value.values) if stored is not None and is_array else []
    result = Value()
    result.array_value.SetInParent()
    if kind == "remove_all_from_array":
        removed = {encode_exactly(element) for element in operand.values}
        result.array_value.values.extend(element for element in elements if encode_exactly(element) not in removed)
        return result
    result.array_value.values.extend(elements)
    seen = {encode_exactly(element) for element in elements}
    for element in operand.values:
        key = encode_exactly(element)
        if key not in seen:
            seen.add(key)
            result.array_value.values.append(element)
    return result
