"""One run: everything started, every answer compared, then round by round each cell measured, in turns."""

import contextlib
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.api.checks import assert_same_answers, read_cost
from benchmarks.api.dataset import load_documents, write_files
from benchmarks.api.measurement import Latency, measure_latency, measure_throughput, warm_up
from benchmarks.api.plan import Cell, Plan
from benchmarks.api.servers import Backends, Process, Server, install_node_peer
from benchmarks.api.workloads import WORKLOADS, Workload
from cli.stack import INDEXES_FILE
from embedded.endpoints import Endpoints
from embedded.r2 import BUCKET
from embedded.stack import start_stack


class Say(Protocol):
    """Tells what is being done, and how many measurements have been made since."""

    def __call__(self, text: str, done: int = 0) -> None:
        """Tells."""


@dataclass
class Measured:
    """The results of a cell's rounds."""

    latencies: list[Latency] = field(default_factory=list)
    requests_per_second: list[float] = field(default_factory=list)
    clients: int = 0
    document_reads: int | None = None
    is_done: bool = False


class Servers:
    """A process for each peer, and one more for each that is also asked from far away."""

    def __init__(self) -> None:
        self._servers: dict[tuple[str, bool], Server] = {}

    def start(self, cells: list[Cell], near: Backends, far: Backends | None, folder: Path) -> None:
        """All of them run, and will listen in a moment."""
        for name, backends in (("near", near), ("far", far)):
            if backends is None:
                continue
            (folder / name).mkdir()
            # clipgraph is always there: it is what all others' answers are held against.
            for peer in ("clipgraph", *(cell.peer for cell in cells if cell.is_far is (name == "far"))):
                if (peer, name == "far") not in self._servers:
                    self._servers[peer, name == "far"] = Server(peer, backends, folder / name)

    def find(self, cell: Cell) -> Server:
        """The server of the cell's peer."""
        return self._servers[cell.peer, cell.is_far]

    def list_for(self, workload: str, cells: list[Cell]) -> list[Server]:
        """All servers that are asked this, but the reference."""
        asked = {(cell.peer, cell.is_far) for cell in cells if cell.workload == workload}
        return [self._servers[key] for key in sorted(asked) if key != ("clipgraph", False)]

    @property
    def reference(self) -> Server:
        """The server whose answers are held to be right."""
        return self._servers["clipgraph", False]

    def restart_clipgraph(self) -> None:
        """Both of clipgraph's processes know nothing."""
        for (peer, _), server in self._servers.items():
            if peer == "clipgraph":
                server.restart()

    def stop(self) -> None:
        """None of them runs."""
        for server in self._servers.values():
            server.process.stop()


async def run(plan: Plan, folder: Path, say: Say) -> dict[Cell, Measured]:
    """The measurements, cell by cell; AnswersDifferError before anything is, where a peer answers otherwise."""
    cells = plan.list_cells()
    measured = {cell: Measured() for cell in cells}
    with _start(plan, folder, say) as servers:
        for workload in plan.workloads:
            say(f"comparing the answers to `{workload}`")
            await assert_same_answers(servers.reference, servers.list_for(workload, cells), WORKLOADS[workload])
        order = random.Random(0)  # noqa: S311  no secret; the same in every run
        for number in range(plan.rounds):
            servers.restart_clipgraph()
            # Workload by workload, so that what is compared is measured close together.
            for workload in order.sample(plan.workloads, len(plan.workloads)):
                for cell in _order_cells(cells, workload, order):
                    text = f"round {number + 1} of {plan.rounds}: {cell.label}"
                    say(text)
                    await _measure(plan, cell, servers.find(cell), measured[cell])
                    say(text, done=1)
        for cell in cells:
            if cell.peer == "clipgraph" and not cell.is_cold and cell.workload != "write":
                measured[cell].document_reads = await read_cost(servers.find(cell), WORKLOADS[cell.workload])
    return measured


def _order_cells(cells: list[Cell], workload: str, order: random.Random) -> list[Cell]:
    """A workload's cells in an order of the round's own; cold ones first, while nobody has asked yet."""
    of_workload = [cell for cell in cells if cell.workload == workload]
    order.shuffle(of_workload)
    return sorted(of_workload, key=lambda cell: not cell.is_cold)


async def _measure(plan: Plan, cell: Cell, server: Server, measured: Measured) -> None:
    workload = WORKLOADS[cell.workload]
    request_seconds = await warm_up(server, workload.make_bodies(0))
    # Throughput first: its many requests give compilers that work while a program runs what they need.
    if not cell.is_far and not measured.is_done:
        measured.clients = measured.clients or plan.count_clients(request_seconds)
        clients = _make_clients(plan, workload, is_cold=cell.is_cold)[: measured.clients]
        rate = await measure_throughput(server, clients, plan.seconds)
        measured.requests_per_second.append(rate)
        measured.is_done = measured.clients / rate > plan.last_after_seconds
    users = range(1, 1 + plan.cold_requests)
    bodies = map(workload.make_body, users) if cell.is_cold else workload.make_bodies(0)
    measured.latencies.append(await measure_latency(server, bodies, plan.seconds))


def _make_clients(plan: Plan, workload: Workload, *, is_cold: bool) -> list[Iterator[bytes]]:
    """The requests of each client. Two that write to one video would wait for each other: they have one each."""
    users = range(1 + plan.cold_requests, 1 + plan.cold_requests + plan.clients)
    if is_cold:
        return [iter([workload.make_body(user)]) for user in users]
    return [workload.make_bodies(user if workload.is_write else 0) for user in users]


@contextlib.contextmanager
def _start(plan: Plan, folder: Path, say: Say) -> Iterator[Servers]:
    """Everything runs, and Firestore and S3 hold the data."""
    with contextlib.ExitStack() as cleanup:
        say("starting Firestore and S3")
        stack = cleanup.enter_context(start_stack(folder / "data", indexes_file=INDEXES_FILE))
        say(f"loading the data of {plan.users} users of each kind")
        load_documents(stack.endpoints.firestore_host_port, list(plan.workloads), plan.users)
        write_files(folder / "data" / "r2" / BUCKET, list(plan.workloads))
        if "node" in plan.peers:
            say("installing the node peer's packages")
            install_node_peer()
        say("starting the peers")
        far = None
        if any(cell.is_far for cell in plan.list_cells()):
            far = cleanup.enter_context(move_away(stack.endpoints, plan.delay_ms, folder))
        servers = Servers()
        cleanup.callback(servers.stop)
        servers.start(plan.list_cells(), Backends(stack.endpoints), far, folder)
        yield servers


@contextlib.contextmanager
def move_away(endpoints: Endpoints, delay_ms: float, folder: Path) -> Iterator[Backends]:
    """The same Firestore and S3, a round trip of so many milliseconds away."""
    host_ports = [endpoints.firestore_host_port, endpoints.r2_endpoint_url.removeprefix("http://")]
    command = [sys.executable, "-m", "benchmarks.delay", "--milliseconds", str(delay_ms), *host_ports]
    proxy = Process("delay", command, Backends(endpoints).environment, folder)
    try:
        firestore, r2 = proxy.wait_for_ports(2)
        yield Backends(
            Endpoints(
                firestore_host_port=f"127.0.0.1:{firestore}",
                r2_endpoint_url=f"http://127.0.0.1:{r2}",
                r2_bucket=endpoints.r2_bucket,
                r2_access_key_id=endpoints.r2_access_key_id,
                r2_secret_access_key=endpoints.r2_secret_access_key,
            )
        )
    finally:
        proxy.stop()
