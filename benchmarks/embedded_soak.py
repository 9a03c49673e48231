"""Do the embedded Firestore's files and memory stay flat? Clients read, write, query and transact all along.

`make bench-embedded-soak`, or `python -m benchmarks.embedded_soak --seconds 600`. Each client has a full
collection of its own, does something every `--interval` seconds, so that the rate is the same all along, and increments
a counter of all in optimistic transactions. Past versions are kept for `--history-seconds`. The claims: once that time
is over, a line through the file's size, and one through the
memory, rises by less than 5 %, and the log stays below 100 MiB. The exit code is 1 where one of them does not hold.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore import AsyncClient, AsyncTransaction, FieldFilter, Increment

from benchmarks.startup import read_memory
from embedded.firestore.store.storage import FILE_NAME

CLIENTS = 20
DOCUMENTS = 200  # of a client
SAMPLES = 60
TEXT_BYTES = 2000
SETTLED_AFTER = 1.2  # times the history: what is past its time goes within a minute
MAX_GROWTH = 0.05
MAX_LOG_MIB = 100
MIB = 1024 * 1024


@dataclass(frozen=True)
class Sample:
    """The measurements at a time after the begin."""

    seconds: float
    file_mib: float
    log_mib: float
    memory_mib: float
    operations: int


class Soak:
    """A run: clients at work, and samples of the server."""

    def __init__(self, host_port: str, file: Path, pid: int, seconds: float, interval_seconds: float) -> None:
        self._host_port = host_port
        self._file = file
        self._pid = pid
        self._seconds = seconds
        self._interval_seconds = interval_seconds
        self._operations = 0
        self._began_at = time.monotonic()
        self.samples: list[Sample] = []
        self.largest_log_mib = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() - self._began_at > self._seconds

    async def run(self, clients: int) -> None:
        """All clients have worked until the time was up."""
        os.environ["FIRESTORE_EMULATOR_HOST"] = self._host_port
        for number in range(clients):
            await _fill(f"c{number}")
        self._began_at = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(clients):
                tasks.create_task(self._work(number))
            await self._measure()

    async def _measure(self) -> None:
        while not self.is_over:
            sample = self._take_sample()
            self.largest_log_mib = max(self.largest_log_mib, sample.log_mib)
            if sample.seconds >= len(self.samples) * self._seconds / SAMPLES:
                self.samples.append(sample)
            await asyncio.sleep(0.5)

    def _take_sample(self) -> Sample:
        return Sample(
            time.monotonic() - self._began_at,
            _read_mib(self._file),
            _read_mib(self._file.with_name(f"{FILE_NAME}-wal")),
            read_memory(Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")),
            self._operations,
        )

    async def _work(self, number: int) -> None:
        client: Any = AsyncClient(project="soak", credentials=AnonymousCredentials())
        dice = random.Random(number)  # noqa: S311  no secret
        actions = [_write, _write, _merge, _delete, _read, _query, _write_batch, _increment]
        while not self.is_over:
            next_at = time.monotonic() + self._interval_seconds
            await dice.choice(actions)(client, f"c{number}", dice)
            self._operations += 1
            await asyncio.sleep(max(next_at - time.monotonic(), 0))
        client.close()


async def _fill(collection: str) -> None:
    client: Any = AsyncClient(project="soak", credentials=AnonymousCredentials())
    batch = client.batch()
    dice = random.Random(collection)  # noqa: S311  no secret
    for number in range(DOCUMENTS):
        batch.set(client.document(f"{collection}/{number}"), _make_fields(dice))
    await batch.commit()
    client.close()


async def _write(client: Any, collection: str, dice: random.Random) -> None:
    await client.document(_choose(collection, dice)).set(_make_fields(dice))


async def _merge(client: Any, collection: str, dice: random.Random) -> None:
    fields = {"n": Increment(1), "at": firestore.SERVER_TIMESTAMP}
    await client.document(_choose(collection, dice)).set(fields, merge=True)


async def _delete(client: Any, collection: str, dice: random.Random) -> None:
    await client.document(_choose(collection, dice)).delete()


async def _read(client: Any, collection: str, dice: random.Random) -> None:
    await client.document(_choose(collection, dice)).get()


async def _query(client: Any, collection: str, dice: random.Random) -> None:
    query = client.collection(collection).where(filter=FieldFilter("n", ">", dice.randrange(1000)))
    await query.order_by("n").limit(20).get()


async def _write_batch(client: Any, collection: str, dice: random.Random) -> None:
    batch = client.batch()
    for _ in range(10):
        batch.set(client.document(_choose(collection, dice)), _make_fields(dice))
    await batch.commit()


async def _increment(client: Any, collection: str, dice: random.Random) -> None:
    del collection, dice
    counter = client.document("counters/all")

    @firestore.async_transactional
    async def run(transaction: AsyncTransaction) -> None:
        snapshot = await counter.get(transaction=transaction)
        transaction.set(counter, {"n": (snapshot.to_dict() or {"n": 0})["n"] + 1})

    await run(client.transaction())


def _choose(collection: str, dice: random.Random) -> str:
    return f"{collection}/{dice.randrange(DOCUMENTS)}"


def _make_fields(dice: random.Random) -> dict[str, Any]:
    return {"n": dice.randrange(1000), "text": dice.randbytes(TEXT_BYTES // 2).hex(), "tags": ["a", str(dice.random())]}


def _read_mib(file: Path) -> float:
    return file.stat().st_size / MIB if file.exists() else 0.0


def report(soak: Soak, history_seconds: int) -> bool:
    """Prints the samples, and tells whether the claims hold."""
    print("| seconds | operations | file | log | memory |\n| ---: | ---: | ---: | ---: | ---: |")
    for sample in soak.samples[:: max(1, len(soak.samples) // 12)]:
        print(
            f"| {sample.seconds:.0f} | {sample.operations:,} | {sample.file_mib:.1f} MiB | {sample.log_mib:.1f} MiB"
            f" | {sample.memory_mib:.1f} MiB |"
        )
    settled = [sample for sample in soak.samples if sample.seconds > history_seconds * SETTLED_AFTER]
    print(f"\nThe log held at most {soak.largest_log_mib:.1f} MiB (claimed: less than {MAX_LOG_MIB}).")
    if len(settled) < SAMPLES // 4:
        print("Too short to tell whether file and memory are flat.")
        return soak.largest_log_mib < MAX_LOG_MIB
    growths = {
        "file": _measure_growth([sample.file_mib for sample in settled]),
        "memory": _measure_growth([sample.memory_mib for sample in settled]),
    }
    for name, growth in growths.items():
        print(f"From second {settled[0].seconds:.0f} on, the {name} grew by {growth:.1%} (claimed: below 5 %).")
    return soak.largest_log_mib < MAX_LOG_MIB and all(growth < MAX_GROWTH for growth in growths.values())


def _measure_growth(sizes: list[float]) -> float:
    slope, begin = statistics.linear_regression(range(len(sizes)), sizes)
    return slope * len(sizes) / begin


@contextmanager
def serve(data_dir: Path, history_seconds: int) -> Iterator[tuple[str, int]]:
    """The address and the process id of a server that is optimistic by default; it has ended on the way out."""
    command = [sys.executable, "-m", "embedded.firestore", "--data-dir", str(data_dir), "--optimistic"]
    command += ["--history-seconds", str(history_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["host_port"], process.pid
        finally:
            process.terminate()


def main() -> int:
    """Measures and reports; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedded_soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between what a client does; %(default)s")
    parser.add_argument("--history-seconds", type=int, default=300)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="firestore-soak-") as folder:
        data_dir = Path(folder)
        with serve(data_dir, arguments.history_seconds) as (host_port, pid):
            soak = Soak(host_port, data_dir / FILE_NAME, pid, arguments.seconds, arguments.interval)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(soak.run(arguments.clients))
    return 0 if report(soak, arguments.history_seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
