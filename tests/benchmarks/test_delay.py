"""The proxy adds time, and changes nothing else."""

import asyncio
import os

from benchmarks.delay import CHUNK_BYTES, make_handler

DELAY_SECONDS = 0.05


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK_BYTES):
        writer.write(chunk)
    writer.close()
    await writer.wait_closed()


async def test_bytes_come_back_as_they_were_after_both_delays() -> None:
    """More of them than are read at once, and the end of the connection after them."""
    echo = await asyncio.start_server(_echo, "127.0.0.1", 0)
    port = echo.sockets[0].getsockname()[1]
    proxy = await asyncio.start_server(make_handler(f"127.0.0.1:{port}", DELAY_SECONDS), "127.0.0.1", 0)
    async with echo, proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.sockets[0].getsockname()[1])
        sent, began_at = os.urandom(4 * CHUNK_BYTES), asyncio.get_running_loop().time()
        writer.write(sent)
        writer.write_eof()
        assert await reader.read() == sent
        # Never less, however busy the machine is.
        assert asyncio.get_running_loop().time() - began_at >= 2 * DELAY_SECONDS
        writer.close()
        await writer.wait_closed()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
