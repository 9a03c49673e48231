"""Clips' enums: those of the repositories, with descriptions for clients."""

from enum import Enum

import strawberry

from repositories import models
from repositories.paging import orders


@strawberry.enum(description="The processing status of a clip.")
class ClipStatus(Enum):
    """`models.ClipStatus` with descriptions for clients."""

    PROCESSING = strawberry.enum_value(models.ClipStatus.PROCESSING, description="A worker is cutting the clip.")
    COMPLETED = strawberry.enum_value(models.ClipStatus.COMPLETED, description="The clip's file is in R2.")
    FAILED = strawberry.enum_value(models.ClipStatus.FAILED, description="Processing ended with an error.")


@strawberry.enum(description="The order of a list of clips. Clips with equal values are ordered by id.")
class ClipOrder(Enum):
    """`orders.ClipOrder` with descriptions for clients."""

    PRIORITY_ASC = strawberry.enum_value(orders.ClipOrder.PRIORITY_ASC, description="By priority, the best (1) first.")
    PRIORITY_DESC = strawberry.enum_value(orders.ClipOrder.PRIORITY_DESC, description="By priority, the best (1) last.")
    CREATED_AT_ASC = strawberry.enum_value(
        orders.ClipOrder.CREATED_AT_ASC, description="By creation time, the oldest first."
    )
    CREATED_AT_DESC = strawberry.enum_value(
        orders.ClipOrder.CREATED_AT_DESC, description="By creation time, the newest first."
    )
    START_TIME_ASC = strawberry.enum_value(
        orders.ClipOrder.START_TIME_ASC, description="By start time in the video, the earliest first."
    )
    START_TIME_DESC = strawberry.enum_value(
        orders.ClipOrder.START_TIME_DESC, description="By start time in the video, the latest first."
    )
    DURATION_ASC = strawberry.enum_value(orders.ClipOrder.DURATION_ASC, description="By duration, the shortest first.")
    DURATION_DESC = strawberry.enum_value(orders.ClipOrder.DURATION_DESC, description="By duration, the longest first.")
