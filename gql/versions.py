"""Versions, which clients pass as `after` of subscriptions: a position in time, and a digest of its scope.

The scope is a video, a user's videos or a video's clips. A version of another scope is refused: its client has not seen
the objects of this one at that time.
"""

from datetime import datetime
from hashlib import blake2b

from gql.errors import bad_user_input
from repositories.listening.versions import Version, to_micros_of

# In hex digits; positions have the same length, so that versions of one scope compare as text.
_DIGEST_BYTES = 4


def build_video_scope(user_id: str, video_id: str) -> str:
    """The scope of one video."""
    return f"Video:{user_id}/{video_id}"


def build_videos_scope(user_id: str) -> str:
    """The scope of a user's videos."""
    return f"Videos:{user_id}"


def build_clips_scope(user_id: str, video_id: str) -> str:
    """The scope of a video's clips."""
    return f"Clips:{user_id}/{video_id}"


def format_version(position: str, scope: str) -> str:
    """The version at the position of an event."""
    return f"{position}{_digest(scope)}"


def format_read_version(read_time: datetime | None, scope: str) -> str:
    """The version of a client that has seen all changes up to the time of a read."""
    if read_time is None:
        raise ValueError("An object has no version before it is read or written.")
    return format_version(str(Version.end_of(to_micros_of(read_time))), scope)


def parse_after(after: str | None, *scopes: str) -> str | None:
    """The position of a version of one of these scopes; BAD_USER_INPUT for any other text."""
    if after is None:
        return None
    position, digest = after[: -2 * _DIGEST_BYTES], after[-2 * _DIGEST_BYTES :]
    if digest not in {_digest(scope) for scope in scopes}:
        raise bad_user_input("The value is not a version of these objects.", path=["after"])
    return position


def _digest(scope: str) -> str:
    return blake2b(scope.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
