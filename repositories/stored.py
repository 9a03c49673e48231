"""Documents as Firestore answers them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from google.cloud.firestore import AsyncDocumentReference, DocumentSnapshot


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it was read; `fields` and times are None where it is missing.

    `path` is below the database's root: `users/…/videos/…`.
    """

    path: str
    fields: dict[str, Any] | None
    create_time: datetime | None
    update_time: datetime | None

    @classmethod
    def from_snapshot(cls, snapshot: DocumentSnapshot[AsyncDocumentReference]) -> Self:
        """What the snapshot holds; its `to_dict` copies all of it, so it is asked once."""
        return cls(snapshot.reference.path, snapshot.to_dict(), snapshot.create_time, snapshot.update_time)

    @property
    def id(self) -> str:
        """The last segment of its path."""
        return self.path.rpartition("/")[2]

    def get(self, name: str) -> Any:
        """The field's value as it is stored, or None."""
        return (self.fields or {}).get(name)
