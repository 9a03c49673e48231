"""Breaks a server of ours, one small way after the other, in a copy, and runs the test that has to notice."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = (
    "embedded",
    "tests/clocks.py",
    "tests/conftest.py",
    "tests/patience.py",
    "pyproject.toml",
    "firestore.indexes.json",
)
TEST_TIMEOUT_SECONDS = 180  # a thousand writes take half a minute where others use the machine
RUN_TIMEOUT_SECONDS = 1200
PASSED, FAILED = 0, 1  # pytest's exit codes; others mean that no test has judged


@dataclass(frozen=True)
class Mutant:
    """One fault: the text that is replaced in a file of the server, and the test that notices."""

    name: str
    fault: str
    file: str
    old: str
    new: str
    test: str


@dataclass(frozen=True)
class Subject:
    """A server below `package`, and its tests below `tests`; `copied` is what else they need."""

    package: str
    tests: str
    mutants: Sequence[Mutant]
    copied: Sequence[str] = ()

    def run(self, words: list[str]) -> int:
        """Prints the table of the mutants with one of the words in their names, or of all; returns the exit code."""
        chosen = [mutant for mutant in self.mutants if not words or any(word in mutant.name for word in words)]
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            copy = Path(folder)
            self._copy_code(copy)
            tests = list(dict.fromkeys(mutant.test for mutant in chosen))
            if self._run_tests(copy, tests, expected={PASSED}) != PASSED:
                return 1
            tell("| mutant | fault | test that catches it | caught |\n| --- | --- | --- | --- |")
            outcomes = [self._report(copy, mutant) for mutant in chosen]
        return 0 if all(outcomes) else 1

    def _copy_code(self, copy: Path) -> None:
        """Copies what the tests need to a folder of its own."""
        for name in (*SHARED, self.tests, *self.copied):
            source, target = ROOT / name, copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                shutil.copy(source, target)

    def _report(self, copy: Path, mutant: Mutant) -> bool:
        """Prints a mutant's row; True if it was caught."""
        is_caught = self._check_noticed(copy, mutant)
        tell(f"| {mutant.name} | {mutant.fault} | `{mutant.test}` | {'yes' if is_caught else 'no'} |")
        return is_caught

    def _check_noticed(self, copy: Path, mutant: Mutant) -> bool:
        """Whether the mutant's test fails with the fault in the copy, which is whole again afterwards."""
        file = copy / self.package / mutant.file
        text = file.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            sys.stderr.write(f"{mutant.name}: {mutant.file} does not hold the text to replace exactly once\n")
            return False
        file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        try:
            return self._run_tests(copy, [mutant.test], expected={PASSED, FAILED}) == FAILED
        finally:
            file.write_text(text, encoding="utf-8")

    def _run_tests(self, copy: Path, tests: list[str], expected: set[int]) -> int:
        """Pytest's exit code for tests that run in the copy, on its code; what is not expected is shown."""
        options = ["-q", "--exitfirst", "--timeout", str(TEST_TIMEOUT_SECONDS), "-p", "no:cacheprovider"]
        command = [sys.executable, "-m", "pytest", *options, *(f"{self.tests}/{test}" for test in tests)]
        # Files of bytecode are told apart by the second and the size, which a mutant may share with what it replaces.
        environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("FIRESTORE_EMULATOR_HOST", None)
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=RUN_TIMEOUT_SECONDS, check=False
        )
        if done.returncode not in expected:
            sys.stderr.write(done.stdout + done.stderr)
        return done.returncode


def tell(line: str) -> None:
    """Writes a line of the table at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
