"""Asks a vulnerability service about every locked version, by pip-audit: `make audit`.

pip-audit alone says "no known vulnerabilities" where an index knows packages and no advisories, as mirrors do. So each
service is asked first about a version that is known to be vulnerable, and believed only if it knows that. Where none
does, nothing was audited, and this is said, not failed: a network may be shut. A finding always fails.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from requirements.locks import BUILD, DEV, RUN

SERVICES = ("pypi", "osv")
KNOWN_TO_BE_VULNERABLE = "jinja2==2.4.1"
REQUEST_TIMEOUT_SECONDS = 5
# pip-audit asks for one package after the other, and a slow service may use its time each time.
TIMEOUT_SECONDS = 60
CANARY_TIMEOUT_SECONDS = 10


def run_pip_audit(
    service: str, files: Sequence[Path], options: Sequence[str] = (), *, timeout_seconds: float = TIMEOUT_SECONDS
) -> list[dict[str, Any]]:
    """The known vulnerabilities of each requirement; RuntimeError with the reason where it did not answer for all."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", service, "--format", "json"]
    command += ["--disable-pip", "--no-deps", "--progress-spinner", "off", "--timeout", str(REQUEST_TIMEOUT_SECONDS)]
    command += [part for file in files for part in ("--requirement", str(file))]
    try:
        done = subprocess.run(  # noqa: S603  # pip-audit itself, on our own files
            [*command, *options], capture_output=True, text=True, check=False, timeout=timeout_seconds
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"it took more than {timeout_seconds} s") from None
    if not done.stdout:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it ended without output"])[-1])
    dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    return dependencies


def check_answers(service: str) -> bool:
    """Whether the service can be reached, and knows vulnerabilities."""
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder, "canary.txt")
        canary.write_text(f"{KNOWN_TO_BE_VULNERABLE}\n", encoding="utf-8")
        try:
            dependencies = run_pip_audit(service, [canary], timeout_seconds=CANARY_TIMEOUT_SECONDS)
        except RuntimeError:
            return False
    return any(found.get("vulns") for found in dependencies)


def report(dependencies: Sequence[dict[str, Any]]) -> int:
    """The exit code, 1 with a finding; each finding, and what the service does not know, is printed."""
    findings = [(found, vulnerability) for found in dependencies for vulnerability in found.get("vulns", ())]
    for found, vulnerability in findings:
        names = ", ".join([vulnerability["id"], *vulnerability["aliases"]])
        fixes = ", ".join(vulnerability["fix_versions"]) or "no version yet"
        sys.stdout.write(f"{found['name']} {found['version']}: {names}; fixed in {fixes}\n")
    for found in dependencies:
        if "skip_reason" in found:
            sys.stdout.write(f"not audited: {found['skip_reason']}\n")
    audited = sum("skip_reason" not in found for found in dependencies)
    sys.stdout.write(f"{audited} packages audited, {len(findings)} known vulnerabilities\n")
    return int(bool(findings))


def main(options: Sequence[str] = (), files: Sequence[Path] = (RUN, DEV, BUILD)) -> int:
    """The exit code: 0 without a finding or without a service, 1 with a finding or where the audit broke off."""
    service = next(filter(check_answers, SERVICES), None)
    if service is None:
        return tell_unreachable()
    try:
        return report(run_pip_audit(service, files, options))
    except RuntimeError as error:
        if not check_answers(service):
            return tell_unreachable()
        sys.stderr.write(f"the audit was interrupted: {error}\n")
        return 1


def tell_unreachable() -> int:
    """The exit code of an audit that nobody could make."""
    sys.stdout.write(f"not audited: no vulnerability service can be reached ({', '.join(SERVICES)})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
