"""The locked requirements, the audit against a service of our own, and the bill of materials."""

import http.server
import json
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.schema import SchemaVersion
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from requirements import audit, sbom
from requirements.locks import BUILD, DEV, RUN, read_lock
from web.graphiql.fetch import read_pins

pytestmark = pytest.mark.prove

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = {RUN: PROJECT["project"]["dependencies"], BUILD: PROJECT["dependency-groups"]["build"]}
LOCKS |= {DEV: [*LOCKS[RUN], *PROJECT["dependency-groups"]["dev"]]}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_hashed(path: Path) -> None:
    """No line is anything else: no address, no file, no range, no option."""
    pins = read_lock(path)
    assert len({(pin.name, pin.marker) for pin in pins}) == len(pins)


@pytest.mark.parametrize("line", ["a", "a>=1", "a==1", "a @ file:a", "--index-url mirror", "a==1 b"])
def test_line_that_is_not_pinned_and_hashed_is_found(tmp_path: Path, line: str) -> None:
    """A line of a lock file without a version or a hash is refused."""
    lock = tmp_path / "lock.txt"
    lock.write_text(f"{line}\n")
    with pytest.raises(ValueError, match="not pinned and hashed"):
        read_lock(lock)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_locks_hold_what_the_project_asks_for(path: Path) -> None:
    """Each dependency of pyproject.toml is there, at a version that it allows."""
    versions = {pin.name: pin.version for pin in read_lock(path)}
    for text in LOCKS[path]:
        needed = Requirement(text)
        assert needed.specifier.contains(versions[canonicalize_name(needed.name)]), text


def test_locks_agree() -> None:
    """The tools' lock has the packages that run, at the same versions."""
    tested = {(pin.name, pin.version, pin.marker) for pin in read_lock(DEV)}
    assert {(pin.name, pin.version, pin.marker) for pin in read_lock(RUN)} <= tested


class Osv(http.server.ThreadingHTTPServer):
    """A vulnerability service: what it says of each package, and which ones it fails on."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), OsvHandler)
        self.vulnerable: set[str] = {"jinja2"}
        self.broken: set[str] = set()


class OsvHandler(http.server.BaseHTTPRequestHandler):
    """OSV's `/v1/query`, with one advisory for everything."""

    server: Osv

    def do_POST(self) -> None:
        """The advisory, or nothing known."""
        name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        advisory: dict[str, Any] = {"id": "PYSEC-1", "aliases": ["CVE-1"], "schema_version": "1.6.0"}
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}]
        advisory["affected"] = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
        body = json.dumps({"vulns": [advisory]} if name in self.server.vulnerable else {}).encode()
        self.send_response(500 if name in self.server.broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@pytest.fixture
def osv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Osv]:
    """The only service that an audit asks."""
    monkeypatch.setattr(audit, "SERVICES", ("osv",))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Osv() as server:
        monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"http://127.0.0.1:{server.server_port}/v1/query")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.usefixtures("osv")
def test_audit_without_a_finding_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """It has asked for every version that any of the locks names."""
    assert audit.main() == 0
    packages = {(pin.name, pin.version) for lock in LOCKS for pin in read_lock(lock) if pin.is_for_this_system}
    assert capsys.readouterr().out == f"{len(packages)} packages audited, 0 known vulnerabilities\n"


def test_known_vulnerability_fails_the_audit(osv: Osv, capsys: pytest.CaptureFixture[str]) -> None:
    """A known vulnerability is printed and fails the audit, unless it is ignored by id."""
    osv.vulnerable.add("pluggy")
    assert audit.main(files=[BUILD]) == 1
    assert "pluggy 1.7.0: PYSEC-1, CVE-1; fixed in 99\n" in capsys.readouterr().out
    assert audit.main(["--ignore-vuln", "PYSEC-1"], files=[BUILD]) == 0


def test_nothing_is_audited_where_no_service_answers(
    osv: Osv, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is said, and does not fail; nor does a service count that knows packages and no vulnerabilities."""
    said = "not audited: no vulnerability service can be reached (osv)\n"
    osv.vulnerable.clear()
    assert (audit.main(), capsys.readouterr().out) == (0, said)
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", "http://127.0.0.1:9/v1/query")
    assert (audit.main(), capsys.readouterr().out) == (0, said)


def test_audit_that_breaks_off_fails(osv: Osv, capsys: pytest.CaptureFixture[str]) -> None:
    """The service answers, and not for one of the packages: nobody knows."""
    osv.broken.add("pluggy")
    assert audit.main(files=[BUILD]) == 1
    assert "the audit was interrupted" in capsys.readouterr().err


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The bill of materials, as it is written."""
    target = tmp_path_factory.mktemp("dist") / "sbom.cdx.json"
    assert sbom.main(target) == 0
    return json.loads(target.read_text(encoding="utf-8"))


def test_bill_of_materials_names_what_runs(bill: Any) -> None:
    """Every package of requirements/run.txt and of GraphiQL's page, and no tool; each package needed by something."""
    purls = {component["purl"] for component in bill["components"]}
    run = {f"pkg:pypi/{pin.name}@{pin.version}" for pin in read_lock(RUN) if pin.is_for_this_system}
    npm = {f"pkg:npm/{asset.spec}" for asset in read_pins()}
    assert purls == run | npm
    needed = {ref for entry in bill["dependencies"] for ref in entry.get("dependsOn", ())}
    assert needed == {component["bom-ref"] for component in bill["components"]}
    assert all(component.get("licenses") for component in bill["components"] if component["purl"] in run)


def test_bill_of_materials_is_valid_and_always_the_same(bill: Any) -> None:
    """The bill of materials is valid against CycloneDX's schema, and a second one has the same bytes."""
    from cyclonedx.validation.json import JsonStrictValidator  # as in requirements/sbom.py

    text = sbom.render(sbom.build_bom())
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert json.loads(text) == bill
    assert not {"serialNumber", "timestamp"} & {*bill, *bill["metadata"]}
    assert text == sbom.render(sbom.build_bom())


def test_broken_bill_of_materials_is_not_written() -> None:
    """A bill of materials that is not valid CycloneDX is refused."""
    bom = sbom.build_bom()
    next(iter(bom.components)).hashes.add(HashType(alg=HashAlgorithm.SHA_256, content="no hash"))
    with pytest.raises(ValueError, match="not valid against CycloneDX"):
        sbom.render(bom)
