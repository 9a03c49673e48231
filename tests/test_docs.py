"""The docs tell the truth: their queries are valid, their links lead somewhere, their commands exist."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "web" / "README.md",
    ROOT / "examples" / "README.md",
]
SCHEMA = build_schema((ROOT / "schema.graphql").read_text())
DOCUMENTS = [
    pytest.param(document, id=f"{page.name}-{number}")
    for page in PAGES
    for number, document in enumerate(re.findall(r"```graphql\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_query_in_the_docs_is_valid(document: str) -> None:
    assert validate(SCHEMA, parse(document)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z0-9-]+)", page.read_text(), re.MULTILINE))
    assert named <= targets
