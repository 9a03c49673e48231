"""The caller's GraphQL types."""

from enum import Enum

import strawberry

from gql.permissions import Role


@strawberry.enum(name="Role", description="What a caller is, and so what they may do.")
class ViewerRole(Enum):
    """`permissions.Role` with descriptions for clients."""

    USER = strawberry.enum_value(Role.USER, description="Reads and deletes what is theirs.")
    WORKER = strawberry.enum_value(Role.WORKER, description="Cuts videos: reads, writes and deletes for any user.")
    ADMIN = strawberry.enum_value(Role.ADMIN, description="Reads, writes and deletes for any user.")


@strawberry.type(description="Who is calling.")
class Viewer:
    """The caller."""

    user_id: strawberry.ID = strawberry.field(description="The caller's own user id.")
    roles: list[ViewerRole] = strawberry.field(description="What the caller is.")
