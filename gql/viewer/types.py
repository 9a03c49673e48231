"""The caller's GraphQL types."""

from enum import Enum

import strawberry

from gql.permissions import Role


@strawberry.enum(name="Role", description="A role of a caller, which determines its permissions.")
class ViewerRole(Enum):
    """`permissions.Role` with descriptions for clients."""

    USER = strawberry.enum_value(Role.USER, description="Reads and deletes its own objects.")
    WORKER = strawberry.enum_value(
        Role.WORKER, description="Cuts videos: reads, writes and deletes the objects of any user."
    )
    ADMIN = strawberry.enum_value(Role.ADMIN, description="Reads, writes and deletes the objects of any user.")


@strawberry.type(description="The caller of the request.")
class Viewer:
    """The caller."""

    user_id: strawberry.ID = strawberry.field(description="The user id of the caller.")
    roles: list[ViewerRole] = strawberry.field(description="The roles of the caller.")
