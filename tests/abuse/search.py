"""A guided search for text that costs too much: what costs most for its length is kept, and changed further.

`nice -n 19 python -m tests.abuse.search --seconds 3600 --seed 1 --out found.jsonl` runs it against a server of its own,
which tells callers apart and does not tell them its schema; with `--open` against one that trusts everybody. What an
input costs is what the kernel counted for the server's main thread, the least of several times.
"""

import argparse
import base64
import collections
import contextlib
import json
import math
import os
import random
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gql.authentication.api_keys import make_api_key
from tests.abuse.conftest import Target, start_target
from tests.abuse.surfaces import HANDSHAKE, SURFACES, Surface, change

MAX_NANOSECONDS = 10_000_000
MAX_NANOSECONDS_PER_BYTE = 2_000
# What four times the text may cost: the geometric mean of linear (4) and quadratic (16).
MAX_GROWTH = 8
STRETCH = 4
KEPT_PER_SIZE = 6
# From here on it is looked at whether a cost grows faster than its text.
WORTH_STRETCHING_NANOSECONDS = 3_000_000
# What has not been answered by then was never going to be: half a request, or a socket that waits.
ANSWER_SECONDS = 12

Measure = Callable[[Surface, bytes], int]


class Server(Protocol):
    """The target of the inputs."""

    def measure(self, surface: Surface, text: bytes) -> int:
        """The nanoseconds of CPU that the text costs."""


class RealServer:
    """`clipgraph serve` as a process; every request comes from another address, so that none is refused for its own."""

    def __init__(self, target: Target, proof: str, chance: random.Random) -> None:
        self.target = target
        self._proof = proof
        self._chance = chance
        self._schedstat = Path(f"/proc/{target.process.pid}/task/{target.process.pid}/schedstat")

    def measure(self, surface: Surface, text: bytes) -> int:
        """The nanoseconds that the server's main thread ran from the request until it was idle again."""
        before = self.read_nanoseconds()
        self.send(surface, text)
        return self._wait_until_idle() - before

    def send(self, surface: Surface, text: bytes) -> bytes:
        """The answer to a request with the text."""
        address = ".".join(str(self._chance.randrange(256)) for _ in range(4))
        forwarded = "" if surface.name.endswith("X-Forwarded-For") else f"X-Forwarded-For: {address}\r\n"
        return exchange(self.target.port, surface.write(text, self._proof + forwarded))

    def read_nanoseconds(self) -> int:
        """The kernel's count for the main thread so far."""
        return int(self._schedstat.read_text().split()[0])

    def _wait_until_idle(self) -> int:
        counted = self.read_nanoseconds()
        while True:
            time.sleep(0.0005)
            if (now := self.read_nanoseconds()) == counted:
                return counted
            counted = now


def exchange(port: int, request: bytes) -> bytes:
    """All that the server answers until it closes the connection; frames are sent once it has taken the handshake."""
    answer = bytearray()
    head, frames = (HANDSHAKE, request.removeprefix(HANDSHAKE)) if request.startswith(HANDSHAKE) else (request, b"")
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as connection, contextlib.suppress(OSError):
        connection.sendall(head)
        if frames:
            answer += connection.recv(65_536)
            connection.sendall(frames)
        while part := connection.recv(65_536):
            answer += part
    return bytes(answer)


@dataclass(frozen=True)
class Finding:
    """A text that costs too much, or whose cost grows faster than its length."""

    surface: str
    reason: str
    nanoseconds: int
    text: bytes

    def describe(self) -> str:
        """A line for people."""
        milliseconds, size = self.nanoseconds / 1e6, len(self.text)
        return f"{self.surface}: {self.reason}, {milliseconds:.1f} ms for {size:,} bytes: {self.text[:100]!r}"

    def to_json(self) -> str:
        """A line that holds all of it."""
        shown = {"surface": self.surface, "reason": self.reason, "ms": self.nanoseconds / 1e6, "bytes": len(self.text)}
        return json.dumps({**shown, "text": base64.b64encode(self.text).decode()})


@dataclass
class Seen:
    """The trials on one surface: the dearest texts of each size, by their cost for a byte."""

    kept: dict[int, list[tuple[float, bytes]]] = field(default_factory=dict)
    tries: int = 0
    most_nanoseconds: int = 0

    def is_worth_keeping(self, score: float, text: bytes) -> bool:
        """Whether it is among the dearest of its size."""
        kept = self.kept.get(_size_class(text), [])
        return len(kept) < KEPT_PER_SIZE or score > kept[-1][0]

    def keep(self, score: float, text: bytes) -> None:
        """It is among those that are changed further."""
        kept = self.kept.setdefault(_size_class(text), [])
        kept.append((score, text))
        kept.sort(reverse=True)
        del kept[KEPT_PER_SIZE:]


def _size_class(text: bytes) -> int:
    return int(math.log2(len(text) + 1))


class Search:
    """Tries texts on all surfaces in turn; the same seed gives the same texts where costs are the same."""

    def __init__(self, server: Server, surfaces: tuple[Surface, ...], seed: int) -> None:
        self._server = server
        self._surfaces = surfaces
        self._chance = random.Random(seed)  # noqa: S311  nobody is to be kept from guessing it
        self._idle: dict[str, int] = {}
        self.seen: dict[str, Seen] = collections.defaultdict(Seen)
        self.findings: dict[tuple[str, str], Finding] = {}

    def run(self, is_over: Callable[[], bool]) -> Iterator[Finding]:
        """Each finding as it is made: the first of its kind on a surface, and every one that is dearer."""
        for surface in self._surfaces:
            # What a plain request of this kind costs whatever it says: that is not its text's.
            self._idle[surface.name] = max(self._measure(surface, text, times=5) for text in surface.seeds)
            for text in surface.seeds:
                yield from self._try(surface, text)
        while not is_over():
            surface = self._chance.choice(self._surfaces)
            yield from self._try(surface, self._make_text(surface))

    def _make_text(self, surface: Surface) -> bytes:
        kept = self.seen[surface.name].kept
        text, other = (self._chance.choice(kept[self._chance.choice(list(kept))])[1] for _ in range(2))
        return change(text, other, self._chance, surface.max_bytes)

    def _try(self, surface: Surface, text: bytes) -> Iterator[Finding]:
        seen = self.seen[surface.name]
        seen.tries += 1
        if not seen.is_worth_keeping(self._score(surface, text, 1)[0], text):
            return
        score, nanoseconds = self._score(surface, text, 2)
        if not seen.is_worth_keeping(score, text):
            return
        seen.keep(score, text)
        seen.most_nanoseconds = max(seen.most_nanoseconds, nanoseconds)
        if (finding := self._judge(surface, text, nanoseconds)) is not None:
            known = self.findings.get((surface.name, finding.reason))
            if known is None or finding.nanoseconds > 2 * known.nanoseconds:
                self.findings[surface.name, finding.reason] = finding
                yield finding

    def _judge(self, surface: Surface, text: bytes, nanoseconds: int) -> Finding | None:
        """The input's fault, measured five times more; None where it has none."""
        if nanoseconds > MAX_NANOSECONDS and nanoseconds > MAX_NANOSECONDS_PER_BYTE * len(text):
            nanoseconds = min(nanoseconds, self._net(surface, text, 5))
            if nanoseconds > MAX_NANOSECONDS and nanoseconds > MAX_NANOSECONDS_PER_BYTE * len(text):
                return Finding(surface.name, "costs too much", nanoseconds, text)
        if nanoseconds > WORTH_STRETCHING_NANOSECONDS and len(text) * STRETCH <= surface.max_bytes:
            stretched = self._stretch(text)
            if self._net(surface, stretched, 1) > MAX_GROWTH * nanoseconds:
                grown, before = self._net(surface, stretched, 5), self._net(surface, text, 5)
                if grown > MAX_GROWTH * max(before, WORTH_STRETCHING_NANOSECONDS):
                    return Finding(surface.name, "grows faster than its length", grown, stretched)
        return None

    def _stretch(self, text: bytes) -> bytes:
        """Four times as long: its middle half seven times, where what repeats mostly is."""
        quarter = len(text) // 4
        return text[:quarter] + text[quarter : 3 * quarter] * 7 + text[3 * quarter :]

    def _score(self, surface: Surface, text: bytes, times: int) -> tuple[float, int]:
        """The cost for a byte, of 500 at least, and the cost."""
        nanoseconds = self._net(surface, text, times)
        return nanoseconds / max(len(text), 500), nanoseconds

    def _net(self, surface: Surface, text: bytes, times: int) -> int:
        return max(self._measure(surface, text, times) - self._idle[surface.name], 0)

    def _measure(self, surface: Surface, text: bytes, times: int) -> int:
        return min(self._server.measure(surface, text) for _ in range(times))

    def describe(self) -> str:
        """A line for each surface: tries, the most milliseconds, and the most microseconds for a byte."""
        lines = []
        for surface in self._surfaces:
            seen = self.seen[surface.name]
            dearest = max((texts[0][0] for texts in seen.kept.values()), default=0)
            lines.append(
                f"{surface.name:32}{seen.tries:9,} tries{seen.most_nanoseconds / 1e6:9.1f} ms at most"
                f"{dearest / 1e3:9.2f} µs a byte at most"
            )
        return "\n".join(lines)


@contextlib.contextmanager
def serve(folder: Path, seed: int, *, is_open: bool) -> Iterator[RealServer]:
    """A server without any data, whose callers have as much of their budgets as they like."""
    key, sha256 = make_api_key()
    settings = {
        "CLIPGRAPH_TRUSTED_PROXY_HOPS": "1",
        **{f"CLIPGRAPH_READS_PER_MINUTE_{role}": "1000000000" for role in ("USER", "WORKER", "ADMIN")},
        **{f"CLIPGRAPH_REQUESTS_PER_MINUTE_{role}": "1000000000" for role in ("ANONYMOUS", "USER", "WORKER", "ADMIN")},
    }
    if not is_open:
        settings["CLIPGRAPH_AUTH_API_KEYS"] = json.dumps([{"name": "search", "sha256": sha256, "role": "worker"}])
    proof = "" if is_open else f"Authorization: Bearer {key}\r\n"
    with start_target(folder, "--no-demo", **settings) as target:
        yield RealServer(target, proof, random.Random(seed))  # noqa: S311  as above


def tell(line: str) -> None:
    """Writes the line at once: a search is looked at while it runs."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Searches for so many seconds, and writes down what it finds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--open", action="store_true", help="no callers are told apart, and the schema is told")
    parser.add_argument("--out", type=Path, default=Path("found.jsonl"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder), arguments.seed, is_open=arguments.open) as server:
        search = Search(server, SURFACES, arguments.seed)
        until = time.monotonic() + arguments.seconds
        with arguments.out.open("a") as out:
            for finding in search.run(lambda: time.monotonic() > until):
                out.write(finding.to_json() + "\n")
                out.flush()
                tell(finding.describe())
        tell(search.describe())


if __name__ == "__main__":
    os.environ.pop("CLIPGRAPH_LOG_LEVEL", None)
    main()
