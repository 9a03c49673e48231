"""The page of docs/frontend.md: its snippets as files, compiled and bundled by its own commands."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "frontend.md"
PAGE = Path(__file__).parent / "page"
API = "http://127.0.0.1:8000/graphql"

_FENCE = re.compile(r"^`(\S+)`:\n\n```(?:js|ts|json)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_COMMANDS = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
_POLICY = re.compile(r"^Content-Security-Policy: (.*)$", re.MULTILINE)
_BUNDLE = "node bundle.js"


def read_snippets() -> dict[str, str]:
    """The files of the page, by name."""
    return dict(_FENCE.findall(DOCS.read_text(encoding="utf-8")))


def read_commands() -> tuple[list[str], str]:
    """The lines that set a page up, and the script that compiles it."""
    text = DOCS.read_text(encoding="utf-8")
    assert f"`{_BUNDLE}`" in text
    setup, build = _COMMANDS.findall(text)
    return setup.splitlines(), build


def list_packages() -> set[str]:
    """The packages that the page installs."""
    return {name for line in read_commands()[0] if line.startswith("npm install ") for name in line.split()[2:]}


def read_policy(api: str, media: str) -> str:
    """The page's Content-Security-Policy, for these origins of the API and of the files."""
    policy: str
    [policy] = _POLICY.findall(DOCS.read_text(encoding="utf-8"))
    origins = {
        "https://api.example.com": api,
        "wss://api.example.com": api.replace("http", "ws"),
        "https://ACCOUNT.r2.cloudflarestorage.com": media,
    }
    for example, origin in origins.items():
        policy = policy.replace(example, origin)
    return policy


@dataclass(frozen=True)
class Build:
    """A folder with the sources in `src/`, beside the libraries in `node_modules/`."""

    folder: Path

    def write_sources(self) -> None:
        """The snippets lie in `src/`, with what the set-up copies, and what the tests add."""
        sources = self.folder / "src"
        sources.mkdir()
        (sources / "package.json").write_text('{"type": "module"}', encoding="utf-8")
        for name, text in read_snippets().items():
            (sources / name).write_text(text, encoding="utf-8")
        shutil.copy(PAGE / "main.js", sources)
        (self.folder / "clipgraph").symlink_to(ROOT)
        for line in read_commands()[0]:
            if not line.startswith("npm install "):
                self._run(line)

    def compile_documents(self) -> Path:
        """The manifest of trusted documents, merged of both compilers'."""
        self._run(read_commands()[1])
        return self.folder / "src" / "trusted-documents.json"

    def bundle(self, api: str) -> Path:
        """A folder with the page for this address of the API."""
        client = self.folder / "src" / "api.js"
        client.write_text(client.read_text(encoding="utf-8").replace(API, api), encoding="utf-8")
        self._run(_BUNDLE)
        page = self.folder / "src" / "dist"
        for path in (PAGE / "index.html", ROOT / "web" / "graphiql" / "icon.svg"):
            shutil.copy(path, page)
        return page

    def _run(self, script: str) -> None:
        done = subprocess.run(
            ["sh", "-ec", script],
            cwd=self.folder / "src",
            env=os.environ | {"npm_config_offline": "true", "npm_config_yes": "false"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{script}:\n{done.stdout}\n{done.stderr}"
