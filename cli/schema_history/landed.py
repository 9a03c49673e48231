"""Files as they landed: where a branch left main, or on main before each of the file's last changes."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

MAIN_BRANCHES = ("origin/main", "main")
DEEPEN_BY = 200
"""Commits that a shallow clone fetches, where it lacks the one to compare with."""

MAX_CHANGES = 7
"""How many changes of a file on main are looked at: a push may have several."""

FETCH_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class History:
    """The Git history around a folder."""

    folder: Path

    def read(self, commit: str, path: str) -> str | None:
        """A file's text at a commit; None where it did not exist."""
        return self._run("show", f"{commit}:./{path}")

    def list_landed(self, path: str) -> list[str]:
        """The commits with landed versions of the file, the newest first; none without a history.

        On a branch that is where it left main; on main itself HEAD, if the file has changes that are not committed, and
        the commits before the file's last changes. A shallow clone fetches what it lacks.
        """
        found = self._list(path)
        if None in found and self._run("rev-parse", "--is-shallow-repository") == "true\n":
            self._run("fetch", "--quiet", f"--deepen={DEEPEN_BY}", timeout_seconds=FETCH_TIMEOUT_SECONDS)
            found = self._list(path)
        return [commit for commit in found if commit is not None]

    def _list(self, path: str) -> list[str | None]:
        """As above, with None for each commit that the clone lacks; the file's first version has none before it."""
        head = self._parse("HEAD")
        if head is None:
            return []
        if base := self._find_base(head):
            return [base]
        changes = (self._run("log", f"-{MAX_CHANGES}", "--format=%H", "--", path) or "").split()
        is_changed = self._run("diff", "--quiet", "HEAD", "--", path) is None
        return [*([head] if is_changed else []), *(self._parse(f"{commit}^") for commit in changes)]

    def _find_base(self, head: str) -> str | None:
        """Where the branch left main; None on main."""
        bases = ((self._run("merge-base", "HEAD", branch) or "").strip() for branch in MAIN_BRANCHES)
        return next((base for base in bases if base and base != head), None)

    def _parse(self, revision: str) -> str | None:
        found = self._run("rev-parse", "--quiet", "--verify", f"{revision}^{{commit}}")
        return None if found is None else found.strip()

    def _run(self, *arguments: str, timeout_seconds: float | None = None) -> str | None:
        """The output of a Git command; None where it fails, or there is no Git."""
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        try:
            done = subprocess.run(  # noqa: S603  Git itself, on our own files
                ["git", *arguments],  # noqa: S607  as it is found on the path
                cwd=self.folder,
                env=environment,
                capture_output=True,
                timeout=timeout_seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.decode(errors="replace") if done.returncode == 0 else None
