"""The page of docs/frontend.md: its snippets as files, compiled and bundled as a frontend's build does."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "frontend.md"
PAGE = Path(__file__).parent / "page"
API = "http://127.0.0.1:8000/graphql"

_FENCE = re.compile(r"^```(?:js|ts|json)\n// (\S+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_TAG = re.compile(r"graphql`\s*\w+ (\w+).*?`", re.DOTALL)
_POLICY = re.compile(r"^Content-Security-Policy: (.*?)^```", re.DOTALL | re.MULTILINE)


def read_snippets() -> dict[str, str]:
    """The files of the page, by name."""
    return dict(_FENCE.findall(DOCS.read_text(encoding="utf-8")))


def read_policy(api: str, media: str) -> str:
    """The page's Content-Security-Policy, for these origins of the API and of the files."""
    [policy] = _POLICY.findall(DOCS.read_text(encoding="utf-8"))
    origins = {
        "https://api.example.com": api,
        "wss://api.example.com": api.replace("http", "ws"),
        "https://ACCOUNT.r2.cloudflarestorage.com": media,
    }
    for example, origin in origins.items():
        policy = policy.replace(example, origin)
    return " ".join(policy.split())


@dataclass(frozen=True)
class Build:
    """A folder with the sources in `src/`, beside the libraries in `node_modules/`."""

    folder: Path

    def write_sources(self) -> None:
        """The snippets lie in `src/`, with the schema, the possible types, and what the tests add."""
        sources = self.folder / "src"
        sources.mkdir()
        (sources / "package.json").write_text('{"type": "module"}', encoding="utf-8")
        for name, text in read_snippets().items():
            (sources / name).write_text(text, encoding="utf-8")
        for path in (ROOT / "schema.graphql", ROOT / "possible-types.json", PAGE / "main.js"):
            shutil.copy(path, sources)

    def compile_documents(self) -> Path:
        """The manifest of trusted documents, as both compilers write it."""
        subprocess.run(["node", "introspection.js"], cwd=self.folder / "src", check=True, timeout=PATIENCE_SECONDS)
        self._run("graphql-codegen", "--config", "codegen.ts")
        (self.folder / "src" / "persisted-documents.json").write_text("{}", encoding="utf-8")
        self._run("relay-compiler", "relay.config.json")
        manifests = ("gql/persisted-documents.json", "persisted-documents.json")
        texts = [json.loads((self.folder / "src" / name).read_text(encoding="utf-8")) for name in manifests]
        manifest = self.folder / "trusted-documents.json"
        manifest.write_text(json.dumps(texts[0] | texts[1]), encoding="utf-8")
        return manifest

    def bundle(self, api: str) -> Path:
        """A folder with the page for this address of the API."""
        self._replace("api.js", lambda text: text.replace(API, api))
        # As babel-plugin-relay does.
        self._replace("relay.js", lambda text: _TAG.sub(r'require("./__generated__/\1.graphql.js")', text))
        page = self.folder / "page"
        page.mkdir()
        for path in (PAGE / "index.html", ROOT / "web" / "graphiql" / "icon.svg"):
            shutil.copy(path, page)
        options = ("--bundle", "--format=iife", "--global-name=snippets", f"--outfile={page / 'main.js'}")
        # Libraries warn in development only.
        self._run("esbuild", "main.js", *options, '--define:process.env.NODE_ENV="development"', "--log-level=warning")
        return page

    def _replace(self, name: str, change: Callable[[str], str]) -> None:
        path = self.folder / "src" / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.folder / "node_modules" / ".bin" / program), *arguments]
        done = subprocess.run(
            command, cwd=self.folder / "src", capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
        assert done.returncode == 0, f"{program}:\n{done.stdout}\n{done.stderr}"
