"""The indexes that queries lacked, gathered in the form of firestore.indexes.json."""

import json
import sys
from pathlib import Path
from typing import Any

from embedded.errors import escape
from embedded.firestore.index.index_file import IndexFileError, load_content

Content = dict[str, list[dict[str, Any]]]


class Suggestions:
    """Missing indexes, added to a file as queries ask for them; without a file they are only kept."""

    def __init__(self, file: Path | None) -> None:
        self.content: Content = {"indexes": [], "fieldOverrides": []}
        self._file = file
        self._known: set[str] = set()

    def add(self, entry: dict[str, Any]) -> None:
        """Records a missing index, which may be known already."""
        text = json.dumps(entry)
        if text in self._known:
            return
        self._known.add(text)
        try:
            self._write(entry)
        except (IndexFileError, OSError) as error:
            sys.stderr.write(escape(f"firestore: cannot add {text} to {self._file}: {error}") + "\n")

    def _write(self, entry: dict[str, Any]) -> None:
        if self._file is None:
            _merge(self.content, entry)
            return
        is_indented = False
        if self._file.exists():
            self.content |= load_content(self._file)  # it may have been edited meanwhile
            is_indented = self._file.read_text(encoding="utf-8") == _indent(self.content)
        _merge(self.content, entry)
        _replace(self._file, _indent(self.content) if is_indented else format_content(self.content))


def format_content(content: Content) -> str:
    """The file's text with one entry a line."""
    sections = []
    for name, entries in content.items():
        lines = ",\n".join(f"    {json.dumps(entry)}" for entry in entries)
        sections.append(f'  "{name}": [\n{lines}\n  ]' if lines else f'  "{name}": []')
    return "{\n" + ",\n".join(sections) + "\n}\n"


def _merge(content: Content, entry: dict[str, Any]) -> None:
    if "fields" in entry:
        if entry not in content["indexes"]:
            content["indexes"].append(entry)
        return
    for known in content["fieldOverrides"]:
        if all(known.get(key) == entry[key] for key in ("collectionGroup", "fieldPath")):
            indexes = known.setdefault("indexes", [])
            indexes += [index for index in entry["indexes"] if index not in indexes]
            return
    content["fieldOverrides"].append(entry)


def _indent(content: Content) -> str:
    """The file's text as the Firebase CLI writes it."""
    return json.dumps(content, indent=2) + "\n"


def _replace(file: Path, text: str) -> None:
    """Readers see the old file or the new one, never a part."""
    draft = file.with_name(f".{file.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
