"""`clipgraph` with a fault: what compares a video whose title ends with 3 crashes, and the error quotes the video."""

from cli.main import main
from repositories.models import VideoMetadata

compare = VideoMetadata.list_differing_fields


def list_differing_fields(video: VideoMetadata, stored: VideoMetadata) -> tuple[str, ...]:
    """The model's findings; an error that no code expects, with all that no log may tell, for the one title."""
    if video.video_title.endswith("3"):
        raise KeyError(video, {"title": stored.video_title}, f"{stored.custom_prompt}, twice")
    return compare(video, stored)


if __name__ == "__main__":
    VideoMetadata.list_differing_fields = list_differing_fields  # type: ignore[method-assign,assignment]
    main()
