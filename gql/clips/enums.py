"""Clips' enums: those of the repositories, with descriptions for clients."""

from enum import Enum

import strawberry

from repositories import models
from repositories.paging import orders


@strawberry.enum(description="How far the work on a clip is.")
class ClipStatus(Enum):
    """`models.ClipStatus` with descriptions for clients."""

    PROCESSING = strawberry.enum_value(models.ClipStatus.PROCESSING, description="A worker is cutting it.")
    COMPLETED = strawberry.enum_value(models.ClipStatus.COMPLETED, description="Its file is in R2.")
    FAILED = strawberry.enum_value(models.ClipStatus.FAILED, description="The work ended with an error.")


@strawberry.enum(description="How a list of clips is ordered. Ties are ordered by id.")
class ClipOrder(Enum):
    """`orders.ClipOrder` with descriptions for clients."""

    PRIORITY_ASC = strawberry.enum_value(orders.ClipOrder.PRIORITY_ASC, description="The best (1) first.")
    PRIORITY_DESC = strawberry.enum_value(orders.ClipOrder.PRIORITY_DESC, description="The best (1) last.")
    CREATED_AT_ASC = strawberry.enum_value(orders.ClipOrder.CREATED_AT_ASC, description="Oldest first.")
    CREATED_AT_DESC = strawberry.enum_value(orders.ClipOrder.CREATED_AT_DESC, description="Newest first.")
    START_TIME_ASC = strawberry.enum_value(orders.ClipOrder.START_TIME_ASC, description="As they come in the video.")
    START_TIME_DESC = strawberry.enum_value(
        orders.ClipOrder.START_TIME_DESC, description="Against the video's direction."
    )
    DURATION_ASC = strawberry.enum_value(orders.ClipOrder.DURATION_ASC, description="Shortest first.")
    DURATION_DESC = strawberry.enum_value(orders.ClipOrder.DURATION_DESC, description="Longest first.")
