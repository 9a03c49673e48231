"""The schema by the rules of @graphql-eslint: Relay's pages, ids that caches can trust, and names.

npm installs what schema_rules/package-lock.json names into pytest's cache folder, at the first run.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from embedded.lock import lock_file
from tests.npm import install_packages
from tests.patience import PATIENCE_SECONDS

pytestmark = [
    pytest.mark.prove,
    pytest.mark.once,
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed: apt-get install npm"),
]

SOURCES = Path(__file__).parent / "schema_rules"
SCHEMA = (Path(__file__).parent.parent.parent / "schema.graphql").read_text()


@pytest.fixture(scope="session")
def rules(pytestconfig: pytest.Config) -> Path:
    """A folder with the linter, at the versions of package-lock.json, and our rules beside it."""
    return install_packages(pytestconfig.cache.mkdir("schema-rules"), SOURCES)


def lint(rules: Path, schema: str) -> str:
    """The linter's report on a schema; empty where it finds nothing."""
    command = ["node", "node_modules/eslint/bin/eslint.js", "--max-warnings", "0", "schema.graphql"]
    held = lock_file(rules / "lint.lock", PATIENCE_SECONDS)
    try:
        (rules / "schema.graphql").write_text(schema)
        done = subprocess.run(command, cwd=rules, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    finally:
        os.close(held)
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


def test_the_schema_follows_all_rules(rules: Path) -> None:
    """The linter finds nothing in schema.graphql."""
    assert lint(rules, SCHEMA) == ""


FAULTS = {
    "naming-convention": (r"\btotalCount: Int!", "TotalCount: Int!"),
    "relay-page-info": (r"hasNextPage: Boolean!", "hasNextPage: Boolean"),
    "relay-edge-types": (r"node: Clip!", "node: [Clip!]!"),
    "relay-connection-types": (r"edges: \[ClipEdge!\]!", "edges: ClipEdge!"),
    "strict-id-in-types": (r"(type Clip implements Node \{\n  \"\"\".*?\"\"\"\n  id:) ID!", r"\1 ID"),
    "relay-arguments": (r"\bfirst: Int = 20", "count: Int = 20"),
    "require-description": (r"\"\"\"A clip to delete, with its files.\"\"\"\n", ""),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_each_rule_finds_its_fault(rules: Path, rule: str) -> None:
    """A schema with one fault is refused by the rule that is about it."""
    pattern, replacement = FAULTS[rule]
    faulty, count = re.subn(pattern, replacement, SCHEMA, flags=re.DOTALL)
    assert count > 0
    assert f"@graphql-eslint/{rule}" in lint(rules, faulty)


def test_each_rule_that_is_off_has_its_reason() -> None:
    """A comment stands above each rule that is turned off."""
    lines = (SOURCES / "eslint.config.mjs").read_text().splitlines()
    off = [number for number, line in enumerate(lines) if line.endswith('": "off",')]
    assert off
    assert [lines[number] for number in off if not lines[number - 1].lstrip().startswith("// ")] == []
