"""The workloads: five documents, each sent to every peer as it is."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks.api.dataset import STYLES, user_name, video_id

CLIPS_A_WRITE = 50

_CLIP_FIELDS = """
  id clipId sceneId title description style priority startTime endTime durationSeconds fileSizeBytes createdAt
  url thumbnailUrl
"""
_PAGE = f"""query page($userId: ID!) {{
  videos(first: 20, userId: $userId) {{ nodes {{
    videoId title status createdAt clipsCount
    clips(style: "{STYLES[0]}", first: 10) {{ nodes {{ {_CLIP_FIELDS} }} }}
  }} }}
}}"""
_WALL = f"""query wall($userId: ID!) {{
  videos(first: 20, userId: $userId) {{ nodes {{
    videoId title status createdAt clipsCount
    clips(first: 50) {{ nodes {{ {_CLIP_FIELDS} }} }}
  }} }}
}}"""
_VIDEO = f"""query video($userId: ID!, $videoId: ID!) {{
  video(videoId: $videoId, userId: $userId) {{
    videoId title status createdAt clipsCount
    clips(style: "{STYLES[0]}", first: 300) {{ nodes {{ {_CLIP_FIELDS} }} }}
  }}
}}"""
_LIST = """query list($userId: ID!) {
  videos(first: 100, userId: $userId) { nodes { id videoId title videoUrl youtubeId status createdAt clipsCount } }
}"""
_WRITE = """mutation write($input: CreateClipsInput!) {
  createClips(input: $input) {
    ... on CreateClipsSuccess {
      results { created clip { id clipId title status } }
      video { videoId clipsCount }
    }
  }
}"""

_numbers = itertools.count()


@dataclass(frozen=True)
class Workload:
    """A document, and the variables that ask for the data of one of the many users who have the same."""

    name: str
    document: str
    documents_read: int
    make_variables: Callable[[int], dict[str, Any]]

    @property
    def is_write(self) -> bool:
        """Whether no two of its requests are the same."""
        return self.name == "write"

    def make_body(self, user: int) -> bytes:
        """The request's body; each write has clips of its own."""
        request = {"query": self.document, "operationName": self.name, "variables": self.make_variables(user)}
        return orjson.dumps(request)

    def make_bodies(self, user: int) -> Iterator[bytes]:
        """Requests for the same user's data, without end."""
        if not self.is_write:
            return itertools.repeat(self.make_body(user))
        return (self.make_body(user) for _ in itertools.count())


def make_write_input(user: int, number: int) -> dict[str, Any]:
    """The input of a write that no other is like."""
    clips = [
        {
            "filename": f"clip_{at:02}_{at:02}_write-{number}_{STYLES[0]}.mp4",
            "sceneId": at,
            "title": f"Moment {at}",
            "style": STYLES[0],
            "priority": at,
            "startTime": f"00:{at:02}:00",
            "endTime": f"00:{at:02}:30",
        }
        for at in range(1, CLIPS_A_WRITE + 1)
    ]
    return {"videoId": video_id(0), "userId": user_name("write", user), "clips": clips}


def _ask_for(kind: str) -> Callable[[int], dict[str, Any]]:
    return lambda user: {"userId": user_name(kind, user)}


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("page", _PAGE, 20 + 20 * 10, _ask_for("page")),
        Workload("wall", _WALL, 20 + 20 * 50, _ask_for("wall")),
        Workload("video", _VIDEO, 1 + 300, lambda user: {"userId": user_name("video", user), "videoId": video_id(0)}),
        Workload("list", _LIST, 100, _ask_for("list")),
        Workload("write", _WRITE, 1, lambda user: {"input": make_write_input(user, next(_numbers))}),
    )
}
