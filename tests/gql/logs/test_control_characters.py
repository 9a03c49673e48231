"""Control characters in what others named do not reach the terminal or the collector that shows the log."""

import subprocess
import sys
import unicodedata

import pytest

# Characters that move a cursor, set a title, and begin a line: in C0, DEL and C1.
NAMES = "\x1b[2J \x1b]0;x\x07 \x9b31m \x85 \r \x00 \x7f \u2028 \u202e"
PROGRAM = """
import logging, sys, warnings
import structlog
from gql.logs.configure import configure_logging
from settings import Settings

names = sys.stdin.read()
configure_logging(Settings(log_format=sys.argv[1]))
log = structlog.get_logger("gql.test")
log.warning("event", path=names, nested={"key": [names]}, **{"name" + names: 1})
log.warning(names)
logging.getLogger("library").warning("a library says %s", names)
warnings.warn(names)
try:
    raise ValueError(names)
except ValueError:
    log.exception("failed")
raise OSError(names)
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_log_escapes_what_others_named(log_format: str) -> None:
    """In events, values, names of values, libraries' lines, warnings, tracebacks, and the line of a crash."""
    command = [sys.executable, "-c", PROGRAM, log_format]
    done = subprocess.run(command, input=NAMES, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("[2J") >= 7
    bad = {character for character in done.stderr if unicodedata.category(character) in {"Cc", "Cf", "Zl"}}
    assert bad == {"\n"}
