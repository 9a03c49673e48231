"""Where callers are strangers, the schema is not told: no introspection.

Nor is there a "Did you mean …?": `gql/cost/extension.py` (validation) and `gql/execution/executor.py` (variables,
arguments) let graphql-core look for none.
"""

from collections.abc import Iterator

from graphql import NoSchemaIntrospectionCustomRule
from strawberry.extensions import SchemaExtension


class DisableIntrospection(SchemaExtension):
    """Introspection is refused as an invalid document is, unless the settings allow it."""

    def on_operation(self) -> Iterator[None]:
        """Adds the rule."""
        context = self.execution_context
        if not context.context.services.settings.has_introspection:
            context.validation_rules = (*context.validation_rules, NoSchemaIntrospectionCustomRule)
        yield
