"""Compiles the fields of a selection set: into columns, which are a field's values for many objects at once.

graphql-core asks each object for each field: it makes a path, an info and a look for coroutines for every value. Where
a field is an attribute, or a method that is no coroutine, and so is all that is selected below it, none of these is
needed as long as nothing goes wrong.
"""

from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from types import NoneType
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    TypeNameMetaFieldDef,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from gql.execution.leaves import NotPlainError, Show, make_leaf_show
from gql.execution.methods import Method, SharedInfo, compile_method

Start = Callable[[Any, Path], tuple[GraphQLResolveInfo[Any], Any]]
"""What a coroutine is told, and the coroutine, for an object and its path."""

_DIRECTIVES = frozenset({"skip", "include"})
_BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF


class Compiler:
    """Compiles the fields of one execution; None stands for what graphql-core has to run itself."""

    def __init__(self, executor: Executor[Any]) -> None:
        self._executor = executor

    def compile_field(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> Show | None:
        """What shows the field of each of many objects."""
        definition = self._find_definition(parent_type, details)
        if definition is None:
            return None
        if definition is TypeNameMetaFieldDef:
            return lambda objects: [parent_type.name] * len(objects)
        read = self._compile_read(parent_type, definition, details)
        show = self.compile_values(definition.type, details) if read else None
        if read is None or show is None:
            return None
        return lambda objects: show([*map(read, objects)])

    def compile_async_field(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> Start | None:
        """What starts the field's coroutine, for one object after the other: its arguments are converted once."""
        definition = self._find_definition(parent_type, details)
        field = definition and definition.extensions.get(_BACKREF)
        if definition is None or not isinstance(field, StrawberryField) or not field.is_async:
            return None
        make_info = partial(self._executor.build_resolve_info, definition, [one.node for one in details], parent_type)
        method = compile_method(self._executor, field, make_info(_NOWHERE))
        return None if method is None else partial(_start, method, make_info)

    def compile_values(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Show | None:
        """What shows each of many values that were resolved to this type."""
        is_nullable = not is_non_null_type(type_)
        inner: Any = type_ if is_nullable else type_.of_type  # type: ignore[union-attr]  # a non-null type has one
        show: Show | None
        if is_leaf_type(inner):
            show = make_leaf_show(inner)
        elif is_list_type(inner):
            show_item = self.compile_values(inner.of_type, details)
            show = partial(_show_lists, show_item) if show_item else None
        else:
            show = self._compile_objects(inner, details) if is_object_type(inner) else None
        return partial(_show_some, show) if show and is_nullable else show

    def _compile_objects(self, type_: GraphQLObjectType, details: FieldDetailsList) -> Show | None:
        collected = self._executor.collect_subfields(type_, details)
        if collected.new_defer_usages:
            return None
        columns = dict[str, Show]()
        for name, below in collected.grouped_field_set.items():
            if (column := self.compile_field(type_, below)) is None:
                return None
            columns[name] = column
        origin = type_.extensions[_BACKREF].origin if type_.is_type_of else None
        return partial(_show_objects, origin, tuple(columns), list(columns.values()))

    def _find_definition(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> GraphQLField | None:
        """The field's, where nothing is deferred or streamed, and running it twice does no harm."""
        schema = self._executor.schema
        is_plain = parent_type not in (schema.mutation_type, schema.subscription_type) and all(
            one.defer_usage is None
            and one.fragment_variable_values is None
            and all(directive.name.value in _DIRECTIVES for directive in one.node.directives or ())
            for one in details
        )
        return schema.get_field(parent_type, details[0].node.name.value) if is_plain else None

    def _compile_read(
        self, parent_type: GraphQLObjectType, definition: GraphQLField, details: FieldDetailsList
    ) -> Callable[[Any], Any] | None:
        """What an object's value is read by."""
        field = definition.extensions.get(_BACKREF)
        if not isinstance(field, StrawberryField) or field.extensions or field.is_async:
            return None
        if field.base_resolver is None:
            return attrgetter(field.python_name) if field.default_resolver is getattr else None
        raw = self._executor.build_resolve_info(definition, [one.node for one in details], parent_type, _NOWHERE)
        method = compile_method(self._executor, field, raw)
        return None if method is None else method.bind(SharedInfo(raw))


_NOWHERE = Path(None, "", None)


def _start(
    method: Method, make_info: Callable[[Path], GraphQLResolveInfo[Any]], source: Any, path: Path
) -> tuple[GraphQLResolveInfo[Any], Any]:
    raw = make_info(path)
    return raw, method.bind(raw)(source)


def _show_objects(
    origin: type | None, names: Sequence[str], columns: Sequence[Show], objects: Sequence[Any]
) -> Sequence[Any]:
    for kind in {*map(type, objects)}:
        # Of what they are graphql-core asks those types only that have interfaces; none is an exception, or awaitable.
        if kind is not origin if origin else not hasattr(kind, "__strawberry_definition__"):
            raise NotPlainError
    if not columns:
        return [{} for _ in objects]
    rows = zip(*[show(objects) for show in columns], strict=True)
    return [dict(zip(names, row)) for row in rows]  # noqa: B905  as many as there are columns; 0.1 µs each


def _show_lists(show: Show, lists: Sequence[Any]) -> Sequence[Any]:
    if not {*map(type, lists)} <= {list, tuple}:
        raise NotPlainError
    return [[*show(one)] for one in lists]


def _show_some(show: Show, values: Sequence[Any]) -> Sequence[Any]:
    """All values but those that are null."""
    if NoneType not in map(type, values):
        return show(values)
    shown = iter(show([value for value in values if value is not None]))
    return [None if value is None else next(shown) for value in values]
