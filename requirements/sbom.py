"""Writes the bill of materials of what runs, as CycloneDX JSON: `make sbom`.

Nothing in it tells when or where it was made: the same locks give the same bytes on the same Python. What depends on
what, and under which licence, is read from the packages as they are installed here.
"""

import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from itertools import groupby
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from requirements.locks import RUN, Pin, read_lock
from web.graphiql.fetch import Asset, read_pins

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "dist" / "sbom.cdx.json"


def build_bom() -> Bom:
    """clipgraph, the packages of requirements/run.txt, and those of npm whose files the GraphiQL page has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    root = Component(
        name=project["name"], version=project["version"], type=ComponentType.APPLICATION, bom_ref=project["name"]
    )
    root.licenses.add(LicenseFactory().make_from_string(project["license"]))
    packages = {pin.name: build_package(pin) for pin in read_lock(RUN) if pin.is_for_this_system}
    explorer = [build_npm_package(spec, list(files)) for spec, files in groupby(read_pins(), lambda file: file.spec)]
    bom = Bom(components=[*packages.values(), *explorer])
    bom.metadata.component = root
    edges = walk_dependencies(project["name"], project["dependencies"])
    edges[project["name"]] |= {str(component.bom_ref) for component in explorer}
    refs = {str(component.bom_ref): component.bom_ref for component in (root, *packages.values(), *explorer)}
    bom.dependencies = [
        Dependency(refs[name], [Dependency(refs[child]) for child in children]) for name, children in edges.items()
    ]
    return bom


def build_package(pin: Pin) -> Component:
    """A package of PyPI, with the hashes that are allowed for its file."""
    purl = PackageURL("pypi", name=pin.name, version=pin.version)
    component = Component(name=pin.name, version=pin.version, bom_ref=pin.name, purl=purl)
    component.licenses.update(find_licenses(pin.name))
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=sha256) for sha256 in pin.sha256s]
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION, url=XsUri(str(purl)), comment="one of these files", hashes=hashes
    )
    component.external_references.add(files)
    return component


def build_npm_package(spec: str, assets: list[Asset]) -> Component:
    """A package of npm, with those of its files that are served."""
    purl = PackageURL("npm", name=assets[0].package, version=assets[0].version)
    files = [
        Component(
            name=asset.file,
            type=ComponentType.FILE,
            bom_ref=f"{spec}/{asset.file}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=asset.sha256)],
        )
        for asset in assets
    ]
    return Component(
        name=assets[0].package, version=assets[0].version, bom_ref=f"npm:{spec}", purl=purl, components=files
    )


def find_licenses(name: str) -> Iterator[License]:
    """The licences that the installed package declares."""
    metadata: Any = distribution(name).metadata
    approved = "License :: OSI Approved :: "
    classifiers = [line for line in metadata.get_all("Classifier", ()) if line.startswith(approved)]
    if expression := metadata.get("License-Expression"):
        yield LicenseFactory().make_from_string(expression)
    elif classifiers:
        yield from (LicenseFactory().make_with_name(line.removeprefix(approved)) for line in classifiers)
    elif text := metadata.get("License"):
        # Some put the whole text there.
        yield LicenseFactory().make_from_string(text.splitlines()[0])


def walk_dependencies(root: str, requirements: list[str]) -> dict[str, set[str]]:
    """Which packages each one needs here, by name, from the root's requirements on, with the extras asked for."""
    edges: dict[str, set[str]] = {root: set()}
    todo = [(root, text, frozenset({""})) for text in requirements]
    seen = set(todo)
    while todo:
        parent, text, extras = todo.pop()
        needed = Requirement(text)
        if needed.marker and not any(needed.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        name = canonicalize_name(needed.name)
        edges[parent].add(name)
        edges.setdefault(name, set())
        wanted = frozenset({"", *needed.extras})
        new = {(name, child, wanted) for child in distribution(name).requires or ()} - seen
        seen |= new
        todo += sorted(new, key=str)
    return edges


def render(bom: Bom) -> str:
    """The JSON, valid against CycloneDX's own schema; ValueError where it is not."""
    from cyclonedx.validation.json import JsonStrictValidator  # takes seconds, for the grammars of jsonschema

    # The library would fill in both, and no two files would be alike.
    bom.serial_number = None  # type: ignore[assignment]  # optional in the schema, if not in the library
    bom.metadata.timestamp = None  # type: ignore[assignment]  # as above
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"not valid against CycloneDX 1.6: {error}")
    return f"{text}\n"


def main(target: Path = TARGET) -> int:
    """The file is there."""
    bom = build_bom()
    target.parent.mkdir(exist_ok=True)
    target.write_text(render(bom), encoding="utf-8")
    sys.stdout.write(f"{len(bom.components)} components in {target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
