"""A TCP proxy that makes a server seem far away: what passes comes out later, by half a round trip in each direction.

`python -m benchmarks.delay --milliseconds 20 HOST:PORT…` prints an address for each server, in their order. Only time
is added: however much is on its way at once, it all arrives together.
"""

import argparse
import asyncio
import contextlib
from collections.abc import Awaitable, Callable

CHUNK_BYTES = 256 * 1024

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def make_handler(host_port: str, delay_seconds: float) -> Handler:
    """A handler of connections: both directions to `host_port`, each delayed."""
    host, _, port = host_port.rpartition(":")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        try:
            await asyncio.gather(_carry(reader, far_writer, delay_seconds), _carry(far_reader, writer, delay_seconds))
        finally:
            for end in (far_writer, writer):
                end.close()
            await asyncio.gather(far_writer.wait_closed(), writer.wait_closed(), return_exceptions=True)

    return handle


async def serve(host_ports: list[str], delay_seconds: float) -> None:
    """Serves until it is cancelled; the addresses are printed once all of them listen."""
    servers = [
        await asyncio.start_server(make_handler(host_port, delay_seconds), "127.0.0.1", 0) for host_port in host_ports
    ]
    for server in servers:
        print(f"listens at http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_seconds: float) -> None:
    """Everything that was read has been written, each chunk once it has been on its way long enough."""
    loop = asyncio.get_running_loop()
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def send() -> None:
        while True:
            due_at, chunk = await on_the_way.get()
            await asyncio.sleep(due_at - loop.time())
            if not chunk:
                with contextlib.suppress(OSError):  # the other end may be gone
                    writer.write_eof()
                return
            writer.write(chunk)

    async def receive() -> None:
        chunk = b"?"
        while chunk:
            try:
                chunk = await reader.read(CHUNK_BYTES)
            except ConnectionError:
                chunk = b""
            on_the_way.put_nowait((loop.time() + delay_seconds, chunk))

    await asyncio.gather(receive(), send())


def main() -> None:
    """Runs the proxy."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delay", description=__doc__)
    parser.add_argument("--milliseconds", type=float, default=20.0, help="a round trip's delay; %(default)s")
    parser.add_argument("servers", nargs="+", metavar="HOST:PORT")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.servers, arguments.milliseconds / 2 / 1000))


if __name__ == "__main__":
    main()
