"""Arguments that many fields share."""

from typing import Annotated

import strawberry

UserId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Whose, for workers and admins; everybody else gets their own."),
]
VideoId = Annotated[strawberry.ID, strawberry.argument(description="The id within the user's videos.")]
ClipId = Annotated[strawberry.ID, strawberry.argument(description="The id within the video's clips.")]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Before = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")]
First = Annotated[int | None, strawberry.argument(description="How many from the start: 1 to 10,000.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end: 1 to 10,000. Not with `first`.")]
