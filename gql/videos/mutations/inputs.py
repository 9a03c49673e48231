"""Input types that several mutations of videos share."""

from typing import Any

import strawberry


@strawberry.input(description="How many highlights of a category were found.")
class CategoryCountInput:
    """One entry of `HighlightsSummaryInput.categories`."""

    category: str = strawberry.field(description="The category, such as `question`.")
    count: int = strawberry.field(description="How many highlights are of it.")


@strawberry.input(description="What was found worth cutting, in short.")
class HighlightsSummaryInput:
    """Totals over a video's highlights."""

    total_duration: float = strawberry.field(description="Seconds of all highlights together.")
    categories: list[CategoryCountInput] = strawberry.field(default_factory=list, description="Highlights by category.")

    def to_values(self) -> dict[str, Any]:
        """The summary as the model's values."""
        return {
            "total_duration": self.total_duration,
            "categories": {entry.category: entry.count for entry in self.categories},
        }


# What the model calls otherwise than the schema.
MODEL_NAMES = {"title": "video_title"}
