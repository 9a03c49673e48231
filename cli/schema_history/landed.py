"""Files as they last landed: where a branch left main, or on main before the file's last change."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

MAIN_BRANCHES = ("origin/main", "main")
DEEPEN_BY = 200
"""Commits that a shallow clone fetches, where it lacks the one to compare with."""

FETCH_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class History:
    """The Git history around a folder."""

    folder: Path

    def read(self, commit: str, path: str) -> str | None:
        """A file's text at a commit; None where it did not exist."""
        return self._run("show", f"{commit}:./{path}")

    def find_landed(self, path: str) -> str | None:
        """The commit with the last landed version of the file; None without a history.

        On a branch that is where it left main; for changes that are not committed it is HEAD; on main itself it is the
        commit before the file's last change. A shallow clone fetches what it lacks.
        """
        if (found := self._find(path)) is None and self._run("rev-parse", "--is-shallow-repository") == "true\n":
            self._run("fetch", "--quiet", f"--deepen={DEEPEN_BY}", timeout_seconds=FETCH_TIMEOUT_SECONDS)
            found = self._find(path)
        return found

    def _find(self, path: str) -> str | None:
        head = self._parse("HEAD")
        if head is None:
            return None
        for branch in MAIN_BRANCHES:
            base = (self._run("merge-base", "HEAD", branch) or "").strip()
            if base and base != head:
                return base
        if self._run("diff", "--quiet", "HEAD", "--", path) is None:
            return head
        last = (self._run("log", "-1", "--format=%H", "--", path) or "").strip()
        return self._parse(f"{last}^") if last else None

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
