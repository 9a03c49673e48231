"""The page on its own origin, and the API and the browser that it meets."""

import http.server
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser import TIMEOUT
from tests.e2e.conftest import Server

WAIT = """async ([value, timeout]) => {
  const until = Date.now() + timeout;
  while (!(CHECK)) {
    if (Date.now() > until) throw new Error(JSON.stringify(snippets.summarize()));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}"""


class PageServer(http.server.ThreadingHTTPServer):
    """The page's own origin: its files, under its policy, and tokens, which it gives in turn, the last for ever."""

    folder: Path
    policy: str
    tokens: list[str]
    token_status: int = 200


class PageHandler(http.server.SimpleHTTPRequestHandler):
    """Answers one request to the page's server."""

    server: PageServer

    def do_GET(self) -> None:
        """A token, or a file."""
        if self.path != "/token":
            super().do_GET()
            return
        token = self.server.tokens.pop(0) if len(self.server.tokens) > 1 else self.server.tokens[0]
        self.send_response(self.server.token_status)
        self.end_headers()
        self.wfile.write(token.encode())

    def end_headers(self) -> None:
        """The headers, with the page's policy."""
        self.send_header("Content-Security-Policy", self.server.policy)
        super().end_headers()

    def log_message(self, format: str, *values: Any) -> None:  # noqa: A002 - its name in the library
        """Says nothing."""


@dataclass
class Stage:
    """The API, the page's server, and a page that is open."""

    api: Server
    pages: PageServer
    page: Page
    problems: list[str] = field(default_factory=list)

    def run(self, name: str, *values: Any) -> Any:
        """The answer of the page's function."""
        return self.page.evaluate("([name, values]) => snippets[name](...values)", [name, list(values)])

    def wait(self, condition: str, value: Any = None) -> None:
        """The condition holds in the page; its problems end the wait."""
        check = f"snippets.getSeen().problems.length > 0 || ({condition})"
        self.page.evaluate(WAIT.replace("CHECK", check), [value, TIMEOUT])
        assert self.run("getSeen")["problems"] == []

    def open(self) -> None:
        """The page is loaded anew."""
        self.page.goto(f"http://127.0.0.1:{self.pages.server_port}/index.html")
