"""The plan of a run: which peers answer which workloads, how often and for how long."""

from collections.abc import Iterator
from dataclasses import dataclass

# R2's own lists take 500 to 2,000 ms: peers for which each takes as many milliseconds longer than here.
SLOW_LISTS = {"r2-list-500ms": 500, "r2-list-2000ms": 2000}
PEERS = ("clipgraph", "naive", "node", "r2-list", "floor", "wire", *SLOW_LISTS)
READS = ("page", "wall", "video", "list")
FAR_WORKLOADS = ("page", "wall", "video")
FAR_PEERS = ("clipgraph", "naive", "node", "r2-list")
SLOW_WORKLOAD = "page"
WRITERS = ("clipgraph", "naive", "node")


@dataclass(frozen=True)
class Cell:
    """One thing that is measured."""

    workload: str
    peer: str
    is_cold: bool = False
    is_far: bool = False

    @property
    def label(self) -> str:
        """The cell in words."""
        mode = (" cold" if self.is_cold else " warm") if self.peer == "clipgraph" else ""
        return f"{self.workload}{', far away' if self.is_far else ''}: {self.peer}{mode}"


@dataclass(frozen=True)
class Plan:
    """The options of a run."""

    workloads: tuple[str, ...] = (*READS, "write")
    peers: tuple[str, ...] = PEERS
    rounds: int = 3
    clients: int = 32
    seconds: float = 1.0
    cold_requests: int = 6
    delay_ms: float = 20.0
    # Where one request takes longer, a quarter of the clients sends: they keep the server as busy.
    slow_after_seconds: float = 0.25
    # A wave that takes longer than this is not sent again in later rounds.
    last_after_seconds: float = 5.0

    @property
    def users(self) -> int:
        """How many users there must be, so that no cold request asks for what was asked for before.

        The first is the one of all warm requests; then those of a cold round, near and far.
        """
        return 1 + self.cold_requests + max(self.clients, self.cold_requests)

    def count_clients(self, request_seconds: float) -> int:
        """How many clients send at once to a server that takes so long for one request."""
        return max(2, self.clients // 4) if request_seconds > self.slow_after_seconds else self.clients

    def list_cells(self) -> list[Cell]:
        """All cells, near ones first."""
        return [*self._list_near(), *self._list_far()]

    def _list_near(self) -> Iterator[Cell]:
        for workload in self.workloads:
            for peer in self.peers:
                if peer not in SLOW_LISTS and (workload in READS or peer in WRITERS):
                    yield from _split(Cell(workload, peer))

    def _list_far(self) -> Iterator[Cell]:
        if not self.delay_ms:
            return
        for workload in self.workloads:
            for peer in self.peers:
                is_slow = peer in SLOW_LISTS and workload == SLOW_WORKLOAD
                if is_slow or (workload in FAR_WORKLOADS and peer in FAR_PEERS):
                    yield from _split(Cell(workload, peer, is_far=True))


def _split(cell: Cell) -> Iterator[Cell]:
    """The cell, and a cold one where that makes a difference: peers keep nothing between requests, as we wrote them."""
    if cell.peer == "clipgraph":
        yield Cell(cell.workload, cell.peer, is_cold=True, is_far=cell.is_far)
    yield cell
