"""The claims that must hold: each is a ratio of two numbers of one run, and its limit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.signatures import SigningTimes


class Numbers(Protocol):
    """The numbers of a cell."""

    @property
    def workload(self) -> str:
        """The workload."""

    @property
    def peer(self) -> str:
        """The peer."""

    @property
    def is_cold(self) -> bool:
        """Whether for the first time."""

    @property
    def is_far(self) -> bool:
        """Whether from far away."""

    @property
    def p50_ms(self) -> float:
        """The median."""

    @property
    def cpu_ms(self) -> float:
        """Processor time a request."""

    @property
    def requests_per_second(self) -> float | None:
        """With all clients at once."""

    @property
    def document_reads(self) -> int | None:
        """The operations that Firestore bills."""


Pick = Callable[[Sequence[Numbers]], float | None]


@dataclass(frozen=True)
class Claim:
    """A claim: the measured number is at least the limit, or at most."""

    text: str
    limit: float
    measure: Pick
    is_upper: bool = False

    @property
    def wanted(self) -> str:
        """The limit in words."""
        return f"at {'most' if self.is_upper else 'least'} {self.limit:g}"

    def check(self, measured: float) -> bool:
        """Whether it holds."""
        return measured <= self.limit if self.is_upper else measured >= self.limit


def _find(
    numbers: Sequence[Numbers], workload: str, peer: str, *, is_cold: bool = False, is_far: bool = False
) -> Numbers | None:
    wanted = workload, peer, is_cold, is_far
    return next((one for one in numbers if (one.workload, one.peer, one.is_cold, one.is_far) == wanted), None)


def _times_throughput(workload: str, peer: str, *, is_cold: bool = False) -> Pick:
    def measure(numbers: Sequence[Numbers]) -> float | None:
        own, other = _find(numbers, workload, "clipgraph", is_cold=is_cold), _find(numbers, workload, peer)
        if own is None or other is None or not own.requests_per_second or not other.requests_per_second:
            return None
        return own.requests_per_second / other.requests_per_second

    return measure


def _times_cpu(workload: str, peer: str) -> Pick:
    def measure(numbers: Sequence[Numbers]) -> float | None:
        own, other = _find(numbers, workload, "clipgraph"), _find(numbers, workload, peer)
        return None if own is None or other is None or not other.cpu_ms else own.cpu_ms / other.cpu_ms

    return measure


def _times_far_p50(workload: str, peer: str) -> Pick:
    def measure(numbers: Sequence[Numbers]) -> float | None:
        own = _find(numbers, workload, "clipgraph", is_cold=True, is_far=True)
        other = _find(numbers, workload, peer, is_far=True)
        return None if own is None or other is None else other.p50_ms / own.p50_ms

    return measure


def _reads(workload: str) -> Pick:
    def measure(numbers: Sequence[Numbers]) -> float | None:
        own = _find(numbers, workload, "clipgraph")
        return None if own is None else own.document_reads

    return measure


def list_claims(signing: SigningTimes) -> list[Claim]:
    """All claims; that of signing is about one number, whatever else was measured."""
    return [*_CLAIMS, Claim("signing: boto3's time, in clipgraph's", 30, lambda _: signing.ratio)]


_CLAIMS = (
    Claim("wall, warm: times naive's throughput", 40, _times_throughput("wall", "naive")),
    Claim("wall, cold: times naive's throughput", 8, _times_throughput("wall", "naive", is_cold=True)),
    Claim("page, cold: times node's throughput", 8, _times_throughput("page", "node", is_cold=True)),
    Claim("page, warm: times node's throughput", 25, _times_throughput("page", "node")),
    Claim("wall, warm: times floor's CPU a request", 2.5, _times_cpu("wall", "floor"), is_upper=True),
    Claim("page, cold, far away: r2-list's p50, in clipgraph's", 3, _times_far_p50("page", "r2-list")),
    Claim("the same, each list 500 ms longer", 5, _times_far_p50("page", "r2-list-500ms")),
    Claim("the same, each list 2,000 ms longer", 5, _times_far_p50("page", "r2-list-2000ms")),
    Claim("page, warm: documents read", 21, _reads("page"), is_upper=True),
    Claim("write: times naive's throughput", 3, _times_throughput("write", "naive")),
)
