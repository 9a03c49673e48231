"""The base of both kinds of documents: reading, writing and comparing them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from repositories.firestore.stored import StoredDocument
from repositories.model.mended_fields import MendedField
from repositories.model.tolerant_reader import read_values

SOURCE = "document as stored"
"""The key, which no field can have in a model, of the `StoredDocument` among its own fields."""

# A document may have such a field as well; in a model's attributes there is none.
_MENDED = "mended fields"
_IDS = ("user_id", "video_id", "clip_id")


class Document(BaseModel):
    """A document as a model; frozen, and without fields that the model does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    LIFECYCLE_FIELDS: ClassVar[frozenset[str]]
    """Fields that later calls change, or that describe the call: they make no two documents different."""

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
    def from_document(cls, data: Mapping[str, Any]) -> Self:
        """The model of a stored document, for any values of its fields; its ids are those of its path.

        Unknown and null fields count as missing; `mended` has the fields that the model cannot hold.
        """
        source = data.get(SOURCE)
        values = {name: value for name in cls.model_fields if (value := data.get(name)) is not None}
        model, mended = read_values(cls, values, cls._list_defaults(values) | _list_times(cls, source))
        if mended := (*_compare_ids(values, source), *mended):
            # Beside the fields, where cached properties lie, too: it takes no part in comparisons and is not stored.
            model.__dict__[_MENDED] = mended
            model.__dict__[_MENDED] = model.judge_mended()
        return model

    @classmethod
    def _list_defaults(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of fields that a stored document lacks, where a new one needs them or has other defaults."""
        raise NotImplementedError

    def judge_mended(self) -> tuple[MendedField, ...]:
        """The mended fields; a field whose right value follows from others is certain."""
        return tuple(replace(one, is_certain=True) if self._check_is_derived(one.field) else one for one in self.mended)

    def _check_is_derived(self, name: str) -> bool:
        """Whether the field's right value follows from other values, so that nothing is lost with it."""
        raise NotImplementedError

    @property
    def mended(self) -> tuple[MendedField, ...]:
        """The fields whose stored values differ from the model's, because the model cannot hold them."""
        mended: tuple[MendedField, ...] = self.__dict__.get(_MENDED, ())
        return mended

    def list_certain_values(self) -> dict[str, Any]:
        """The mended fields as they are shown, where every part of the field is certain."""
        uncertain = {one.field for one in self.mended if not one.is_certain}
        return {one.field: getattr(self, one.field) for one in self.mended if one.field not in uncertain}

    def check_is_mended(self, name: str) -> bool:
        """Whether the field's stored value differs from the model's."""
        return any(one.field == name for one in self.mended)

    def check_is_certain(self, name: str) -> bool:
        """Whether the field is right as it is here: not mended, or mended with a certain value."""
        return not any(one.field == name and not one.is_certain for one in self.mended)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, in which updated fields are no longer mended."""
        copied = super().model_copy(update=update, deep=deep)
        if update and self.mended:
            copied.__dict__[_MENDED] = tuple(one for one in self.mended if one.field not in update)
        return copied

    def get_values(self) -> dict[str, Any]:
        """The values of the model as its attributes have them, validated or not."""
        return {name: value for name, value in self.__dict__.items() if name != _MENDED}

    def to_document(self) -> dict[str, Any]:
        """The fields as Firestore holds them."""
        document = self.model_dump()
        return {**document, "status": str(document["status"])}

    def to_changes(self, names: Iterable[str]) -> dict[str, Any]:
        """These fields as Firestore holds them."""
        document = self.to_document()
        return {name: document[name] for name in names}

    def list_differing_fields(self, stored: Self) -> tuple[str, ...]:
        """The fields that were given here and differ in `stored`.

        A field that was left out, or given its default, does not count: so a create that is sent again is the same
        after the document was updated. A status other than the first one counts.
        """
        claimed = [name for name in type(self).model_fields if name in self.model_fields_set and self._claims(name)]
        return tuple(name for name in claimed if getattr(self, name) != getattr(stored, name))

    def _claims(self, name: str) -> bool:
        if name in self.LIFECYCLE_FIELDS:
            return False
        field = type(self).model_fields[name]
        default = field.get_default(call_default_factory=True, validated_data=self.__dict__)
        return bool(getattr(self, name) != default)


def _list_times(cls: type[Document], source: StoredDocument | None) -> dict[str, Any]:
    """The times of the document that Firestore keeps, for fields that it lacks."""
    if source is None:
        return {}
    times = {"created_at": source.create_time, "updated_at": source.update_time}
    return {name: value for name, value in times.items() if name in cls.model_fields and value is not None}


def _compare_ids(values: Mapping[str, Any], source: StoredDocument | None) -> list[MendedField]:
    """The ids that are stored otherwise than in the document's path, which is right."""
    if source is None:
        return []
    stored = {name: source.get(name) for name in _IDS if name in values}
    reason = "The value differs from the document's path."
    return [
        MendedField(name, reason, is_certain=True)
        for name, value in stored.items()
        if value is not None and value != values[name]
    ]
