"""How much a proof does: a little in `make prove`, and all of it where the environment asks for it."""

import os

import pytest

from tests.patience import HANG_SECONDS


def effort(variable: str, usual: int) -> int:
    """How many steps, rounds or requests to do: CLIPGRAPH_{variable}, or the usual number."""
    return int(os.environ.get(f"CLIPGRAPH_{variable}", usual))


def is_full(variable: str) -> bool:
    """Whether the environment has asked for its own number."""
    return f"CLIPGRAPH_{variable}" in os.environ


def timeout(variable: str) -> pytest.MarkDecorator:
    """Marks a test that may take two hours where the environment asks for more than usual."""
    return pytest.mark.timeout(7200 if is_full(variable) else HANG_SECONDS)


def tell(request: pytest.FixtureRequest, text: str) -> None:
    """Writes a line of numbers to the terminal, whether the test passes or not."""
    manager = request.config.pluginmanager
    reporter, capture = manager.get_plugin("terminalreporter"), manager.get_plugin("capturemanager")
    if reporter is not None and capture is not None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(f"{request.node.name}: {text}")
