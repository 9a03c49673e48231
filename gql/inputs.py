"""What all mutations' inputs share: how they become the values that the models validate."""

from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from typing import Any

import strawberry


def to_values(data: Any, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The given fields of a GraphQL input as a model's values; `names` renames those that a model calls otherwise.

    Fields that the client left out are left out, those that it set to null are None.
    """
    renamed = names or {}
    return {
        renamed.get(field.name, field.name): _to_value(getattr(data, field.name))
        for field in fields(data)
        if getattr(data, field.name) is not strawberry.UNSET
    }


def _to_value(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
