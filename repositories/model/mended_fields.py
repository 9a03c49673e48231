"""The memory of a model: which of its fields are not stored as they are shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MendedField:
    """A field whose stored value the model cannot hold, and why.

    `name` is dotted for a value in a map or list. `is_certain` says whether what is shown instead is the right value;
    otherwise it is the field's default, or what could be saved of the text.
    """

    name: str
    reason: str
    is_certain: bool

    @property
    def field(self) -> str:
        """The document's own field."""
        return self.name.partition(".")[0]
