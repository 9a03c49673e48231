"""One document, one line: the JSON of Firestore's REST API, with sorted keys."""

import base64
import json
from collections.abc import Callable
from typing import Any

from google.cloud.firestore_v1 import types
from google.protobuf.json_format import MessageToDict

from domain.control_characters import escape_control_characters

RawDocument: Any = types.Document.pb()  # of protobuf itself: proto-plus would cost many times as much
_Fill = Callable[[Any, Any], None]


class LineError(Exception):
    """A line is no document; the text says why."""


def write_line(document: Any) -> str:
    """The line of a document, with its line break."""
    line = json.dumps(MessageToDict(document), sort_keys=True, ensure_ascii=False)
    return f"{escape_control_characters(line)}\n"


def read_line(line: bytes, root: str) -> Any:
    """The document of a line, moved below another root; references within the document's database move with it.

    Its times are Firestore's to give. `LineError` where the line is no document.
    """
    try:
        content = json.loads(line)
        home, slash, path = content["name"].partition("/documents/")
        if not slash:
            raise LineError('its "name" is not projects/…/databases/…/documents/…')
        document = RawDocument(name=f"{root}/{path}")
        _fill_map(document, content.get("fields", {}), (f"{home}/documents/", f"{root}/"))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise LineError(f"it is not the JSON of a document ({type(error).__name__}: {error})") from error
    return document


def _fill_map(holder: Any, fields: dict[str, Any], move: tuple[str, str]) -> None:
    for name, value in fields.items():
        _fill_value(holder.fields[name], value, move)


def _fill_value(holder: Any, value: dict[str, Any], move: tuple[str, str]) -> None:
    ((kind, content),) = value.items()
    if kind == "mapValue":
        holder.map_value.SetInParent()
        _fill_map(holder.map_value, content.get("fields", {}), move)
    elif kind == "arrayValue":
        holder.array_value.SetInParent()
        for element in content.get("values", ()):
            _fill_value(holder.array_value.values.add(), element, move)
    elif kind == "referenceValue":
        before, after = move
        holder.reference_value = after + content.removeprefix(before) if content.startswith(before) else content
    else:
        _FILL[kind](holder, content)


def _fill_null(holder: Any, _: None) -> None:
    holder.null_value = 0


def _fill_boolean(holder: Any, content: bool) -> None:
    holder.boolean_value = content


def _fill_integer(holder: Any, content: str) -> None:
    holder.integer_value = int(content)


def _fill_double(holder: Any, content: float | str) -> None:
    holder.double_value = float(content)  # "NaN" and "-Infinity" are texts, as in the REST API


def _fill_timestamp(holder: Any, content: str) -> None:
    holder.timestamp_value.FromJsonString(content)


def _fill_string(holder: Any, content: str) -> None:
    holder.string_value = content


def _fill_bytes(holder: Any, content: str) -> None:
    holder.bytes_value = base64.b64decode(content, validate=True)


def _fill_geo_point(holder: Any, content: dict[str, float]) -> None:
    holder.geo_point_value.latitude = content.get("latitude", 0.0)
    holder.geo_point_value.longitude = content.get("longitude", 0.0)
    holder.geo_point_value.SetInParent()


_FILL: dict[str, _Fill] = {
    "nullValue": _fill_null,
    "booleanValue": _fill_boolean,
    "integerValue": _fill_integer,
    "doubleValue": _fill_double,
    "timestampValue": _fill_timestamp,
    "stringValue": _fill_string,
    "bytesValue": _fill_bytes,
    "geoPointValue": _fill_geo_point,
}
