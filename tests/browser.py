"""A headless Chromium for tests that need a real browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from tests.patience import PATIENCE_SECONDS

CHROMIUM = shutil.which("chromium")
TIMEOUT = 1_000 * PATIENCE_SECONDS
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


@contextmanager
def open_page(width: int = 1280, height: int = 720) -> Iterator[Page]:
    """A page of a browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        page.set_default_timeout(TIMEOUT)
        yield page
        browser.close()


def watch_console(page: Page) -> list[str]:
    """The page's errors and warnings, also those to come."""
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    return problems
