"""The docs tell the truth: their queries are valid, their links lead somewhere, their commands exist."""

import json
import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from embedded.s3.operations.cors import POLICY_FILE
from tests.embedded.firestore import mutants as firestore_mutants
from tests.embedded.mutation import Mutant
from tests.embedded.s3 import mutants as s3_mutants

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "web" / "README.md",
    ROOT / "examples" / "README.md",
]
FOLDERS = (
    "benchmarks",
    "cli",
    "demo",
    "docs",
    "domain",
    "embedded",
    "examples",
    "gql",
    "repositories",
    "storage",
    "tests",
    "web",
)
SCHEMA = build_schema((ROOT / "schema.graphql").read_text())
DOCUMENTS = [
    pytest.param(document, id=f"{page.name}-{number}")
    for page in PAGES
    for number, document in enumerate(re.findall(r"```graphql\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_query_in_the_docs_is_valid(document: str) -> None:
    """Every GraphQL example of the docs is valid against schema.graphql."""
    assert validate(SCHEMA, parse(document)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    """Every relative link of a page leads to a file."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    """Every `make` target that a page names is in the Makefile."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z0-9-]+)", page.read_text(), re.MULTILINE))
    assert named <= targets


def find_anchors(page: Path) -> set[str]:
    """GitHub's anchors of a page's headings."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_anchors_lead_to_headings(page: Path) -> None:
    """A link with an anchor names a heading of its page."""
    links = re.findall(r"\]\((?!https?:)([^)#]*\.md)?#([^)]+)\)", page.read_text())
    missing = [anchor for path, anchor in links if anchor not in find_anchors(page.parent / path if path else page)]
    assert missing == []


@pytest.mark.parametrize(
    ("page", "mutants"),
    [("embedded-firestore.md", firestore_mutants.MUTANTS), ("embedded-s3.md", s3_mutants.MUTANTS)],
    ids=["firestore", "s3"],
)
def test_page_lists_the_mutants(page: str, mutants: list[Mutant]) -> None:
    """The table of a page has a row for each mutant, with its fault and its test."""
    text = (ROOT / "docs" / page).read_text()
    missing = [one.name for one in mutants if f"| {one.name} | {one.fault} | `{one.test}` | yes |\n" not in text]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_exist(page: Path) -> None:
    """Every path of the project that a page names exists."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    named = re.findall(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w/.-]*\w", text)
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_cors_policy_of_the_docs_is_the_embedded_buckets() -> None:
    """The JSON to paste into R2 has the rules of the embedded bucket, for an origin to replace."""
    [policy] = re.findall(
        r"^## CORS of R2$.*?```json\n(.*?)```", (ROOT / "docs" / "frontend.md").read_text(), re.MULTILINE | re.DOTALL
    )
    rules = json.loads(POLICY_FILE.read_text())
    assert json.loads(policy) == [rule | {"AllowedOrigins": ["https://app.example.com"]} for rule in rules]


def test_every_snippet_of_the_frontends_page_is_a_file_that_its_tests_use() -> None:
    """A line above each snippet names its file, and the page that runs in Chromium, a command or a snippet names it."""
    text = (ROOT / "docs" / "frontend.md").read_text()
    page = (ROOT / "tests" / "e2e" / "frontend" / "page" / "main.js").read_text()
    blocks = re.findall(r"^(?:`(\S+)`:\n\n)?```(?:js|ts)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    commands = re.findall(r"(?:node|npx) .*", text)
    uses = "\n".join([page, *commands, *(body for _, body in blocks)])
    assert len(blocks) > 10
    assert [name for name, _ in blocks if not name or name not in uses] == []


@pytest.mark.parametrize("name", ["network.js", "apollo.js", "urql.js", "relay.js"])
def test_a_librarys_client_has_fewer_than_twenty_lines(name: str) -> None:
    """The frontend's page says so, imports included."""
    text = (ROOT / "docs" / "frontend.md").read_text()
    [body] = re.findall(rf"^`{re.escape(name)}`:\n\n```js\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(body.splitlines()) < 20
