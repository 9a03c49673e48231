"""What both kinds of documents share: how they are read, written and compared."""

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationInfo

_STORED = "stored"


class Document(BaseModel):
    """A document as a model; frozen, and without fields that the model does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    LIFECYCLE_FIELDS: ClassVar[frozenset[str]]
    """Fields that later calls change, or that tell about the call: two documents may differ in them and be the same."""

    def __getitem__(self, name: str) -> Any:
        """The value of a field as Firestore holds it, None where it has none; KeyError for any other name."""
        if name not in self:
            raise KeyError(name)
        value = getattr(self, name)
        return str(value) if name == "status" else value

    def __contains__(self, name: object) -> bool:
        """Whether documents of this kind have such a field."""
        return name in type(self).model_fields or name in type(self).model_computed_fields

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field as Firestore holds it, or `default` where it has none."""
        if name not in self:
            return default
        value = self[name]
        return default if value is None else value

    @classmethod
    def from_document(cls, data: dict[str, Any]) -> Self:
        """The model of a stored document, however old: fields that are unknown or null are as if they were missing."""
        fields = cls.model_fields
        known = {name: value for name, value in data.items() if name in fields and value is not None}
        return cls.model_validate(known, context=_STORED)

    def get_values(self) -> dict[str, Any]:
        """The values of the model as its attributes have them, validated or not."""
        return dict(self.__dict__)

    def to_document(self) -> dict[str, Any]:
        """The fields as Firestore holds them."""
        document = self.model_dump()
        return {**document, "status": str(document["status"])}

    def to_changes(self, names: Iterable[str]) -> dict[str, Any]:
        """These fields as Firestore holds them."""
        document = self.to_document()
        return {name: document[name] for name in names}

    def find_differences(self, stored: Self) -> tuple[str, ...]:
        """The fields in which `stored` is not what was given here.

        A field that was left out, or given its default, claims nothing: so a create that is sent again is still the
        same after the document was updated. A status other than the first one does claim.
        """
        claimed = [name for name in type(self).model_fields if name in self.model_fields_set and self._claims(name)]
        return tuple(name for name in claimed if getattr(self, name) != getattr(stored, name))

    def _claims(self, name: str) -> bool:
        if name in self.LIFECYCLE_FIELDS:
            return False
        field = type(self).model_fields[name]
        default = field.get_default(call_default_factory=True, validated_data=self.__dict__)
        return bool(getattr(self, name) != default)


def check_is_stored(info: ValidationInfo) -> bool:
    """Whether a stored document is being read: an older version may have written it under looser rules."""
    return info.context == _STORED
