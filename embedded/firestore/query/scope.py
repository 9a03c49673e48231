"""Where a query looks, and how names compare there."""

from dataclasses import dataclass

from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.paths import Path, decode_segments, parse_document
from embedded.firestore.model.protos import Value
from embedded.firestore.model.value_order import AFTER_ALL, END

_DOCUMENT_DEPTH = 2  # a collection and a document


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a query looks: one collection, a collection's group, or all that is below its parent."""

    parent: Path
    collection_id: str | None
    is_group: bool
    is_deep: bool = True  # without a collection_id: everything below the parent, or only its own collections' documents

    @property
    def is_below_document(self) -> bool:
        """Whether the query looks for all descendants of a document."""
        return self.is_group and self.is_deep and bool(self.parent.segments)

    @property
    def prefix(self) -> bytes:
        """The prefix of the path of every document in the scope."""
        if self.is_group or self.collection_id is None:
            return self.parent.key
        return self.parent.child(self.collection_id).key

    def name_key(self, path: bytes) -> bytes:
        """The sort component of a document's path: within one collection its id is enough."""
        return path + END if self.is_group else path[len(self.prefix) :]

    def holds(self, path: Path) -> bool:
        """Whether a document lies in the scope."""
        if not self.is_group:
            return path.parent == self.parent.child(self.collection_id or "")
        depth = len(self.parent.segments)
        inside = path.database == self.parent.database and path.segments[:depth] == self.parent.segments
        is_right_depth = len(path.segments) > depth if self.is_deep else len(path.segments) == depth + _DOCUMENT_DEPTH
        return inside and is_right_depth and self.collection_id in {None, path.segments[-2]}

    def holds_key(self, path: bytes) -> bool:
        """Whether the document with a path's key lies in the scope."""
        return self.holds(Path(self.parent.database, decode_segments(path)))

    def encode_name(self, value: Value) -> bytes:
        """The component of a reference that a filter or cursor compares names with."""
        if value.WhichOneof("value_type") != "reference_value":
            raise InvalidArgumentError("__name__ can only be compared with document references.")
        path = parse_document(value.reference_value)
        if path.database != self.parent.database:
            raise InvalidArgumentError(f"__name__ is compared with {path.name}, which is in another database.")
        if self.is_group or path.key.startswith(self.prefix):
            return self.name_key(path.key)
        return b"" if path.key < self.prefix else AFTER_ALL
