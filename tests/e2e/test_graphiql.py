"""GraphiQL in a real browser: it loads, runs the welcome query, shows thumbnails, and asks nobody but us."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.patience import PATIENCE_SECONDS

CHROMIUM = shutil.which("chromium")
# Chromium itself looks for updates and accounts at every start; what is tested is the page.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(
        not (Path(__file__).parent.parent.parent / "web" / "dist" / "graphiql" / ".complete").exists(),
        reason="GraphiQL's files are not there: install npm, then make setup",
    ),
]


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a fresh headless browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(1_000 * PATIENCE_SECONDS)
        yield page
        browser.close()


def test_welcome_query_runs_and_nothing_leaves_this_machine(page: Page, demo_server: Any) -> None:
    """GraphiQL's first query shows signed addresses, without a console message or a request to another host."""
    requests: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: problems.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{demo_server.address}/graphql")
    page.get_by_role("button", name="Execute query").click()
    expect(page.locator(".result-window")).to_contain_text(
        '"thumbnailUrl": "http://127.0.0.1', timeout=1_000 * PATIENCE_SECONDS
    )
    if screenshot := os.environ.get("CLIPGRAPH_SCREENSHOT"):
        page.screenshot(path=screenshot)
    assert {urlsplit(url).hostname for url in requests if not url.startswith(("data:", "blob:"))} == {"127.0.0.1"}
    assert problems == []


def test_subscription_shows_what_a_mutation_elsewhere_changes(page: Page, demo_server: Any, user_id: str) -> None:
    """A subscription in GraphiQL shows a clip that another client changes."""
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type in {"error", "warning"} else None)
    page.goto(f"{demo_server.address}/graphql")
    page.get_by_role("tab", name="Live").click()
    # GraphiQL looks at an editor's operations a moment after it shows them.
    page.wait_for_timeout(1000)
    page.get_by_role("button", name="Execute query").click()
    expect(page.locator(".result-window")).to_contain_text('"kind": "ADDED"', timeout=1_000 * PATIENCE_SECONDS)
    demo_server.query(
        "mutation ($id: ID!, $title: String!) { createVideo(input: "
        '{videoId: $id, videoUrl: "https://example.com/v", title: $title}) { __typename } }',
        id=user_id,
        title=f"Title of {user_id}",
    )
    expect(page.locator(".result-window")).to_contain_text(f"Title of {user_id}", timeout=1_000 * PATIENCE_SECONDS)
    page.get_by_role("button", name="Stop query").click()
    demo_server.query("mutation ($id: ID!) { deleteVideo(input: {videoId: $id}) { __typename } }", id=user_id)
    assert problems == []
