from pathlib import Path

import pytest

from embedded.files import read_json_texts, write_private_json


def test_file_is_its_owners_alone(tmp_path: Path) -> None:
    """A private file has mode 600, is read back, and leaves no other file."""
    path = tmp_path / "secret.json"
    write_private_json(path, {"key": "value"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_json_texts(path, ("key",)) == {"key": "value"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"key": 1}', b'{"key": ""}', b"\xff"])
def test_anything_else_is_none(tmp_path: Path, content: bytes) -> None:
    """A file that is not the expected JSON is read as None."""
    (tmp_path / "secret.json").write_bytes(content)
    assert read_json_texts(tmp_path / "secret.json", ("key",)) is None
