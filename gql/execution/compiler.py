"""Compiles the fields of a selection set: into columns, which are a field's values for many objects at once.

graphql-core asks each object for each field: it makes a path, an info and a look for coroutines for every value. Where
a field is an attribute, or a method that is no coroutine, and so is all that is selected below it, none of these is
needed as long as nothing goes wrong.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from types import NoneType
from typing import Any

import orjson
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

from gql.execution.coercion import NotPlainError, Show, make_leaf_show
from gql.execution.field_metadata import get_cost, get_finder
from gql.execution.pauses import pause_if_due
from gql.execution.resolvers import Method, SharedInfo, compile_method
from gql.execution.result_cache import KeptItems
from gql.execution.work import Work

Start = Callable[[Any, Path], tuple[GraphQLResolveInfo[Any], Any]]
"""What a coroutine is told, and the coroutine, for an object and its path."""

# Of a list, the objects that are shown at once: then others may run, and what there is is counted as JSON.
OBJECTS_PER_SLICE = 128
_DIRECTIVES = frozenset({"skip", "include"})
_BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF


@dataclass(frozen=True, slots=True)
class Column:
    """How a field's values are shown, for many objects at once."""

    show: Show
    recipe: Hashable | None = None
    """Equal for columns that show the same objects alike, also in other requests; None where that cannot be said."""

    changes: tuple[Callable[[], Hashable], ...] = ()
    """What else must be equal for that."""

    cost: int = 1
    """What a value of the field itself costs, in field values."""


@dataclass(frozen=True, slots=True)
class _Read:
    """How a field's values are read, before they are shown; `recipe` and `changes` are as a column's."""

    read: Callable[[Sequence[Any]], Sequence[Any]]
    recipe: Hashable | None = None
    changes: tuple[Callable[[], Hashable], ...] = ()


class Compiler:
    """Compiles the fields of one execution; None stands for what graphql-core has to run itself."""

    def __init__(self, executor: Executor[Any], work: Work) -> None:
        self._executor = executor
        self._work = work

    def compile_field(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> Column | None:
        """What shows the field of each of many objects."""
        definition = self._find_definition(parent_type, details)
        if definition is None:
            return None
        if definition is TypeNameMetaFieldDef:
            return Column(lambda objects: [parent_type.name] * len(objects), "__typename")
        read = self._compile_read(parent_type, definition, details)
        values = self.compile_values(definition.type, details) if read else None
        if read is None or values is None:
            return None
        read_all, show = read.read, values.show
        is_lasting = read.recipe is not None and values.recipe is not None
        return Column(
            lambda objects: show(read_all(objects)),
            (read.recipe, values.recipe) if is_lasting else None,
            read.changes + values.changes,
            get_cost(definition.extensions[_BACKREF].metadata),
        )

    def compile_async_field(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> Start | None:
        """What starts the field's coroutine, for one object after the other: its arguments are converted once."""
        definition = self._find_definition(parent_type, details)
        field = definition and definition.extensions.get(_BACKREF)
        if definition is None or not isinstance(field, StrawberryField) or not field.is_async:
            return None
        make_info = partial(self._executor.build_resolve_info, definition, [one.node for one in details], parent_type)
        method = compile_method(self._executor, field, make_info(_NOWHERE))
        return None if method is None else partial(_start, method, make_info)

    def compile_values(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Column | None:
        """What shows each of many values that were resolved to this type."""
        is_nullable = not is_non_null_type(type_)
        inner: Any = type_ if is_nullable else type_.of_type  # type: ignore[union-attr]  # a non-null type has one
        column: Column | None
        if is_leaf_type(inner):
            column = Column(make_leaf_show(inner), inner.name)
        elif is_list_type(inner):
            item = self.compile_values(inner.of_type, details)
            column = item and replace(item, show=partial(_show_lists, item, self._work))
        else:
            column = self._compile_objects(inner, details) if is_object_type(inner) else None
        return replace(column, show=partial(_show_some, column.show)) if column and is_nullable else column

    def _compile_objects(self, type_: GraphQLObjectType, details: FieldDetailsList) -> Column | None:
        collected = self._executor.collect_subfields(type_, details)
        if collected.new_defer_usages:
            return None
        columns = dict[str, Column]()
        for name, below in collected.grouped_field_set.items():
            if (column := self.compile_field(type_, below)) is None:
                return None
            columns[name] = column
        origin = type_.extensions[_BACKREF].origin if type_.is_type_of else None
        recipes = tuple((name, column.recipe) for name, column in columns.items())
        return Column(
            partial(_show_objects, origin, tuple(columns), tuple(columns.values()), self._work),
            None if any(recipe is None for _, recipe in recipes) else (type_.name, recipes),
            tuple(change for column in columns.values() for change in column.changes),
        )

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
    ) -> _Read | None:
        """What the values of many objects are read by."""
        field = definition.extensions.get(_BACKREF)
        if not isinstance(field, StrawberryField) or field.extensions:
            return None
        if field.base_resolver is None:
            name = field.python_name
            return _Read(partial(_read_each, attrgetter(name)), name) if field.default_resolver is getattr else None
        find = get_finder(field.metadata)
        if field.is_async and find is None:
            return None
        raw = self._executor.build_resolve_info(definition, [one.node for one in details], parent_type, _NOWHERE)
        method = compile_method(self._executor, field, raw)
        return None if method is None else _compile_method_read(method, SharedInfo(raw), find)


def _compile_method_read(
    method: Method, info: SharedInfo, find: Callable[[Sequence[Any]], Sequence[Any] | None] | None
) -> _Read:
    if find is not None:
        return _Read(partial(_read_found, method.bind(info, find)))
    change = method.bind_change(info)
    recipe = method if method.is_lasting else None
    return _Read(partial(_read_each, method.bind(info)), recipe, (change,) if change else ())


_NOWHERE = Path(None, "", None)


def _start(
    method: Method, make_info: Callable[[Path], GraphQLResolveInfo[Any]], source: Any, path: Path
) -> tuple[GraphQLResolveInfo[Any], Any]:
    raw = make_info(path)
    return raw, method.bind(raw)(source)


def _read_each(read: Callable[[Any], Any], objects: Sequence[Any]) -> Sequence[Any]:
    return [*map(read, objects)]


def _read_found(find: Callable[[Any], Sequence[Any] | None], objects: Sequence[Any]) -> Sequence[Any]:
    if (found := find(objects)) is None:
        raise NotPlainError
    return found


def _show_objects(
    origin: type | None, names: Sequence[str], columns: Sequence[Column], work: Work, objects: Sequence[Any]
) -> Sequence[Any]:
    for kind in {*map(type, objects)}:
        # Of what they are graphql-core asks those types only that have interfaces; none is an exception, or awaitable.
        if kind is not origin if origin else not hasattr(kind, "__strawberry_definition__"):
            raise NotPlainError
    if not columns:
        return [{} for _ in objects]
    rows = zip(*[_show_column(column, work, objects) for column in columns], strict=True)
    return [dict(zip(names, row)) for row in rows]  # noqa: B905  as many as there are columns; 0.1 µs each


def _show_column(column: Column, work: Work, objects: Sequence[Any]) -> Sequence[Any]:
    pause_if_due()
    work.count_values(column.cost * len(objects))
    return column.show(objects)


def _show_lists(item: Column, work: Work, lists: Sequence[Any]) -> Sequence[Any]:
    kinds = {*map(type, lists)}
    if kinds == {KeptItems} and item.recipe is not None:
        # Asked for before anything is shown: what changes meanwhile is then kept as what it was, and not found again.
        recipe = (item.recipe, *[change() for change in item.changes])
        return [_show_kept(item, work, recipe, one) for one in lists]
    if not kinds <= {KeptItems, list, tuple}:
        raise NotPlainError
    return [_show_list(item, work, [*one]) for one in lists]


def _show_kept(item: Column, work: Work, recipe: Hashable, items: KeptItems[Any]) -> orjson.Fragment:
    size_bytes = work.response_bytes
    answer = items.show(recipe, lambda made: orjson.dumps(_show_list(item, work, made)))
    work.set_bytes(size_bytes + len(answer))
    return orjson.Fragment(answer)


def _show_list(item: Column, work: Work, items: Sequence[Any]) -> list[Any] | orjson.Fragment:
    """The list; a long one as JSON, made slice by slice."""
    if len(items) <= OBJECTS_PER_SLICE:
        return [*item.show(items)]
    slices = []
    for start in range(0, len(items), OBJECTS_PER_SLICE):
        pause_if_due()
        size_bytes = work.response_bytes
        shown = orjson.dumps([*item.show(items[start : start + OBJECTS_PER_SLICE])])
        work.set_bytes(size_bytes + len(shown))
        slices.append(shown[1:-1])
    return orjson.Fragment(b"[" + b",".join(slices) + b"]")


def _show_some(show: Show, values: Sequence[Any]) -> Sequence[Any]:
    """All values but those that are null."""
    if NoneType not in map(type, values):
        return show(values)
    shown = iter(show([value for value in values if value is not None]))
    return [None if value is None else next(shown) for value in values]
