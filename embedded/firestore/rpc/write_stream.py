"""Write: one stream each way, on which a client sends commits, and which it resumes where the line was cut."""

import asyncio
import secrets
import struct
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable

from embedded.firestore.model import clock
from embedded.firestore.model.errors import InvalidArgumentError, NotFoundError, UnavailableError
from embedded.firestore.model.paths import parse_database
from embedded.firestore.model.protos import WriteRequest, WriteResponse
from embedded.firestore.rpc.writes import WriteService

MAX_KEPT_STREAMS = 1000  # those not used for the longest time cannot be resumed any more
MAX_KEPT_RESPONSES = 1000  # of a stream whose client acknowledges nothing: it cannot resume before these
_TOKEN = struct.Struct(">Q")

Send = Callable[[bytes], Awaitable[None]]


class WriteStreamService:
    """All streams that can be resumed. They are kept in memory: after a restart clients begin new ones."""

    def __init__(self, writes: WriteService) -> None:
        self._writes = writes
        self._streams: OrderedDict[str, _WriteStream] = OrderedDict()
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Ends all open streams in a way that makes their clients connect again."""
        self._closing.set()

    async def write(self, requests: AsyncIterator[WriteRequest], send: Send) -> None:
        """Serves request by request until the client has ended its side; a refused commit ends the stream."""
        first = await self._next(requests)
        if first is None:
            return
        if first.writes:
            raise InvalidArgumentError("The first request of a write stream must not hold writes.")
        stream = self._find(first) if first.stream_id else self._create(first)
        for response in await stream.open(first):
            await send(response)
        is_last = False
        while (request := await self._next(requests)) is not None:
            if is_last:
                raise InvalidArgumentError("Only the last request of a write stream may be without writes.")
            is_last = not request.writes
            await send(await stream.answer(request))

    async def _next(self, requests: AsyncIterator[WriteRequest]) -> WriteRequest | None:
        """The next request, or None at the end."""
        reading = asyncio.ensure_future(anext(requests, None))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({reading, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                raise UnavailableError("The server is shutting down.")
            return await reading
        finally:
            reading.cancel()
            closing.cancel()

    def _create(self, first: WriteRequest) -> "_WriteStream":
        stream = _WriteStream(secrets.token_hex(16), parse_database(first.database), self._writes)
        self._streams[stream.id] = stream
        if len(self._streams) > MAX_KEPT_STREAMS:
            self._streams.popitem(last=False)
        return stream

    def _find(self, first: WriteRequest) -> "_WriteStream":
        stream = self._streams.get(first.stream_id)
        if stream is None:
            raise NotFoundError("The write stream is not known, or not any more: begin a new one.")
        self._streams.move_to_end(first.stream_id)
        return stream


class _WriteStream:
    """The responses for clients that resume: those that they have not acknowledged."""

    def __init__(self, stream_id: str, database: str, writes: WriteService) -> None:
        self.id = stream_id
        self._database = database
        self._writes = writes
        self._position = 0
        self._unacknowledged: deque[bytes] = deque(maxlen=MAX_KEPT_RESPONSES)
        self._turn = asyncio.Lock()  # a commit of the connection before goes first

    async def open(self, first: WriteRequest) -> list[bytes]:
        """The id of a new stream, or what a resumed one has missed; the last response has the present token."""
        if not first.stream_id:
            if first.stream_token:
                raise InvalidArgumentError("A stream_token needs the stream_id of the stream to resume.")
            return [self._respond(stream_id=self.id)]
        async with self._turn:
            self._assert_database(first)
            self._acknowledge(first.stream_token)
            return [*self._unacknowledged, self._respond()]

    async def answer(self, request: WriteRequest) -> bytes:
        """The response to a request after the first, once its writes are durable."""
        if request.stream_id:
            raise InvalidArgumentError("Only the first request of a write stream may have a stream_id.")
        if request.database:
            self._assert_database(request)
        if request.stream_token:
            self._acknowledge(request.stream_token)
        if not request.writes:
            return self._respond()
        # Also where the line is cut half way: who resumes must hear of what was committed.
        return await asyncio.shield(asyncio.ensure_future(self._commit(request)))

    async def _commit(self, request: WriteRequest) -> bytes:
        async with self._turn:
            result = await self._writes.apply(request, self._database)
            self._position += 1
            response = self._respond(
                write_results=result.write_results, commit_time=clock.to_timestamp(result.commit_time)
            )
            self._unacknowledged.append(response)
            return response

    def _respond(self, **fields: object) -> bytes:
        data: bytes = WriteResponse(stream_token=_TOKEN.pack(self._position), **fields).SerializeToString()
        return data

    def _acknowledge(self, token: bytes) -> None:
        """Forgets the responses up to a token: tokens before it are of no use from now on."""
        missing = self._position - _TOKEN.unpack(token)[0] if len(token) == _TOKEN.size else -1
        if not 0 <= missing <= len(self._unacknowledged):
            raise InvalidArgumentError(
                "The stream_token does not belong to this stream, or is older than the last one."
            )
        while len(self._unacknowledged) > missing:
            self._unacknowledged.popleft()

    def _assert_database(self, request: WriteRequest) -> None:
        if parse_database(request.database) != self._database:
            raise InvalidArgumentError("The write stream belongs to another database.")
