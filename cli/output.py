"""All that commands print: what others named (files, documents, services) is never obeyed by a terminal."""

import click
import orjson

from domain.control_characters import escape_control_characters


class CommandError(click.ClickException):
    """A command cannot go on; its message is printed with control characters escaped, and the exit code is 1."""

    def __init__(self, message: str) -> None:
        super().__init__(escape_control_characters(message, keeps_lines=True))


def print_line(text: str, *, err: bool = False) -> None:
    """Prints one line on stdout, or on stderr; a line break within it is escaped, too."""
    click.echo(escape_control_characters(text), err=err)


def print_text(text: str, *, ends_line: bool = True) -> None:
    """Prints a text of several lines on stdout."""
    click.echo(escape_control_characters(text, keeps_lines=True), nl=ends_line)


def print_json(value: object) -> None:
    """Prints the value as one line of JSON on stdout."""
    # As text: rich, while it draws a bar on the same terminal, lets only text pass above it.
    print_line(orjson.dumps(value).decode())
