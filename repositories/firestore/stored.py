"""Documents as Firestore answers them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from repositories.firestore.decoding import Fields, Message, decode_path, decode_time


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it was read; `fields` and times are None where it is missing.

    `path` is below the database's root: `users/…/videos/…`. `read_time` is the time of the read, by Firestore's clock;
    None where Firestore does not tell it: in lists and in changes.
    """

    path: str
    fields: Mapping[str, Any] | None
    create_time: datetime | None
    update_time: datetime | None
    read_time: datetime | None = field(default=None, compare=False)

    @classmethod
    def from_message(cls, message: Message, read_time: datetime | None = None) -> Self:
        """The document of a `google.firestore.v1.Document`; a field that is not used is never decoded."""
        created_at, updated_at = decode_time(message.create_time), decode_time(message.update_time)
        return cls(decode_path(message.name), Fields(message.fields), created_at, updated_at, read_time)

    @property
    def id(self) -> str:
        """The last segment of its path."""
        return self.path.rpartition("/")[2]

    def get(self, name: str) -> Any:
        """The field's value as it is stored, or None."""
        return (self.fields or {}).get(name)

    def select(self, names: Iterable[str]) -> dict[str, Any]:
        """The values of these fields as they are stored; None for null and missing ones."""
        if isinstance(self.fields, Fields):
            return self.fields.select(names)
        return {name: self.get(name) for name in names}


class FoundDocuments(list[StoredDocument]):
    """The documents of a query, also where there is none, and the time of which all of them are."""

    read_time: datetime | None = None
