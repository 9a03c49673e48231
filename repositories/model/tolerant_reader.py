"""Stored values as a model: the model's own validation, and repairs where it refuses."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import pydantic
from pydantic import BaseModel

from repositories.model.fields import STORED
from repositories.model.mended_fields import MendedField
from repositories.model.repairs import find_repair

M = TypeVar("M", bound=BaseModel)
Location = tuple[str | int, ...]

# Pydantic marks a key of a map, as opposed to its value, with a word of its own.
_KEY = "[key]"
# A reason may quote the value, which may be a megabyte.
_MAX_REASON_CHARACTERS = 200
_FACTORY_WAITS = "default_factory_not_called"


class _Fault(NamedTuple):
    """A value that the model refuses, by its place in the document; `is_key` where it is refused for its key."""

    location: Location
    reason: str
    is_key: bool


def read_values(
    cls: type[M], values: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[M, tuple[MendedField, ...]]:
    """The model of the stored values, and the fields whose values it cannot hold.

    Types are taken strictly: `"5"` is no number, and `true` is not 1. A repair gets one chance, and then the default;
    `pydantic.ValidationError` where a default itself, or an id, cannot be.
    """
    try:
        return _validate(cls, values, defaults), ()
    except pydantic.ValidationError as error:
        mending = _Mending(values)
        mending.mend(error)
    while True:
        try:
            return _validate(cls, mending.values, defaults), tuple(mending.mended.values())
        except pydantic.ValidationError as error:
            mending.mend(error)


def _validate(cls: type[M], values: Mapping[str, Any], defaults: Mapping[str, Any]) -> M:
    return cls.model_validate({**defaults, **values}, context=STORED, strict=True)


class _Mending:
    """The values of a document while they are mended."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {name: _copy(value) for name, value in values.items()}
        self.mended: dict[str, MendedField] = {}

    def mend(self, error: pydantic.ValidationError) -> None:
        """Each refused value is repaired, or removed; the error is raised where there is none of them."""
        faults = {location: fault for fault in _list_faults(error) if (location := self._find(fault.location))}
        if not faults:
            raise error
        # From the end: what is taken out of a list moves those behind it.
        for location in sorted(faults, key=_to_order, reverse=True):
            self._replace(location, faults[location])

    def _find(self, location: Location) -> Location:
        """The innermost stored value at the location: pydantic also names places in values that validators made."""
        holder: Any = self.values
        for depth, part in enumerate(location):
            if not _check_holds(holder, part):
                return location[:depth]
            holder = holder[part]
        return location

    def _replace(self, location: Location, fault: _Fault) -> None:
        name = ".".join(map(str, location))
        *path, last = location
        holder: Any = self.values
        for part in path:
            holder = holder[part]
        is_repairable = name not in self.mended and not fault.is_key
        repair = find_repair(name, holder[last]) if is_repairable else None
        self.mended[name] = MendedField(name, fault.reason, is_certain=repair is not None and repair.is_certain)
        if repair is None:
            del holder[last]
        else:
            holder[last] = repair.value


def _list_faults(error: pydantic.ValidationError) -> Iterator[_Fault]:
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        if detail["type"] != _FACTORY_WAITS:
            location = tuple(part for part in detail["loc"] if part != _KEY)
            reason = detail["msg"].removeprefix("Value error, ")[:_MAX_REASON_CHARACTERS]
            yield _Fault(location, reason, _KEY in detail["loc"])


def _to_order(location: Location) -> tuple[tuple[int, str], ...]:
    return tuple((part, "") if isinstance(part, int) else (-1, part) for part in location)


def _check_holds(holder: Any, part: str | int) -> bool:
    if isinstance(holder, dict):
        return part in holder
    return isinstance(holder, list) and isinstance(part, int) and part < len(holder)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(one) for name, one in value.items()}
    return list(value) if isinstance(value, list) else value
