"""Videos' enums: those of the repositories, with descriptions for clients."""

from enum import Enum

import strawberry

from repositories import models
from repositories.paging import orders


@strawberry.enum(description="How far the work on a video is.")
class VideoStatus(Enum):
    """`models.VideoStatus` with descriptions for clients."""

    PROCESSING = strawberry.enum_value(models.VideoStatus.PROCESSING, description="Workers are cutting its clips.")
    COMPLETED = strawberry.enum_value(models.VideoStatus.COMPLETED, description="All of its clips are cut.")
    FAILED = strawberry.enum_value(models.VideoStatus.FAILED, description="The work ended with an error.")


@strawberry.enum(description="How a list of videos is ordered. Ties are ordered by id.")
class VideoOrder(Enum):
    """`orders.VideoOrder` with descriptions for clients."""

    CREATED_AT_DESC = strawberry.enum_value(orders.VideoOrder.CREATED_AT_DESC, description="Newest first.")
    CREATED_AT_ASC = strawberry.enum_value(orders.VideoOrder.CREATED_AT_ASC, description="Oldest first.")
    UPDATED_AT_DESC = strawberry.enum_value(orders.VideoOrder.UPDATED_AT_DESC, description="Last changed first.")
    UPDATED_AT_ASC = strawberry.enum_value(orders.VideoOrder.UPDATED_AT_ASC, description="Longest unchanged first.")
    TITLE_ASC = strawberry.enum_value(orders.VideoOrder.TITLE_ASC, description="By title, from A to Z.")
    TITLE_DESC = strawberry.enum_value(orders.VideoOrder.TITLE_DESC, description="By title, from Z to A.")
