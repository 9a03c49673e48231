"""An S3 server that does not answer all that it is asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class SilentGets:
    """A proxy before an S3 server that holds back each GET for good, and tells of it; all else passes."""

    def __init__(self, address: str) -> None:
        self._port = urlsplit(address).port
        self._writers = set[asyncio.StreamWriter]()
        self.held: asyncio.Queue[bytes] = asyncio.Queue()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[str]:
        """Its address; at the end all connections are reset."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        first = await reader.read(65_536)
        if first.startswith(b"GET "):
            self.held.put_nowait(first)
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers.add(far_writer)
        far_writer.write(first)
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
    writer.close()
