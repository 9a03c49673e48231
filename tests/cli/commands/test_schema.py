"""`clipgraph schema`: what it prints, and what it says of a change."""

import json
import re
from pathlib import Path

from click.testing import CliRunner

from cli.main import main

SCHEMA = Path(__file__).parent.parent.parent.parent / "schema.graphql"


def test_printed_schema_is_the_checked_in_one() -> None:
    """`schema print` prints schema.graphql byte for byte."""
    assert CliRunner().invoke(main, ["schema", "print"]).output == SCHEMA.read_text()


def test_printed_possible_types_are_the_checked_in_ones() -> None:
    """`schema possible-types` prints possible-types.json byte for byte, with all unions and interfaces."""
    printed = CliRunner().invoke(main, ["schema", "possible-types"]).output
    assert printed == SCHEMA.with_name("possible-types.json").read_text()
    abstract = re.findall(r"^(?:union|interface) (\w+)", SCHEMA.read_text(), re.MULTILINE)
    assert list(json.loads(printed)) == sorted(abstract)
    assert json.loads(printed)["Node"] == ["Clip", "Video"]


def test_old_possible_types_fail(tmp_path: Path) -> None:
    """`schema check` exits 1 if possible-types.json beside the schema lacks a type."""
    current = tmp_path / "schema.graphql"
    current.write_text(SCHEMA.read_text())
    (tmp_path / "possible-types.json").write_text('{"Node": ["Clip"]}\n')
    result = CliRunner().invoke(main, ["schema", "check", str(current)])
    assert result.exit_code == 1
    assert "possible-types.json differs" in result.output


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
