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

from gql.execution.checkpoints import checkpoint
from gql.execution.coercion import FallBack, Renderer, make_leaf_renderer
from gql.execution.field_metadata import get_batch_resolver, get_cost
from gql.execution.output_meter import OutputMeter
from gql.execution.resolvers import Method, SharedInfo, compile_method
from gql.execution.result_cache import CachedPage

Starter = Callable[[Any, Path], tuple[GraphQLResolveInfo[Any], Any]]
"""What a coroutine is told, and the coroutine, for an object and its path."""

# Of a list, the objects that are shown at once: then others may run, and what there is is counted as JSON.
OBJECTS_PER_CHUNK = 128
_DIRECTIVES = frozenset({"skip", "include"})
_BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """How a field's values are shown, for many objects at once."""

    render: Renderer
    selection_key: Hashable | None = None
    """Equal for columns that show the same objects alike, also in other requests; None where that cannot be said."""

    cache_keys: tuple[Callable[[], Hashable], ...] = ()
    """What else must be equal for that."""

    cost: int = 1
    """What a value of the field itself costs, in field values."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """How a field's values are read, before they are shown; `recipe` and `changes` are as a column's."""

    read: Callable[[Sequence[Any]], Sequence[Any]]
    selection_key: Hashable | None = None
    cache_keys: tuple[Callable[[], Hashable], ...] = ()


class Compiler:
    """Compiles the fields of one execution; None stands for a field that graphql-core has to run."""

    def __init__(self, executor: Executor[Any], output: OutputMeter) -> None:
        self._executor = executor
        self._output = output

    def compile_field(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> FieldPlan | None:
        """The plan of the field, which renders it for many objects at once."""
        definition = self._find_definition(parent_type, details)
        if definition is None:
            return None
        if definition is TypeNameMetaFieldDef:
            return FieldPlan(lambda objects: [parent_type.name] * len(objects), "__typename")
        read = self._compile_reader(parent_type, definition, details)
        values = self.compile_values(definition.type, details) if read else None
        if read is None or values is None:
            return None
        read_all, render = read.read, values.render
        is_cacheable = read.selection_key is not None and values.selection_key is not None
        return FieldPlan(
            lambda objects: render(read_all(objects)),
            (read.selection_key, values.selection_key) if is_cacheable else None,
            read.cache_keys + values.cache_keys,
            get_cost(definition.extensions[_BACKREF].metadata),
        )

    def compile_async_field(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> Starter | None:
        """A starter of the field's coroutine for one object at a time; the arguments are converted once."""
        definition = self._find_definition(parent_type, details)
        field = definition and definition.extensions.get(_BACKREF)
        if definition is None or not isinstance(field, StrawberryField) or not field.is_async:
            return None
        make_info = partial(self._executor.build_resolve_info, definition, [one.node for one in details], parent_type)
        method = compile_method(self._executor, field, make_info(_NOWHERE))
        return None if method is None else partial(_start, method, make_info)

    def compile_values(self, type_: GraphQLOutputType, details: FieldDetailsList) -> FieldPlan | None:
        """The plan of values that were resolved to this type."""
        is_nullable = not is_non_null_type(type_)
        inner: Any = type_ if is_nullable else type_.of_type  # type: ignore[union-attr]  # a non-null type has one
        plan: FieldPlan | None
        if is_leaf_type(inner):
            plan = FieldPlan(make_leaf_renderer(inner), inner.name)
        elif is_list_type(inner):
            item = self.compile_values(inner.of_type, details)
            plan = item and replace(item, render=partial(_render_lists, item, self._output))
        else:
            plan = self._compile_objects(inner, details) if is_object_type(inner) else None
        return replace(plan, render=partial(_render_nullable, plan.render)) if plan and is_nullable else plan

    def _compile_objects(self, type_: GraphQLObjectType, details: FieldDetailsList) -> FieldPlan | None:
        collected = self._executor.collect_subfields(type_, details)
        if collected.new_defer_usages:
            return None
        plans = dict[str, FieldPlan]()
        for name, below in collected.grouped_field_set.items():
            if (plan := self.compile_field(type_, below)) is None:
                return None
            plans[name] = plan
        origin = type_.extensions[_BACKREF].origin if type_.is_type_of else None
        selection_keys = tuple((name, plan.selection_key) for name, plan in plans.items())
        return FieldPlan(
            partial(_render_objects, origin, tuple(plans), tuple(plans.values()), self._output),
            None if any(selection_key is None for _, selection_key in selection_keys) else (type_.name, selection_keys),
            tuple(cache_key for plan in plans.values() for cache_key in plan.cache_keys),
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

    def _compile_reader(
        self, parent_type: GraphQLObjectType, definition: GraphQLField, details: FieldDetailsList
    ) -> _Reader | None:
        """The reader of the field's values for many objects at once."""
        field = definition.extensions.get(_BACKREF)
        if not isinstance(field, StrawberryField) or field.extensions:
            return None
        if field.base_resolver is None:
            name = field.python_name
            return _Reader(partial(_read_each, attrgetter(name)), name) if field.default_resolver is getattr else None
        resolve_batch = get_batch_resolver(field.metadata)
        if field.is_async and resolve_batch is None:
            return None
        raw = self._executor.build_resolve_info(definition, [one.node for one in details], parent_type, _NOWHERE)
        method = compile_method(self._executor, field, raw)
        return None if method is None else _compile_method_reader(method, SharedInfo(raw), resolve_batch)


def _compile_method_reader(
    method: Method, info: SharedInfo, resolve_batch: Callable[[Sequence[Any]], Sequence[Any] | None] | None
) -> _Reader:
    if resolve_batch is not None:
        return _Reader(partial(_read_batch, method.bind(info, resolve_batch)))
    cache_key = method.bind_cache_key(info)
    selection_key = method if method.is_cacheable else None
    return _Reader(partial(_read_each, method.bind(info)), selection_key, (cache_key,) if cache_key else ())


_NOWHERE = Path(None, "", None)


def _start(
    method: Method, make_info: Callable[[Path], GraphQLResolveInfo[Any]], source: Any, path: Path
) -> tuple[GraphQLResolveInfo[Any], Any]:
    raw = make_info(path)
    return raw, method.bind(raw)(source)


def _read_each(read: Callable[[Any], Any], objects: Sequence[Any]) -> Sequence[Any]:
    return [*map(read, objects)]


def _read_batch(resolve_batch: Callable[[Any], Sequence[Any] | None], objects: Sequence[Any]) -> Sequence[Any]:
    if (found := resolve_batch(objects)) is None:
        raise FallBack
    return found


def _render_objects(
    origin: type | None, names: Sequence[str], plans: Sequence[FieldPlan], output: OutputMeter, objects: Sequence[Any]
) -> Sequence[Any]:
    for kind in {*map(type, objects)}:
        # Of what they are graphql-core asks those types only that have interfaces; none is an exception, or awaitable.
        if kind is not origin if origin else not hasattr(kind, "__strawberry_definition__"):
            raise FallBack
    if not plans:
        return [{} for _ in objects]
    rows = zip(*[_render_field(plan, output, objects) for plan in plans], strict=True)
    return [dict(zip(names, row)) for row in rows]  # noqa: B905  as many as there are columns; 0.1 µs each


def _render_field(plan: FieldPlan, output: OutputMeter, objects: Sequence[Any]) -> Sequence[Any]:
    checkpoint()
    output.count_values(plan.cost * len(objects))
    return plan.render(objects)


def _render_lists(item: FieldPlan, output: OutputMeter, lists: Sequence[Any]) -> Sequence[Any]:
    kinds = {*map(type, lists)}
    if kinds == {CachedPage} and item.selection_key is not None:
        # Asked for before anything is shown: what changes meanwhile is then kept as what it was, and not found again.
        selection_key = (item.selection_key, *[cache_key() for cache_key in item.cache_keys])
        return [_render_cached(item, output, selection_key, one) for one in lists]
    if not kinds <= {CachedPage, list, tuple}:
        raise FallBack
    return [_render_list(item, output, [*one]) for one in lists]


def _render_cached(
    item: FieldPlan, output: OutputMeter, selection_key: Hashable, items: CachedPage[Any]
) -> orjson.Fragment:
    size_bytes = output.response_bytes
    answer = items.render(selection_key, lambda made: orjson.dumps(_render_list(item, output, made)))
    output.set_bytes(size_bytes + len(answer))
    return orjson.Fragment(answer)


def _render_list(item: FieldPlan, output: OutputMeter, items: Sequence[Any]) -> list[Any] | orjson.Fragment:
    """The list; a long one as JSON, made slice by slice."""
    if len(items) <= OBJECTS_PER_CHUNK:
        return [*item.render(items)]
    chunks = []
    for start in range(0, len(items), OBJECTS_PER_CHUNK):
        checkpoint()
        size_bytes = output.response_bytes
        rendered = orjson.dumps([*item.render(items[start : start + OBJECTS_PER_CHUNK])])
        output.set_bytes(size_bytes + len(rendered))
        chunks.append(rendered[1:-1])
    return orjson.Fragment(b"[" + b",".join(chunks) + b"]")


def _render_nullable(render: Renderer, values: Sequence[Any]) -> Sequence[Any]:
    """All values, with null left as null."""
    if NoneType not in map(type, values):
        return render(values)
    rendered = iter(render([value for value in values if value is not None]))
    return [None if value is None else next(rendered) for value in values]
