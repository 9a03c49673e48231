"""`clipgraph`: the group of commands. Each is imported only when it runs, so that all of them start fast."""

import importlib
import sys

import click

# command → (module below cli.commands, what `clipgraph --help` says of it)
COMMANDS = {
    "serve": ("serve", "Serve the GraphQL API."),
    "import": ("import_bucket", "Import a bucket or a folder, and write its metadata."),
    "reconcile": ("reconcile", "Compare R2 with Firestore, and repair differences."),
    "doctor": ("doctor", "Check settings, Firestore, R2, indexes and clock."),
    "schema": ("schema", "Print the schema, or check for breaking changes."),
    "token": ("token", "Print a token for development."),
    "firestore": ("firestore", "Serve the embedded Firestore alone."),
    "s3": ("s3", "Serve the embedded S3 alone."),
}


class LazyGroup(click.Group):
    """A group whose commands are modules of `cli.commands`, each with a click command named `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which one meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for a name that is not one."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"cli.commands.{COMMANDS[cmd_name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="clipgraph")
def main() -> None:
    """A GraphQL API server for videos and the short clips cut out of them."""


if __name__ == "__main__":
    sys.exit(main())
