"""The set-up step that brings GraphiQL's files from npm."""

import hashlib
import re
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from web import GRAPHIQL_ASSETS, GRAPHIQL_PAGE
from web.graphiql import fetch

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
PINS = fetch.read_pins()


def test_every_file_is_pinned() -> None:
    """Each has an exact version and a checksum, and a name of its own."""
    assert len({pin.name for pin in PINS}) == len(PINS)
    for pin in PINS:
        assert re.fullmatch(r"\d+\.\d+\.\d+", pin.version)
        assert re.fullmatch(r"[0-9a-f]{64}", pin.sha256)


def test_every_package_comes_with_its_licence() -> None:
    """React and React DOM share theirs."""
    assert {pin.package for pin in PINS if pin.file == "LICENSE"} == {"graphiql", "react"}


def test_the_page_asks_only_for_files_that_we_serve() -> None:
    """Every file that index.html, missing.html and main.js name is pinned or lies beside them."""
    served = {pin.name for pin in PINS} | {path.name for path in GRAPHIQL_PAGE.iterdir()}
    for page in ("index.html", "missing.html", "main.js"):
        text = (GRAPHIQL_PAGE / page).read_text(encoding="utf-8")
        asked = set(re.findall(r'"graphql/assets/([^"]+)"', text))
        assert asked
        assert asked <= served
        assert "//" not in re.sub(r"^\s*//.*|[,;] // .*", "", text, flags=re.MULTILINE)


@pytest.mark.skipif(not (GRAPHIQL_ASSETS / ".complete").exists(), reason="GraphiQL is not set up (make setup)")
def test_what_is_set_up_is_what_is_pinned() -> None:
    """The folder holds every pinned file, and nothing else."""
    found = {path.name: path for path in GRAPHIQL_ASSETS.iterdir() if path.name != ".complete"}
    sums = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()}
    assert sums == {pin.name: pin.sha256 for pin in PINS}


@needs_npm
def test_it_brings_every_file(tmp_path: Path) -> None:
    """All files are there, and the marker says so."""
    try:
        fetch.fetch(PINS, tmp_path)
    except fetch.ChangedFileError:
        raise
    except fetch.FetchError as error:
        pytest.skip(str(error))
    assert {path.name for path in tmp_path.iterdir()} == {pin.name for pin in PINS} | {".complete"}


def make_tarball(folder: Path, content: bytes) -> Path:
    """An npm package's tarball with one file, `page.js`."""
    (folder / "page.js").write_bytes(content)
    with tarfile.open(folder / "page-1.0.0.tgz", "w:gz") as archive:
        archive.add(folder / "page.js", "package/page.js")
    return folder / "page-1.0.0.tgz"


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    """One byte more is enough; so is a file that is not there at all."""
    asset = fetch.Asset("page.js", "page", "1.0.0", "page.js", hashlib.sha256(b"let a = 1").hexdigest())
    assert fetch.read_asset(asset, make_tarball(tmp_path, b"let a = 1")) == b"let a = 1"
    changed = make_tarball(tmp_path, b"let a = 1;")
    for wrong in (asset, replace(asset, file="other.js")):
        with pytest.raises(fetch.ChangedFileError, match=r"of page@1\.0\.0 is not the pinned file"):
            fetch.read_asset(wrong, changed)


def test_without_npm_it_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line of advice, no error, and no marker: the next `make` tries again."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / ".complete").touch()
    assert fetch.main(tmp_path) == 0
    assert capsys.readouterr().err.splitlines() == [
        "GraphiQL is not installed: npm is not installed. Install it (apt-get install npm) and run make setup."
    ]
    assert not (tmp_path / ".complete").exists()


@needs_npm
def test_without_a_network_it_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line as well, within seconds."""
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    assert fetch.main(tmp_path / "files") == 0
    assert capsys.readouterr().err.splitlines() == [
        "GraphiQL is not installed: npm could not reach its registry. Run make setup again once it can."
    ]
    assert not (tmp_path / "files").exists()
