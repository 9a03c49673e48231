"""Parts between a listener and Firestore: a wire that is cut, delayed or moved, and a proxy with its own answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import grpc
from google.cloud.firestore_v1.types import ListenRequest, ListenResponse


class Link:
    """A TCP proxy in front of a server; `cut` breaks all that goes through it."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.delay_seconds = 0.0
        self.host_port = ""
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def open_connections(self) -> int:
        """How many connections go through it."""
        return len(self._tasks) // 2

    async def start(self) -> None:
        """It takes connections at `host_port`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.host_port = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Closes the wire and all of its connections."""
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> int:
        """Breaks every connection with all that is under way in it; the number of connections' ends."""
        writers, self._writers = self._writers, set()
        for writer in writers:
            writer.transport.abort()
        return len(writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.backend.rpartition(":")
        try:
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def send() -> None:
            while (item := await on_the_way.get())[1]:
                await asyncio.sleep(item[0] - loop.time())
                if not sink.is_closing():
                    sink.write(item[1])

        sending = asyncio.create_task(send())
        with suppress(OSError):
            while chunk := await source.read(65_536):
                on_the_way.put_nowait((loop.time() + self.delay_seconds, chunk))
        on_the_way.put_nowait((0.0, b""))
        await sending
        sink.transport.abort()


class ListenProxy:
    """Passes RPCs on, message by message, and can answer in Firestore's place."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.host_port = ""
        self.requests: list[Any] = []
        self.open_streams = 0
        self.answer: Callable[[Any], Any] = lambda _request: None
        """Given a ListenRequest: the ListenResponse to send instead of passing it on, or None."""

        self.alter: Callable[[Any], None] = lambda _request: None
        """Changes a ListenRequest before it is passed on."""

        self.lose: Callable[[Any], bool] = lambda _response: False
        """Given a ListenResponse of Firestore: whether nobody is told."""

        self.refuse: Callable[[int], grpc.StatusCode | None] = lambda _nth: None
        """Given how many streams came before: the code with which to end the stream at once, or None."""

        self.is_mute = False
        self._is_free = asyncio.Event()
        self._is_free.set()
        self._answers: set[asyncio.Queue[Any]] = set()
        self.opened_streams = 0
        self.told_documents = 0
        self.told_deletes = 0

    async def start(self) -> None:
        """The proxy serves on `host_port`."""
        self._channel = grpc.aio.insecure_channel(self.target)
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((_Handler(self),))
        self.host_port = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()

    async def stop(self) -> None:
        """Closes the proxy and all of its connections."""
        await self._server.stop(None)
        await self._channel.close(None)

    def say(self, **response: Any) -> None:
        """Every open stream is told this."""
        for answers in self._answers:
            answers.put_nowait(ListenResponse.pb()(**response).SerializeToString())

    def hold(self) -> None:
        """Answers of streams wait until they are released."""
        self._is_free.clear()

    def release(self) -> None:
        """They come, and those that follow."""
        self._is_free.set()

    def break_off(self, code: grpc.StatusCode) -> None:
        """Every open stream ends with the code."""
        for answers in self._answers:
            answers.put_nowait(code)

    async def pass_on(self, method: str, requests: AsyncIterator[bytes], context: Any) -> None:
        """Firestore's answers and our own, as they come."""
        metadata = [(key, value) for key, value in context.invocation_metadata() if not key.startswith("grpc-")]
        stub: Any = self._channel.stream_stream(method, None, None)
        call = stub(metadata=metadata)
        if not method.endswith("/Listen"):
            await self._pass_call(call, requests, context)
            return
        nth, self.opened_streams = self.opened_streams, self.opened_streams + 1
        if code := self.refuse(nth):
            await context.abort(code, "refused by the test")
        answers: asyncio.Queue[Any] = asyncio.Queue()
        self._answers.add(answers)
        self.open_streams += 1
        tasks = [
            asyncio.create_task(self._send(requests, call, answers)),
            asyncio.create_task(self._receive(call, answers)),
        ]
        try:
            while isinstance(answer := await answers.get(), bytes):
                await self._is_free.wait()
                if not self.is_mute:
                    await context.write(answer)
            await context.abort(answer, "ended by the test")
        finally:
            self._answers.discard(answers)
            self.open_streams -= 1
            for task in tasks:
                task.cancel()
            call.cancel()

    async def _pass_call(self, call: Any, requests: AsyncIterator[bytes], context: Any) -> None:
        async for request in requests:
            await call.write(request)
        await call.done_writing()
        try:
            async for answer in call:
                await context.write(answer)
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details())

    async def _send(self, requests: AsyncIterator[bytes], call: Any, answers: asyncio.Queue[Any]) -> None:
        async for data in requests:
            request = ListenRequest.pb().FromString(data)
            self.requests.append(request)
            answer = self.answer(request)
            if answer is None:
                self.alter(request)
                await call.write(request.SerializeToString())
            else:
                answers.put_nowait(answer.SerializeToString())

    async def _receive(self, call: Any, answers: asyncio.Queue[Any]) -> None:
        try:
            async for answer in call:
                response = ListenResponse.pb().FromString(answer)
                self.told_documents += response.HasField("document_change")
                self.told_deletes += response.HasField("document_delete")
                if not self.lose(response):
                    answers.put_nowait(answer)
            answers.put_nowait(grpc.StatusCode.UNAVAILABLE)
        except grpc.aio.AioRpcError as error:
            answers.put_nowait(error.code())


class _Handler(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in its stubs only
    def __init__(self, proxy: ListenProxy) -> None:
        self._proxy = proxy

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method

        async def handle(requests: AsyncIterator[bytes], context: Any) -> None:
            await self._proxy.pass_on(method, requests, context)

        return grpc.stream_stream_rpc_method_handler(handle)
