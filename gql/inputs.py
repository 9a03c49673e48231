"""What all mutations' inputs share: how they become the values that the models validate."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry

from domain.keys import clip_key, thumbnail_key
from repositories.exceptions import ValidationError

Path = tuple[str | int, ...]


def to_values(data: Any, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The given fields of a GraphQL input as a model's values; `names` renames those that a model calls otherwise.

    Fields that the client left out are left out, those that it set to null are None.
    """
    renamed = names or {}
    return {
        renamed.get(name, name): value.value if isinstance(value, Enum) else value
        for name, value in vars(data).items()
        if value is not strawberry.UNSET
    }


def build_file_keys(user_id: str, video_id: str, filename: str, path: Path) -> tuple[str, str]:
    """The keys of a clip and of its thumbnail; ValidationError at `path` where R2 could not hold both, or not apart."""
    try:
        return clip_key(user_id, video_id, filename), thumbnail_key(user_id, video_id, filename)
    except ValueError as error:
        raise ValidationError(str(error), path) from None
