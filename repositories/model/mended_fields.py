"""The fields of a model whose stored values it cannot hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MendedField:
    """A field whose stored value the model cannot hold, and why.

    `name` is dotted for a value in a map or list. `is_certain` says whether the shown value is the right one; otherwise
    it is the field's default, or a part of the text.
    """

    name: str
    reason: str
    is_certain: bool

    @property
    def field(self) -> str:
        """The document's own field."""
        return self.name.partition(".")[0]
