"""Small files of the data directory that only their owner may read."""

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def write_private_json(path: Path, fields: Mapping[str, str]) -> None:
    """The file holds the fields and is its owner's alone (0600); readers see the old file or the new, never a part."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(dict(fields), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def read_json_texts(path: Path, names: tuple[str, ...]) -> dict[str, str] | None:
    """The named texts of a JSON object in a file, or None where there is no such file or it holds anything else."""
    try:
        fields = json.loads(path.read_bytes())
        texts = {name: fields[name] for name in names}
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return texts if all(isinstance(text, str) and text for text in texts.values()) else None
