import re
from pathlib import Path

import pytest

from repositories.firestore import paths

ROOT = Path(__file__).parents[3]
# A path that is spelled out, or the name of a collection given to the library.
SPELLED_OUT = re.compile(
    r"""f["'][^"']*(?:users/\{|/videos/\{|/clips/\{)|collection(?:_group)?\(\s*["'](?:users|videos|clips)"""
)


def test_built_paths_are_parsed_back() -> None:
    """The ids that a path was built of are those that it is parsed to."""
    assert paths.parse_path(paths.build_video_path("u", "v")) == ("u", "v", None)
    assert paths.parse_path(paths.build_clip_path("u", "v", "c")) == ("u", "v", "c")
    assert paths.parse_clip_path(paths.build_clip_path("u", "v", "c")) == ("u", "v", "c")


@pytest.mark.parametrize(
    "path", ["", "users/u", "users/u/videos", "users/u/videos/v/clips", "users/u/videos/v/clips/c/d"]
)
def test_paths_of_other_lengths_are_refused(path: str) -> None:
    """A path that no video and no clip can have is a ValueError."""
    with pytest.raises(ValueError, match="values to unpack"):
        paths.parse_path(path)


def test_prefixes_of_user_ids_own_nothing() -> None:
    """A user does not own the documents of a user whose id begins with theirs."""
    assert paths.check_is_owned("users/u/videos/v", "u")
    assert not paths.check_is_owned("users/u1/videos/v", "u")
    assert not paths.check_is_owned("elsewhere/users/u/videos/v", "u")


@pytest.mark.parametrize("folder", ["repositories", "cli", "gql", "storage", "domain"])
def test_paths_are_spelled_out_in_one_module(folder: str) -> None:
    """No other module builds a document's path, or names a collection to the library."""
    modules = (ROOT / folder).rglob("*.py")
    others = [path for path in modules if path != ROOT / "repositories/firestore/paths.py"]
    assert others
    assert [str(path.relative_to(ROOT)) for path in others if SPELLED_OUT.search(path.read_text())] == []
