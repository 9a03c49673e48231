"""`clipgraph schema print`, `possible-types`, `check` and `changes`."""

import json
from pathlib import Path

import click

from cli.output import CommandError, print_line, print_text

CHECKED_IN = Path("schema.graphql")
CHANGELOG = "CHANGELOG.md"
POSSIBLE_TYPES = "possible-types.json"


@click.group(name="schema", help="Print the schema, or check for breaking changes.")
def command() -> None:
    """The group of all four."""


@command.command(name="print", help="Print the schema of the code as SDL.")
def print_command() -> None:
    """The SDL on stdout."""
    from gql.schema import print_schema

    print_text(print_schema(), ends_line=False)


@command.command(name="possible-types", help="Print the types of each union and interface as JSON, for client caches.")
def possible_types_command() -> None:
    """The JSON on stdout."""
    print_text(_format_possible_types(), ends_line=False)


def _format_possible_types() -> str:
    from gql.schema import list_possible_types

    return json.dumps(list_possible_types(), indent=2) + "\n"


@command.command(
    name="check",
    help="Compare schema.graphql, and possible-types.json beside it, with the schema of the code. "
    "Exit with 1 if they differ.",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=CHECKED_IN)
def compare_command(file: Path) -> None:
    """Prints the differences, breaking changes named as such."""
    from graphql import GraphQLError, build_schema
    from graphql.utilities import find_breaking_changes, find_dangerous_changes

    from gql.schema import print_schema

    printed = print_schema()
    if file.read_text(encoding="utf-8") == printed:
        _assert_possible_types(file.with_name(POSSIBLE_TYPES))
        return
    try:
        old, new = build_schema(file.read_text(encoding="utf-8")), build_schema(printed)
    except GraphQLError as error:
        raise CommandError(f"{file} is not a schema: {error.message}") from None
    for breaking in find_breaking_changes(old, new):
        print_line(f"breaking: {breaking.description}")
    for dangerous in find_dangerous_changes(old, new):
        print_line(f"dangerous: {dangerous.description}")
    raise CommandError(f"{file} differs from the schema of the code. Run `make schema` and commit it.")


def _assert_possible_types(file: Path) -> None:
    """Raises CommandError if the file exists and differs from the types of the code."""
    if file.exists() and file.read_text(encoding="utf-8") != _format_possible_types():
        raise CommandError(f"{file} differs from the schema of the code. Run `make schema` and commit it.")


@command.command(
    name="changes",
    help="Compare schema.graphql with its landed versions in Git. Exit with 1 if a change breaks clients and no new "
    "line of CHANGELOG.md has its names.",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=CHECKED_IN)
def list_changes_command(file: Path) -> None:
    """Prints each breaking change, and those that the changelog has to tell of."""
    from cli.schema_history.breaks import find_breaks
    from cli.schema_history.landed import History

    history = History(file.absolute().parent)
    landed = [
        (one, history.read(one, file.name), history.read(one, CHANGELOG)) for one in history.list_landed(file.name)
    ]
    versions = [(commit, schema, changelog or "") for commit, schema, changelog in landed if schema is not None]
    if not versions:
        print_line(f"There is no earlier {file.name} in this clone to compare with.")
        return
    breaks = find_breaks(
        versions, file.read_text(encoding="utf-8"), file.with_name(CHANGELOG).read_text(encoding="utf-8")
    )
    for one in breaks:
        print_line(f"breaking since {one.commit[:10]}: {one.sentence}")
    if missing := " ".join(one.sentence for one in breaks if not one.is_announced):
        raise CommandError(f"Add a line to {CHANGELOG} that names each: {missing}")
