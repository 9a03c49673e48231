"""Input types that several mutations of videos share."""

from typing import Any

import strawberry
from pydantic import TypeAdapter

from gql.inputs import Path, to_values
from repositories.exceptions import ValidationError
from repositories.model.fields import MapKey
from repositories.model.validation import validate_value

# What the model calls otherwise than the schema.
MODEL_NAMES = {"title": "video_title"}
# So many names of 1,500 bytes each leave room in a document, which holds 1 MiB.
MAX_LIST_ITEMS = 200
# As many highlights, each a day long.
MAX_TOTAL_DURATION_SECONDS = MAX_LIST_ITEMS * 24 * 3600.0

_CATEGORY = TypeAdapter[str](MapKey)


@strawberry.input(description="The summary of the highlights of a video.")
class HighlightsSummaryInput:
    """Totals over a video's highlights."""

    total_duration: float = strawberry.field(description="The total duration of all highlights in seconds.")
    categories: list[str] = strawberry.field(
        default_factory=list,
        description="The unique hook categories of the highlights, such as `question`: at most 200.",
    )

    def to_values(self, path: Path) -> dict[str, Any]:
        """The summary as the model's values; ValidationError below `path` for invalid ones."""
        if not 0 <= self.total_duration <= MAX_TOTAL_DURATION_SECONDS:
            message = f"The value must be between 0 and {MAX_TOTAL_DURATION_SECONDS:,.0f} seconds."
            raise ValidationError(message, (*path, "total_duration"))
        _assert_length(self.categories, (*path, "categories"))
        for index, category in enumerate(self.categories):
            at = (*path, "categories", index)
            validate_value(_CATEGORY, category, path=at)
            if category in self.categories[:index]:
                raise ValidationError("The list contains this category twice.", at)
        return {"total_duration": self.total_duration, "categories": self.categories}


def to_video_values(data: Any) -> dict[str, Any]:
    """The given fields of a video's input as the model's values; ValidationError for invalid ones."""
    values = to_values(data, MODEL_NAMES)
    _assert_length(values.get("styles_processed"), ("styles_processed",))
    if data.highlights_summary:
        values["highlights_summary"] = data.highlights_summary.to_values(("highlights_summary",))
    return values


def _assert_length(items: list[Any] | None, path: Path) -> None:
    if items is not None and len(items) > MAX_LIST_ITEMS:
        raise ValidationError(f"The list must have at most {MAX_LIST_ITEMS} items.", path)
