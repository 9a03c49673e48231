"""The orders that lists come in."""

from enum import Enum
from typing import Self

from repositories.exceptions import ValidationError


class Order(Enum):
    """A field of the documents and whether the largest comes first; ties are ordered by id, in the same direction."""

    @property
    def field(self) -> str:
        """The documents' field."""
        return str(self.value[0])

    @property
    def descending(self) -> bool:
        """Whether the largest comes first."""
        return bool(self.value[1])

    @property
    def text(self) -> str:
        """The field, with a minus before it where the largest comes first: `-created_at`."""
        return f"-{self.field}" if self.descending else self.field

    @classmethod
    def parse(cls, value: object) -> Self:
        """The order, of itself or of its text; `ValidationError` at `order_by` for any other value."""
        if isinstance(value, cls):
            return value
        for order in cls:
            if isinstance(value, str) and value == order.text:
                return order
        raise ValidationError(f"The order must be one of {', '.join(order.text for order in cls)}.", ("order_by",))


class VideoOrder(Order):
    """The orders of a list of videos."""

    CREATED_AT_ASC = ("created_at", False)
    CREATED_AT_DESC = ("created_at", True)
    UPDATED_AT_ASC = ("updated_at", False)
    UPDATED_AT_DESC = ("updated_at", True)
    TITLE_ASC = ("video_title", False)
    TITLE_DESC = ("video_title", True)


class ClipOrder(Order):
    """The orders of a list of clips."""

    PRIORITY_ASC = ("priority", False)
    PRIORITY_DESC = ("priority", True)
    CREATED_AT_ASC = ("created_at", False)
    CREATED_AT_DESC = ("created_at", True)
    START_TIME_ASC = ("start_time", False)
    START_TIME_DESC = ("start_time", True)
    DURATION_ASC = ("duration_seconds", False)
    DURATION_DESC = ("duration_seconds", True)
