"""To any bytes, the server answers or hangs up: no crash, no unexplained INTERNAL, and the memory stays flat.

`CLIPGRAPH_ABUSE_INPUTS=100000 CLIPGRAPH_ABUSE_SEED=7 make prove ARGS=tests/abuse/test_fuzz.py` does more of it.
"""

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.abuse.conftest import Target, start_target
from tests.abuse.inputs import Inputs
from tests.embedded.firestore.effort import effort, tell, timeout
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

USUAL_INPUTS = 1_500
AT_ONCE = 24
# Half-sent requests are waited for by the server, and not by us.
SILENCE_SECONDS = 0.15
MAX_GROWTH_BYTES = 60 * 1024 * 1024
# uvicorn closes with 1007 then, and logs why with a traceback.
UVICORNS_OWN = "Invalid UTF-8 sequence received from client"
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
INTERNAL = re.compile(rb'"code":"INTERNAL","requestId":"([^"]+)"')


class Observed:
    """The server's answers to all inputs."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.internal_request_ids: set[str] = set()

    def note(self, kind: str, answer: bytes) -> None:
        """Counts an answer by its status, or by the code that closed the socket."""
        self.outcomes[f"{kind} {read_outcome(kind, answer)}"] += 1
        self.internal_request_ids |= {found.decode() for found in INTERNAL.findall(answer)}


def read_outcome(kind: str, answer: bytes) -> str:
    """The status of a response; of a socket the code of its close frame, which is the last."""
    if kind == "http":
        answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        return answer[9:12].decode() if answer.startswith(b"HTTP/1.1 ") else "no answer"
    at = answer.rfind(b"\x88")
    while at >= 0:
        frame = answer[at:]
        if len(frame) >= 4 and frame[1] == len(frame) - 2:
            return f"closed {int.from_bytes(frame[2:4], 'big')}"
        at = answer.rfind(b"\x88", 0, at)
    return "open" if answer else "no answer"


async def exchange(target: Target, first: bytes, then: bytes = b"") -> bytes:
    """All that the server says to `first`, and to `then` once it has answered, until it is silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    try:
        writer.write(first)
        if then:
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)
            writer.write(then)
        return await read_until_silence(reader)
    except (ConnectionError, asyncio.IncompleteReadError):
        return b""
    finally:
        writer.transport.abort()


async def read_until_silence(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while True:
        try:
            part = await asyncio.wait_for(reader.read(65_536), SILENCE_SECONDS)
        except (TimeoutError, ConnectionError):
            return answer
        answer += part
        if not part or is_complete(answer):
            return answer


def is_complete(answer: bytes) -> bool:
    """Whether a response has come to its end; a socket's answers have none."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head)
    return bool(separator and length and len(body) >= int(length.group(1)))


async def send_all(target: Target, inputs: Inputs, count: int) -> Observed:
    """Sends so many inputs, every third of them on a WebSocket."""
    observed = Observed()

    async def send(numbers: "list[int]") -> None:
        for number in numbers:
            if number % 3 == 0:
                observed.note("socket", await exchange(target, HANDSHAKE, inputs.make_frames()))
            else:
                observed.note("http", await exchange(target, inputs.make_request()))

    await asyncio.gather(*(send(list(range(start, count, AT_ONCE))) for start in range(AT_ONCE)))
    return observed


@timeout("ABUSE_INPUTS")
async def test_no_bytes_crash_the_server(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Hostile bytes to every door leave the server answering, with bounded memory and no traceback in its log."""
    count, inputs = effort("ABUSE_INPUTS", USUAL_INPUTS), Inputs(effort("ABUSE_SEED", 1))
    with start_target(tmp_path, "--no-demo") as target:
        warmed_up = await send_all(target, inputs, count // 5)
        before = target.read_memory_bytes()
        observed = await send_all(target, inputs, count - count // 5)
        after = target.read_memory_bytes()
        await asyncio.to_thread(target.assert_answers)
        lines = target.read_log()
    outcomes = warmed_up.outcomes + observed.outcomes
    tell(request, f"{outcomes.total()} inputs, RSS {before >> 20} → {after >> 20} MiB: {dict(outcomes.most_common())}")
    explained = {line.get("request_id") for line in lines if line["event"] == "resolver_failed"}
    assert warmed_up.internal_request_ids | observed.internal_request_ids <= explained
    assert not [outcome for outcome in outcomes if outcome.startswith("http 5")]
    assert not {"socket closed 1011", "socket closed 1006"} & outcomes.keys()
    assert [line for line in lines if "exception" in line and not line["event"].startswith(UVICORNS_OWN)] == []
    assert after - before < MAX_GROWTH_BYTES
