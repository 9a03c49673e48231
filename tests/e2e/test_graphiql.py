"""GraphiQL in a real browser: each tab does its job, thumbnails are shown, and no other host is asked."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser import CHROMIUM, TIMEOUT, open_page, watch_console

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
    with open_page(1400, 900) as page:
        yield page


def test_welcome_query_runs_and_nothing_leaves_this_machine(page: Page, demo_server: Any) -> None:
    """GraphiQL's first query shows signed addresses, without a console message or a request to another host."""
    requests: list[str] = []
    problems = watch_console(page)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{demo_server.address}/graphql")
    page.get_by_role("button", name="Execute query").click()
    expect(page.locator(".result-window")).to_contain_text('"thumbnailUrl": "http://127.0.0.1', timeout=TIMEOUT)
    if screenshot := os.environ.get("CLIPGRAPH_SCREENSHOT"):
        page.screenshot(path=screenshot)
    assert {urlsplit(url).hostname for url in requests if not url.startswith(("data:", "blob:"))} == {"127.0.0.1"}
    assert problems == []


TABS = {
    "Wall": '"thumbnailUrl": "http://127.0.0.1',
    "Video": '"highlights": [',
    "WorkersWrites": '"key": "demo/my_video/clips/clip_01_01_my-title_split.mp4"',
    "Upload": '"url": "http://127.0.0.1',
    "Errors": '"path": [',
}
ANSWER = ".result-window .CodeMirror"
COUNT_FOLDS = "it => it.CodeMirror.getAllMarks().filter((mark) => mark.__isFold).length"


def run_tab(page: Page, name: str, expected: str) -> None:
    """The tab is open, and its answer has the text."""
    page.get_by_role("tab", name=name).click()
    # GraphiQL looks at an editor's operations a moment after it shows them.
    page.wait_for_function(f"name => {READ_OPERATIONS}.includes(name)", arg=name)
    page.get_by_role("button", name="Execute query").click()
    if name == "Errors":
        page.get_by_role("menuitem", name="Errors").click()
    page.wait_for_function(f"text => {READ_ANSWER}.includes(text)", arg=expected)


READ_OPERATIONS = (
    "(document.querySelector('.graphiql-query-editor .CodeMirror')?.CodeMirror.operations ?? [])"
    ".map((operation) => operation.name.value)"
)
READ_ANSWER = f"document.querySelector('{ANSWER}').CodeMirror.getValue()"


def test_each_tab_does_its_job(page: Page, demo_server: Any) -> None:
    """The queries of all tabs run; the strip and the folded extensions follow the answer that is shown."""
    problems = watch_console(page)
    page.goto(f"{demo_server.address}/graphql")
    pictures = page.locator("#strip img")
    for name, expected in TABS.items():
        run_tab(page, name, expected)
        assert page.locator(ANSWER).evaluate(COUNT_FOLDS) == 1, name
        expect(pictures).to_have_count({"Wall": 9, "Video": 9}.get(name, 0), timeout=TIMEOUT)
        if folder := os.environ.get("CLIPGRAPH_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/{name}.png")
    page.get_by_role("tab", name="Wall").click()
    expect(pictures).to_have_count(9, timeout=TIMEOUT)
    page.get_by_role("button", name="Show extensions").click()
    assert page.locator(ANSWER).evaluate(COUNT_FOLDS) == 0
    page.get_by_role("tab", name="Video").click()
    assert page.locator(ANSWER).evaluate(COUNT_FOLDS) == 0
    demo_server.query('mutation { deleteVideo(input: {videoId: "my_video"}) { __typename } }')
    assert problems == []


def test_live_tab_lists_the_events(page: Page, demo_server: Any, user_id: str) -> None:
    """A subscription in GraphiQL shows all events, the newest first, and their thumbnails; stopping it ends it."""
    problems = watch_console(page)
    page.goto(f"{demo_server.address}/graphql")
    run_tab(page, "Live", '"kind": "ADDED"')
    demo_server.query(
        "mutation ($id: ID!, $title: String!) { createVideo(input: "
        '{videoId: $id, videoUrl: "https://example.com/v", title: $title}) { __typename } }',
        id=user_id,
        title=f"Title of {user_id}",
    )
    page.wait_for_function(f"text => {READ_ANSWER}.includes(text)", arg=f"Title of {user_id}")
    events = page.evaluate(f"JSON.parse({READ_ANSWER}).events")
    versions = [event["data"]["videoEvents"]["version"] for event in events]
    assert len(versions) == 4
    assert versions == sorted(versions, reverse=True)
    assert events[0]["data"]["videoEvents"]["videoId"] == user_id
    expect(page.locator("#strip img")).to_have_count(3, timeout=TIMEOUT)
    assert page.locator(ANSWER).evaluate(COUNT_FOLDS) == 4
    if folder := os.environ.get("CLIPGRAPH_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/Live.png")
    page.get_by_role("button", name="Stop query").click()
    demo_server.query("mutation ($id: ID!) { deleteVideo(input: {videoId: $id}) { __typename } }", id=user_id)
    expect(page.get_by_role("button", name="Execute query")).to_be_visible(timeout=TIMEOUT)
    assert len(page.evaluate(f"JSON.parse({READ_ANSWER}).events")) == 4
    assert problems == []
