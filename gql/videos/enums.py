"""Videos' enums: those of the repositories, with descriptions for clients."""

from enum import Enum

import strawberry

from repositories import models
from repositories.paging import orders


@strawberry.enum(description="The processing status of a video.")
class VideoStatus(Enum):
    """`models.VideoStatus` with descriptions for clients."""

    PROCESSING = strawberry.enum_value(
        models.VideoStatus.PROCESSING, description="Workers are cutting the clips of the video."
    )
    COMPLETED = strawberry.enum_value(models.VideoStatus.COMPLETED, description="All clips of the video are cut.")
    FAILED = strawberry.enum_value(models.VideoStatus.FAILED, description="Processing ended with an error.")


@strawberry.enum(description="The order of a list of videos. Videos with equal values are ordered by id.")
class VideoOrder(Enum):
    """`orders.VideoOrder` with descriptions for clients."""

    CREATED_AT_DESC = strawberry.enum_value(
        orders.VideoOrder.CREATED_AT_DESC, description="By creation time, the newest first."
    )
    CREATED_AT_ASC = strawberry.enum_value(
        orders.VideoOrder.CREATED_AT_ASC, description="By creation time, the oldest first."
    )
    UPDATED_AT_DESC = strawberry.enum_value(
        orders.VideoOrder.UPDATED_AT_DESC, description="By update time, the newest first."
    )
    UPDATED_AT_ASC = strawberry.enum_value(
        orders.VideoOrder.UPDATED_AT_ASC, description="By update time, the oldest first."
    )
    TITLE_ASC = strawberry.enum_value(orders.VideoOrder.TITLE_ASC, description="By title, ascending.")
    TITLE_DESC = strawberry.enum_value(orders.VideoOrder.TITLE_DESC, description="By title, descending.")
