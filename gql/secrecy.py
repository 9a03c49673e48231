"""Where callers are strangers, the schema is not told: no introspection, and no "Did you mean …?"."""

import re
from collections.abc import Iterator

from graphql import NoSchemaIntrospectionCustomRule
from strawberry.extensions import SchemaExtension

_SUGGESTION = re.compile(r"\s*Did you mean[^?]*\?")


class SchemaSecrecy(SchemaExtension):
    """Introspection is refused as an invalid document is, unless the settings allow it."""

    def on_operation(self) -> Iterator[None]:
        """Adds the rule."""
        context = self.execution_context
        if not context.context.services.settings.has_introspection:
            context.validation_rules = (*context.validation_rules, NoSchemaIntrospectionCustomRule)
        yield


def without_suggestions(message: str) -> str:
    """The message of an error, without the names that the schema has."""
    return _SUGGESTION.sub("", message)
