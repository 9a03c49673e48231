"""GraphiQL's page in a real browser, over a tiny schema: `tests/e2e/` opens it on the real server."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import strawberry
from playwright.async_api import Page, Route, async_playwright

from demo import BUCKET
from tests.patience import PATIENCE_SECONDS
from web import GRAPHIQL_ASSETS, GRAPHIQL_PAGE, GRAPHIQL_STYLE_HASH

CHROMIUM = Path("/usr/bin/chromium")
ORIGIN = "http://clipgraph.test"
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' '{GRAPHIQL_STYLE_HASH}'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
THUMBNAILS = sorted(BUCKET.glob("demo/*/clips/*_left_focus.jpg"))
WAIT_FOR_STORAGE = """word => new Promise(done => {
  const look = () => JSON.stringify(localStorage).includes(word) ? done() : setTimeout(look, 50);
  look();
})"""  # Playwright's own wait_for_function needs eval, which the policy forbids
pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed (apt-get install chromium)"),
    pytest.mark.skipif(not (GRAPHIQL_ASSETS / ".complete").exists(), reason="GraphiQL is not set up (make setup)"),
]


@strawberry.type
class Clip:
    """As much of a clip as the page looks at."""

    title: str
    thumbnail_url: str


@strawberry.type
class Query:
    """A schema with clips."""

    @strawberry.field
    def clips(self) -> list[Clip]:
        """The demo bucket's thumbnails."""
        return [Clip(title=path.stem, thumbnail_url=f"/thumbnails/{path.name}") for path in THUMBNAILS]


SCHEMA = strawberry.Schema(Query)


async def answer(route: Route) -> None:
    """Every request of the browser ends here, so none leaves this process."""
    request = route.request
    path = urlsplit(request.url).path
    if request.method == "POST":
        asked = json.loads(request.post_data or "{}")
        result = await SCHEMA.execute(asked["query"], operation_name=asked.get("operationName"))
        await route.fulfill(json={"data": result.data} | ({"errors": [str(result.errors)]} if result.errors else {}))
    elif path in {"/graphql", "/missing"}:
        page = GRAPHIQL_PAGE / ("index.html" if path == "/graphql" else "missing.html")
        await route.fulfill(path=page, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})
    else:
        name = Path(path).name
        folders = (GRAPHIQL_ASSETS, GRAPHIQL_PAGE, THUMBNAILS[0].parent)
        found = next((folder / name for folder in folders if (folder / name).is_file()), None)
        await (route.abort() if found is None else route.fulfill(path=found))


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page of a browser without a network; console errors and refused requests fail the test."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = await browser.new_page()
        page.set_default_timeout(1_000 * PATIENCE_SECONDS)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        await page.route("**/*", answer)
        yield page
        await browser.close()
    assert complaints == []


async def test_it_opens_with_the_wall(page: Page) -> None:
    """The editor holds wall.graphql, ready to run."""
    await page.goto(f"{ORIGIN}/graphql")
    await page.wait_for_selector(".graphiql-execute-button")
    editor = await page.locator(".graphiql-query-editor .CodeMirror").evaluate("it => it.CodeMirror.getValue()")
    assert editor.strip() == (GRAPHIQL_PAGE / "wall.graphql").read_text(encoding="utf-8").strip()


async def test_an_answers_thumbnails_are_shown(page: Page) -> None:
    """Each picture of the answer is loaded and shown below the editor, under the clip's title."""
    await page.goto(f"{ORIGIN}/graphql")
    await page.locator(".graphiql-query-editor .CodeMirror").evaluate(
        "it => it.CodeMirror.setValue('query Wall { clips { title thumbnailUrl } }')"
    )
    await page.click(".graphiql-execute-button")
    pictures = page.locator("#strip img")
    await pictures.last.wait_for()
    assert await pictures.evaluate_all("all => all.map(it => it.alt)") == [path.stem for path in THUMBNAILS]
    await pictures.evaluate_all("all => Promise.all(all.map(it => it.decode()))")
    shown = await page.locator(".result-window .CodeMirror").evaluate("it => it.CodeMirror.getValue()")
    assert len(json.loads(shown)["data"]["clips"]) == len(THUMBNAILS)


@pytest.mark.parametrize("button", ["Open settings dialog", "Open short keys dialog", "Show Documentation Explorer"])
async def test_every_part_works_under_the_strict_policy(page: Page, button: str) -> None:
    """Dialogs add the one inline style whose hash is known; anything else would be a console error."""
    await page.goto(f"{ORIGIN}/graphql")
    await page.click(f"[aria-label='{button}']")
    await page.wait_for_selector("[role=dialog], .graphiql-doc-explorer")


async def test_headers_are_not_kept(page: Page) -> None:
    """A token typed into the headers' editor is in no storage of the browser."""
    await page.goto(f"{ORIGIN}/graphql")
    for editor, typed in (("Headers", '{"Authorization": "secret-word"'), ("Variables", '{"last": "last-word"')):
        await page.click(f"text={editor}")
        await page.click(".graphiql-editor-tool .CodeMirror >> visible=true")
        await page.keyboard.type(typed)
    await page.evaluate(WAIT_FOR_STORAGE, "last-word")
    assert "secret-word" not in await page.evaluate("JSON.stringify([localStorage, sessionStorage])")


async def test_the_page_for_what_is_missing_says_what_to_do(page: Page) -> None:
    """It stands on its own, and names npm and the command."""
    await page.goto(f"{ORIGIN}/missing")
    text = await page.inner_text("main")
    assert "npm" in text
    assert "make setup" in text
