"""The last landed schema, in real repositories: branches, main itself, shallow clones, and none at all."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from cli.schema_history.landed import History

Commit = Callable[..., str]
SCHEMA, CHANGELOG = "schema.graphql", "CHANGELOG.md"
OLD = "type Query {\n  a: String\n  b: String\n}\n"
NEW = OLD.replace("  b: String\n", "")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose main branch has the old schema, and a later commit."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, {SCHEMA: OLD, CHANGELOG: "# Changelog\n"})
    commit(folder, {"other": "1"})
    return folder


def commit(folder: Path, files: dict[str, str]) -> str:
    """The id of a commit with these files."""
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "A change")
    return git(folder, "rev-parse", "HEAD")


def run_command(folder: Path) -> tuple[int, str]:
    """The exit code and the output of the command for a working tree."""
    result = CliRunner().invoke(main, ["schema", "changes", str(folder / SCHEMA)])
    return result.exit_code, result.output


def test_uncommitted_break_wants_a_line(repository: Path) -> None:
    """A field that goes needs a line with its name; with it, and without the change, all is well."""
    assert run_command(repository) == (0, f"There is no earlier {SCHEMA} in this clone to compare with.\n")
    (repository / SCHEMA).write_text(NEW)
    exit_code, output = run_command(repository)
    assert exit_code == 1
    assert "Field Query.b was removed." in output
    assert f"Add a line to {CHANGELOG}" in output
    (repository / CHANGELOG).write_text("# Changelog\n- The query `b` is gone.\n")
    exit_code, output = run_command(repository)
    assert (exit_code, "breaking since" in output) == (0, True)


def test_a_branch_is_compared_with_where_it_left_main(repository: Path) -> None:
    """However many commits the branch has, and main since then."""
    git(repository, "switch", "--quiet", "--create", "work")
    commit(repository, {SCHEMA: NEW})
    commit(repository, {"other": "2"})
    git(repository, "switch", "--quiet", "main")
    commit(repository, {"third": "3"})
    git(repository, "switch", "--quiet", "work")
    assert run_command(repository)[0] == 1
    commit(repository, {CHANGELOG: "# Changelog\n- `Query.b` is gone.\n"})
    assert run_command(repository)[0] == 0


def test_main_is_compared_with_the_schema_before_its_last_changes(repository: Path) -> None:
    """Also commits after it: the line may come later, and is missed until then."""
    commit(repository, {SCHEMA: NEW})
    commit(repository, {"other": "2"})
    assert run_command(repository)[0] == 1
    commit(repository, {CHANGELOG: "# Changelog\n- `b` is gone.\n"})
    assert run_command(repository)[0] == 0


def test_an_earlier_break_of_the_same_push_is_missed(repository: Path, tmp_path: Path) -> None:
    """A break wants its line also if the schema has changed since: on main, in a clone, and before the push."""
    git(tmp_path, "clone", "--quiet", repository.as_uri(), "worker")
    worker = tmp_path / "worker"
    for folder in (repository, worker):
        commit(folder, {SCHEMA: NEW})
        commit(folder, {SCHEMA: NEW + "scalar Later\n"})
    git(tmp_path, "clone", "--quiet", repository.as_uri(), "fresh")
    for folder in (repository, worker, tmp_path / "fresh"):
        exit_code, output = run_command(folder)
        assert (exit_code, output.count("breaking since")) == (1, 1), output
        assert "names each: Field Query.b was removed." in output
        commit(folder, {CHANGELOG: "# Changelog\n- `b` is gone.\n"})
        assert run_command(folder)[0] == 0


def test_a_break_that_was_taken_back_wants_no_line(repository: Path) -> None:
    """A field that went and came again breaks nobody; one that came and went needs a line."""
    commit(repository, {SCHEMA: NEW})
    commit(repository, {SCHEMA: OLD})
    assert run_command(repository) == (0, "")
    commit(repository, {SCHEMA: OLD.replace("  b", "  c: String\n  b"), CHANGELOG: "# Changelog\n- `Query.c`.\n"})
    commit(repository, {SCHEMA: OLD})
    exit_code, output = run_command(repository)
    assert (exit_code, "Field Query.c was removed." in output) == (1, True)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_shallow_clone_fetches_what_it_lacks(repository: Path, tmp_path: Path, depth: int) -> None:
    """A fresh clone of the last commits finds the same break as the whole one."""
    commit(repository, {SCHEMA: NEW})
    commit(repository, {"other": "2"})
    git(tmp_path, "clone", "--quiet", f"--depth={depth}", repository.as_uri(), "shallow")
    assert run_command(tmp_path / "shallow") == run_command(repository)
    assert run_command(repository)[0] == 1


def test_without_a_history_nothing_is_compared(tmp_path: Path, repository: Path) -> None:
    """Outside of Git, and in a shallow clone whose origin is gone, the command says so and passes."""
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.as_uri(), "alone")
    repository.rename(tmp_path / "gone")
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / SCHEMA).write_text(NEW)
    for folder in (plain, tmp_path / "alone"):
        assert History(folder).list_landed(SCHEMA) == []
        exit_code, output = run_command(folder)
        assert (exit_code, "no earlier" in output) == (0, True)
