"""States change by their tables alone: nothing else assigns one, and nothing else writes a clip's or video's status."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import CODE, Function, list_modules, read_tree

STATE_ATTRIBUTES = {"state", "_state", "_phase"}
STATE_PLACES = {
    ("embedded/firestore/rpc/listen_states.py", "__init__"),
    ("embedded/firestore/rpc/listen_states.py", "change"),
    ("embedded/firestore/transactions/locks.py", "change"),
    ("repositories/listening/target_state.py", "__init__"),
    ("repositories/listening/fan_out.py", "__init__"),
    ("repositories/listening/fan_out.py", "_move_to"),
    ("repositories/unit_of_work.py", "_move_to"),
}
TABLE_NAMES = ("TRANSITIONS", "NEXT_STATES", "NEXT_PHASES", "NEXT_STATUSES")
TABLES = {
    "embedded/firestore/rpc/listen_states.py",
    "embedded/firestore/transactions/owner_states.py",
    "repositories/listening/fan_out.py",
    "repositories/listening/target_phase.py",
    "repositories/model/statuses.py",
    "repositories/unit_of_work.py",
}

STATUS_FIELDS = {"status", "completed_at", "failed_at", "error_message"}
STATUS_PLACES = {
    ("repositories/model/statuses.py", "plan_status_change"): "the status machine",
    ("repositories/tombstones.py", "_mark_deleted"): "the mark of a delete, which is no status of a clip or video",
    ("repositories/model/base.py", "to_document"): "a model's own status, as Firestore holds it",
    ("repositories/models.py", "to_document"): "a model's own status, as Firestore holds it",
    ("repositories/mapping/fast_builder.py", "build_clip_fast"): "the first status of a new clip",
    ("repositories/mapping/fast_builder.py", "check_is_fast"): "a copy of the values, for a comparison",
    ("repositories/mapping/fast_reader.py", "read_clip_fast"): "a stored status as an enum",
    ("repositories/model/repairs.py", ""): "how a stored status is read",
    ("cli/bucket_import/reader.py", "_to_progress"): "the first status of an imported video",
    ("cli/bucket_import/reader.py", "_add_clip"): "the first status of an imported clip",
}


def list_places(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node, with the innermost function around it."""
    for node in ast.iter_child_nodes(tree):
        inner = node.name if isinstance(node, Function) else function
        yield inner, node
        yield from list_places(node, inner)


def list_targets(node: ast.AST) -> list[ast.expr]:
    """The parts of a statement that it assigns to."""
    if isinstance(node, ast.Assign):
        return [part for target in node.targets for part in ast.walk(target) if isinstance(part, ast.expr)]
    if isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        return [node.target]
    return []


def check_assigns(node: ast.AST, names: set[str]) -> bool:
    """Whether a statement assigns one of these attributes or items of a map."""
    targets = list_targets(node)
    found = [target.attr for target in targets if isinstance(target, ast.Attribute)]
    slices = [target.slice for target in targets if isinstance(target, ast.Subscript)]
    found += [str(part.value) for part in slices if isinstance(part, ast.Constant)]
    return not names.isdisjoint(found) or check_calls_setter(node, names)


def check_moves(node: ast.AST) -> bool:
    """Whether a statement assigns the row that `move` has found in the table."""
    value = node.value if isinstance(node, ast.Assign) else None
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "move"


def check_calls_setter(node: ast.AST, names: set[str]) -> bool:
    """Whether a call sets one of these by name: setattr, __setattr__, setdefault, or a keyword of update or dict."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in {"setattr", "__setattr__", "setdefault"}:
        return any(isinstance(argument, ast.Constant) and argument.value in names for argument in node.args)
    return called in {"update", "dict"} and any(keyword.arg in names for keyword in node.keywords)


def check_holds(node: ast.AST, names: set[str]) -> bool:
    """Whether a map is written out that has one of these keys."""
    keys = node.keys if isinstance(node, ast.Dict) else []
    return any(isinstance(key, ast.Constant) and key.value in names for key in keys)


def list_filters(tree: ast.AST) -> set[ast.AST]:
    """The maps that say which documents are read: `filters = {…}`, and the arguments of `filter_…()`."""
    named = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["filters"]
    )
    passed = (
        argument
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1].startswith("filter_")
        for argument in node.args
    )
    return {*named, *passed}


def list_status_writes(file: str, tree: ast.AST) -> set[tuple[str, str]]:
    """The functions that give a status, or what follows it, to what may be written."""
    filters = list_filters(tree)
    return {
        (file, function)
        for function, node in list_places(tree)
        if node not in filters and (check_assigns(node, STATUS_FIELDS) or check_holds(node, STATUS_FIELDS))
    }


def list_writers() -> list[Path]:
    """The modules that can write documents: all of `repositories/`, and what imports it without a schema between."""
    return [file for file in list_modules() if file.parts[0] in {"repositories", "cli", "examples"}]


def test_only_tables_change_a_state() -> None:
    """A state is assigned where it begins, from what `move` finds, and in the one method that looks the next one up."""
    code = [file for file in list_modules() if file.parts[0] in {"embedded", "repositories"}]
    found = {
        (str(file), function)
        for file in code
        for function, node in list_places(read_tree(file))
        if check_assigns(node, STATE_ATTRIBUTES) and not check_moves(node)
    }
    assert found == STATE_PLACES


def test_states_are_known() -> None:
    """Every table of transitions of the tree is one of those whose changes are held here."""
    found = {
        str(file)
        for file in list_modules()
        if file.parts[0] in CODE
        for node in ast.walk(read_tree(file))
        for target in list_targets(node)
        if isinstance(target, ast.Name) and target.id.endswith(TABLE_NAMES)
    }
    assert found == TABLES


def test_only_the_status_machine_changes_a_status() -> None:
    """Only `plan_status_change` gives a clip or video that exists a status, or the times and message that follow it."""
    found = set().union(*(list_status_writes(str(file), read_tree(file)) for file in list_writers()))
    assert found == set(STATUS_PLACES)


@pytest.mark.parametrize(
    "source",
    [
        "clip.status = status",
        "changes['status'] = status",
        "changes.setdefault('status', status)",
        "changes.update(status=status)",
        "setattr(clip, 'status', status)",
        "object.__setattr__(clip, 'failed_at', now)",
        "changes |= {'completed_at': now}",
        "unit.update(reference, {'status': 'completed'})",
        "clip.model_copy(update={'error_message': None})",
    ],
)
def test_each_form_of_a_write_is_found(source: str) -> None:
    """A status is seen however it is written."""
    assert list_status_writes("clips.py", ast.parse(f"def write():\n    {source}")) == {("clips.py", "write")}


def test_a_filter_is_no_write() -> None:
    """Lists may ask for a status."""
    assert not list_status_writes("clips.py", ast.parse("filters = {'status': status}\nfilter_equal(q, {'status': 1})"))
