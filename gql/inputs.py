"""What all mutations' inputs share: how they become the values that the models validate."""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import strawberry

from domain.keys import clip_key, thumbnail_key
from repositories.exceptions import ValidationError

Path = tuple[str | int, ...]

# They turn the text around them until another ends them, or the line does. Arabic and Hebrew do without, and their
# marks U+200E and U+200F, which turn nothing but themselves, are in many titles.
_DIRECTIONS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


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


def assert_upright(values: Mapping[str, Any], names: Iterable[str], path: Path = ()) -> None:
    """Raises ValidationError where one of these texts holds characters that turn what is shown beside it."""
    for name in names:
        text = values.get(name)
        if isinstance(text, str) and _DIRECTIONS.search(text):
            raise ValidationError("Characters that turn the direction of text are not allowed here.", (*path, name))


def build_file_keys(user_id: str, video_id: str, filename: str, path: Path) -> tuple[str, str]:
    """The keys of a clip and of its thumbnail; ValidationError at `path` where R2 could not hold both, or not apart."""
    try:
        return clip_key(user_id, video_id, filename), thumbnail_key(user_id, video_id, filename)
    except ValueError as error:
        raise ValidationError(str(error), path) from None
