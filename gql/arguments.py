"""Arguments that many fields share."""

from typing import Annotated

import strawberry

UserId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The owner of the objects, for workers and admins; the caller by default."),
]
VideoId = Annotated[
    strawberry.ID, strawberry.argument(description="The id of the video, unique among the user's videos.")
]
ClipId = Annotated[strawberry.ID, strawberry.argument(description="The id of the clip within its video.")]
After = Annotated[str | None, strawberry.argument(description="The cursor after which the page starts.")]
Before = Annotated[str | None, strawberry.argument(description="The cursor before which the page ends.")]
First = Annotated[int | None, strawberry.argument(description="The number of objects from the start: 1 to 10,000.")]
Last = Annotated[
    int | None, strawberry.argument(description="The number of objects from the end: 1 to 10,000. It excludes `first`.")
]
