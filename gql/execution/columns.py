"""Compiles a field of a selection set into a column: the field's values for many objects at once.

graphql-core asks each object for each field: it makes a path, an info and a look for coroutines for every value. Where
a field is an attribute, or a method that is no coroutine, and so is all that is selected below it, none of these is
needed as long as nothing goes wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
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
    get_argument_values,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList
from strawberry.schema.schema_converter import GraphQLCoreConverter, get_arguments
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from gql.execution.leaves import NotPlainError, Show, make_leaf_show

_DIRECTIVES = frozenset({"skip", "include"})
_BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF
# Arguments are converted once, and then handed to every call: none of them may be one that a resolver can change.
_IMMUTABLE = (bool, date, datetime, Enum, float, int, NoneType, str)


class Compiler:
    """Compiles the fields of one execution; None stands for what graphql-core has to run itself."""

    def __init__(self, executor: Executor[Any]) -> None:
        self._executor = executor

    def compile_field(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> Show | None:
        """What shows the field of each of many objects."""
        executor = self._executor
        definition = executor.schema.get_field(parent_type, details[0].node.name.value)
        # What changes something must not run twice.
        if definition is None or parent_type is executor.schema.mutation_type or not _check_is_simple(details):
            return None
        if definition is TypeNameMetaFieldDef:
            return lambda objects: [parent_type.name] * len(objects)
        read = self._compile_read(parent_type, definition, details)
        show = self.compile_values(definition.type, details) if read else None
        if read is None or show is None:
            return None
        return lambda objects: show([*map(read, objects)])

    def compile_values(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Show | None:
        """What shows each of many values that were resolved to this type."""
        is_nullable = not is_non_null_type(type_)
        inner: Any = type_ if is_nullable else type_.of_type  # type: ignore[union-attr]  # a non-null type has one
        if is_leaf_type(inner):
            return make_leaf_show(inner, is_nullable=is_nullable)
        if is_list_type(inner):
            show = self.compile_values(inner.of_type, details)
            show = partial(_show_lists, show) if show else None
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

    def _compile_read(
        self, parent_type: GraphQLObjectType, definition: GraphQLField, details: FieldDetailsList
    ) -> Callable[[Any], Any] | None:
        """What an object's value is read by."""
        field = definition.extensions.get(_BACKREF)
        if not isinstance(field, StrawberryField) or field.extensions or field.is_async:
            return None
        if field.base_resolver is not None:
            return self._compile_call(parent_type, definition, field, details)
        return attrgetter(field.python_name) if field.default_resolver is getattr else None

    def _compile_call(
        self,
        parent_type: GraphQLObjectType,
        definition: GraphQLField,
        field: StrawberryField,
        details: FieldDetailsList,
    ) -> Callable[[Any], Any] | None:
        """The resolver with its arguments, which are the same for all objects."""
        resolver: Any = field.base_resolver
        if not resolver.self_parameter:
            return None
        executor = self._executor
        raw = executor.build_resolve_info(definition, [one.node for one in details], parent_type, None)  # type: ignore[arg-type]  # see SharedInfo
        info: Any = Info(_raw_info=SharedInfo(raw), _field=field)  # type: ignore[arg-type]  # it quacks
        given = get_argument_values(definition, details[0].node, executor.variable_values) if definition.args else {}
        arguments = _convert_arguments(field, info, given)
        if not all(value is info or isinstance(value, _IMMUTABLE) for value in arguments.values()):
            return None
        return partial(resolver.wrapped_func, **arguments)


class SharedInfo:
    """What the resolvers of many objects are told alike: all but the path, which is each one's own."""

    def __init__(self, raw: GraphQLResolveInfo[Any]) -> None:
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    @property
    def path(self) -> None:
        """Whoever asks is run by graphql-core, which knows."""
        raise NotPlainError


def _check_is_simple(details: FieldDetailsList) -> bool:
    """Whether nothing is deferred or streamed, and no fragment has arguments."""
    return all(
        one.defer_usage is None
        and one.fragment_variable_values is None
        and all(directive.name.value in _DIRECTIVES for directive in one.node.directives or ())
        for one in details
    )


def _convert_arguments(field: StrawberryField, info: Info, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by their Python names and types, as Strawberry hands them to the resolver."""
    converter = info.schema.schema_converter
    _, arguments = get_arguments(
        field=field,
        source=None,
        info=info,
        kwargs=given,
        config=converter.config,
        scalar_registry=converter.scalar_registry,
    )
    return arguments


def _show_objects(
    origin: type | None, names: Sequence[str], columns: Sequence[Show], objects: Sequence[Any]
) -> Sequence[Any]:
    for kind in {*map(type, objects)}:
        # Of what they are graphql-core asks those types only that have interfaces; none is an exception, or awaitable.
        if kind is not origin if origin else not hasattr(kind, "__strawberry_definition__"):
            raise NotPlainError
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
