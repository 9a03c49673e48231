"""Arguments that many fields share, and the conversion of mutations' inputs to models' values."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

import strawberry

from domain.keys import clip_key, thumbnail_key
from repositories.exceptions import ValidationError

Path = tuple[str | int, ...]

UserId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The owner of the objects, for workers and admins; the caller by default."),
]
VideoId = Annotated[
    strawberry.ID, strawberry.argument(description="The id of the video, unique among the user's videos.")
]
ClipId = Annotated[strawberry.ID, strawberry.argument(description="The id of the clip within its video.")]
After = Annotated[str | None, strawberry.argument(description="The cursor after which the page starts.")]
Before = Annotated[str | None, strawberry.argument(description="The cursor before which the page ends.")]
First = Annotated[int | None, strawberry.argument(description="The number of objects from the start: 1 to 10,000.")]
Last = Annotated[
    int | None, strawberry.argument(description="The number of objects from the end: 1 to 10,000. It excludes `first`.")
]


def to_values(data: Any, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The given fields of a GraphQL input as a model's values; `names` maps them to the model's names.

    Omitted fields are left out; fields set to null are None.
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
