"""`viewer`."""

import strawberry

from gql.context import Info
from gql.viewer.types import Viewer, ViewerRole


@strawberry.type
class ViewerQueries:
    """The root fields about the caller."""

    @strawberry.field(description="The caller of the request.")
    def viewer(self, info: Info) -> Viewer:
        """The caller of this request."""
        principal = info.context.principal
        return Viewer(
            user_id=strawberry.ID(principal.user_id), roles=[ViewerRole[role.name] for role in sorted(principal.roles)]
        )
