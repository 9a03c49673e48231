"""The guided search finds what is planted, and in a short run on the real server nothing."""

import itertools
from pathlib import Path

import pytest

from tests.abuse.search import Search, serve
from tests.abuse.surfaces import SURFACES, Surface
from tests.embedded.firestore.effort import effort, tell, timeout

pytestmark = pytest.mark.prove

# Beside the seeds, some 250 texts.
USUAL_TRIES = 20


class Planted:
    """A server whose costs are known: linear, but for a run of spaces."""

    def __init__(self, power: int) -> None:
        self.power = power

    def measure(self, surface: Surface, text: bytes) -> int:
        """Ten nanoseconds a byte, and the longest run of spaces to the power."""
        del surface
        runs = [len(list(run)) for byte, run in itertools.groupby(text) if byte == 0x20]
        return 1_000_000 + 10 * len(text) + int(max(runs, default=0) ** self.power)


@pytest.mark.parametrize(("power", "is_found"), [(1, False), (2, True)])
def test_what_grows_faster_than_its_text_is_found(power: int, *, is_found: bool) -> None:
    """The search finds a planted cost that grows with a power of the text, and none where growth is linear."""
    search = Search(Planted(power), SURFACES[:1], seed=1)
    tries = itertools.count()
    findings = list(search.run(lambda: next(tries) > 3_000))
    assert (findings != []) is is_found


@timeout("ABUSE_TRIES")
def test_no_text_costs_too_much(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Searched texts on every surface find no cost that grows faster than the text."""
    with serve(tmp_path, 1, is_open=False) as server:
        search = Search(server, SURFACES, effort("ABUSE_SEED", 1))
        tries = itertools.count()
        findings = list(search.run(lambda: next(tries) > effort("ABUSE_TRIES", USUAL_TRIES)))
    tell(request, f"{sum(seen.tries for seen in search.seen.values())} texts")
    assert [finding.describe() for finding in findings if finding.reason.startswith("grows")] == []
