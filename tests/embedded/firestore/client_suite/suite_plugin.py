"""A pytest plugin for the client's suite: nothing is skipped, and each test's outcome is written down."""

import json
import os
from pathlib import Path

import pytest


class Outcomes:
    """The outcome of each test by its id: passed, failed or skipped."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._outcomes: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """No test has a mark any more that skips it, be it on emulators or everywhere."""
        for item in items:
            for node in item.listchain():
                node.own_markers[:] = [mark for mark in node.own_markers if mark.name not in {"skip", "skipif"}]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A failure in any phase counts; subtests, which check pipelines and skip themselves, only where they fail."""
        is_subtest = type(report) is not pytest.TestReport
        if report.failed or (not is_subtest and report.when == "call"):
            known = self._outcomes.get(report.nodeid)
            self._outcomes[report.nodeid] = "failed" if known == "failed" else report.outcome

    def pytest_sessionfinish(self) -> None:
        """The outcomes are in the file."""
        self._file.write_text(json.dumps(self._outcomes), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Registered for this run."""
    config.pluginmanager.register(Outcomes(Path(os.environ["CLIENT_SUITE_OUTCOMES"])))
