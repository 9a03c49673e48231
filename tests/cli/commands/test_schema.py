"""`clipgraph schema`: what it prints, and what it says of a change."""

from pathlib import Path

from click.testing import CliRunner

from cli.main import main

SCHEMA = Path(__file__).parent.parent.parent.parent / "schema.graphql"


def test_printed_schema_is_the_checked_in_one() -> None:
    """`schema print` prints schema.graphql byte for byte."""
    assert CliRunner().invoke(main, ["schema", "print"]).output == SCHEMA.read_text()


def test_breaking_change_is_named_and_fails(tmp_path: Path) -> None:
    """A field that the checked-in schema promises, and the code has not, is a breaking change."""
    promised = tmp_path / "schema.graphql"
    promised.write_text(SCHEMA.read_text().replace("type Viewer {", 'type Viewer {\n  "A name."\n  name: String\n', 1))
    result = CliRunner().invoke(main, ["schema", "check", str(promised)])
    assert result.exit_code == 1
    assert "breaking: Field Viewer.name was removed." in result.output


def test_current_schema_passes() -> None:
    """`schema check` exits 0 for the checked-in schema."""
    assert CliRunner().invoke(main, ["schema", "check", str(SCHEMA)]).exit_code == 0


def test_help_lists_every_command() -> None:
    """`clipgraph --help` names the commands."""
    output = CliRunner().invoke(main, ["--help"]).output
    assert all(name in output for name in ("serve", "import", "reconcile", "schema", "firestore"))
