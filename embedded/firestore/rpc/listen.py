"""Listen: one stream each way, on which a client adds and removes targets and is told their documents.

A stream is one task. It tells commit by commit what its targets have to say, and ends each with the time of which all
that it has said is the state. A stream whose client is too slow reads the present state instead.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from embedded.firestore.model.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    RpcError,
    UnavailableError,
    UnimplementedError,
)
from embedded.firestore.model.paths import parse_database
from embedded.firestore.model.protos import ListenRequest, Message
from embedded.firestore.rpc.commit_hub import CommitHub, Feed, Subscription
from embedded.firestore.rpc.listen_messages import (
    tell_added,
    tell_consistent,
    tell_count,
    tell_current,
    tell_removed,
    tell_reset,
)
from embedded.firestore.rpc.listen_states import (
    STREAM_TRANSITIONS,
    TARGET_TRANSITIONS,
    FeedState,
    IllegalTransitionError,
    StateMachine,
    StreamEvent,
    StreamState,
    TargetEvent,
    TargetState,
)
from embedded.firestore.rpc.listen_targets import Target, parse_target
from embedded.firestore.rpc.resume_tokens import EVERYTHING, ResumeTokens
from embedded.firestore.store.storage import Storage
from embedded.firestore.store.writer import CommitResult

HEARTBEAT_SECONDS = 30.0  # Node's client takes a stream for dead after 120 seconds of silence
STALL_SECONDS = 60.0  # a client that takes nothing for so long must not keep a snapshot of the file open
MAX_WAITING_REQUESTS = 16
_REFUSALS = (InvalidArgumentError, FailedPreconditionError, UnimplementedError)  # of a target, not of the stream

Send = Callable[[bytes], Awaitable[None]]


class ListenService:
    """All open streams."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._hub = CommitHub(storage)
        self._feeds: set[Feed] = set()

    async def listen(self, requests: AsyncIterator[ListenRequest], send: Send) -> None:
        """Serves a stream until the client has ended its side and every request is answered."""
        feed = Feed()
        self._feeds.add(feed)
        try:
            await _Stream(self._storage, self._hub, feed, send).run(requests)
        finally:
            self._feeds.discard(feed)

    def close(self) -> None:
        """Ends all streams in a way that makes their clients connect again."""
        for feed in self._feeds:
            feed.close()


class _ActiveTarget:
    """A target of a stream, with its state and its subscription."""

    def __init__(self, target_id: int, content: Target) -> None:
        self.id = target_id
        self.content = content
        self._life = StateMachine(TargetState.ADDED, TARGET_TRANSITIONS)
        self._subscription: Subscription | None = None

    @property
    def state(self) -> TargetState:
        """Where the target stands between its request and its end."""
        return self._life.state

    def subscribe(self, hub: CommitHub, feed: Feed) -> None:
        """The feed is given the target's commits from now on."""
        self._life.change(TargetEvent.SUBSCRIBE)
        self._subscription = hub.subscribe(feed, self.content.keys)

    def start(self, since: int | None) -> None:
        """The target loads, or resumes from a time; where it cannot, or the time is None, it is reset and loads."""
        if since == EVERYTHING:
            self._life.change(TargetEvent.LOAD)
        elif since is None or not self.content.is_resumable:
            self._life.change(TargetEvent.RESET)
        else:
            self._life.change(TargetEvent.RESUME)

    def mark_current(self) -> None:
        """Everything up to now is told; commits follow."""
        self._life.change(TargetEvent.CURRENT)

    def remove(self, hub: CommitHub) -> None:
        """The feed is given the target's commits no more."""
        self._life.change(TargetEvent.REMOVE)
        if self._subscription is not None:
            hub.unsubscribe(self._subscription)


class _Stream:
    """One client's targets. All of them are told up to the same time."""

    def __init__(self, storage: Storage, hub: CommitHub, feed: Feed, send: Send) -> None:
        self._storage = storage
        self._hub = hub
        self._feed = feed
        self._write = send
        self._tokens = ResumeTokens(storage)
        self._requests: asyncio.Queue[ListenRequest] = asyncio.Queue(MAX_WAITING_REQUESTS)
        self._targets: dict[int, _ActiveTarget] = {}
        self._told_until = EVERYTHING
        self._life = StateMachine(StreamState.OPEN, STREAM_TRANSITIONS)

    async def run(self, requests: AsyncIterator[ListenRequest]) -> None:
        """Answers requests and tells commits as they come."""
        reading = asyncio.create_task(self._read(requests))
        reading.add_done_callback(lambda _: self._feed.woken.set())
        try:
            while not (reading.done() and self._requests.empty()):
                if self._feed.state is FeedState.CLOSED:
                    raise UnavailableError("The server is shutting down.")
                self._feed.woken.clear()
                await self._tell_commits()
                if not self._requests.empty():
                    await self._answer(self._requests.get_nowait())
                elif self._feed.is_empty:
                    await self._wait()
            reading.result()
        finally:
            reading.cancel()
            self._life.change(StreamEvent.END)
            for target_id in list(self._targets):
                self._forget(target_id)

    async def _read(self, requests: AsyncIterator[ListenRequest]) -> None:
        async for request in requests:
            await self._requests.put(request)
            self._feed.woken.set()

    async def _wait(self) -> None:
        """Waits until there is work; an idle client is given a fresh token now and then."""
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._feed.woken.wait()
        except TimeoutError:
            if self._targets and self._feed.is_empty:
                await self._tell_consistent(self._hub.now())

    async def _answer(self, request: ListenRequest) -> None:
        database = parse_database(request.database)
        kind = request.WhichOneof("target_change")
        if kind == "add_target":
            await self._add(database, request.add_target)
        elif kind == "remove_target" and request.remove_target in self._targets:
            await self._end(request.remove_target)

    async def _add(self, database: str, asked: Message) -> None:
        target_id = self._choose_id(asked.target_id)
        await self._send(tell_added(target_id))
        try:
            self._assert_numbering(asked)
            target = _ActiveTarget(target_id, parse_target(target_id, asked, database, self._storage))
            self._targets[target_id] = target
            await self._begin(target, asked)
        except _REFUSALS as error:
            await self._end(target_id, error)
        else:
            if asked.once:
                await self._end(target_id)

    def _assert_numbering(self, asked: Message) -> None:
        """The stream takes the target's id, or its lack of one, or raises InvalidArgumentError."""
        try:
            self._life.change(StreamEvent.ADD_WITH_ID if asked.target_id else StreamEvent.ADD_WITHOUT_ID)
        except IllegalTransitionError:
            raise InvalidArgumentError("After a target without a target_id, no other target may have one.") from None

    async def _begin(self, target: _ActiveTarget, asked: Message) -> None:
        """Tells a target's documents as of now. Between that time and the subscription nothing may be awaited."""
        now = self._hub.now()
        since = self._tokens.resume_time(asked, now)
        target.subscribe(self._hub, self._feed)
        if not self._feed.is_empty:
            await self._catch_up(now)
        await self._tell_documents(target, since, now)
        if asked.HasField("expected_count") and target.state is TargetState.RESUMING:
            await self._send(tell_count(target.id, target.content.count))
        await self._send(tell_current(target.id, now, self._tokens.encode(now)))
        target.mark_current()
        await self._tell_consistent(now)

    async def _tell_documents(self, target: _ActiveTarget, since: int | None, now: int) -> None:
        """Tells the changes since a time that the target resumes from, or all documents."""
        target.start(since)
        told_until = EVERYTHING if since is None or target.state is TargetState.LOADING else since
        if told_until != since:
            await self._send(tell_reset(target.id))
        async with self._storage.snapshot(now) as snapshot:
            async for message in target.content.tell(snapshot, told_until):
                await self._send(message)

    async def _end(self, target_id: int, cause: RpcError | None = None) -> None:
        self._forget(target_id)
        await self._send(tell_removed(target_id, cause))

    def _forget(self, target_id: int) -> None:
        target = self._targets.pop(target_id, None)
        if target is not None:
            target.remove(self._hub)

    def _list_current(self) -> list[Target]:
        """The targets that are told commits."""
        return [target.content for target in self._targets.values() if target.state is TargetState.CURRENT]

    def _choose_id(self, asked: int) -> int:
        if asked < 0:
            raise InvalidArgumentError("A target_id must not be negative.")
        if asked in self._targets:
            raise InvalidArgumentError(f"The stream has a target {asked} already: remove it first.")
        return asked or max(self._targets, default=0) + 1

    async def _tell_commits(self) -> None:
        """Tells the commits that the feed holds by now; later ones wait until a request has had its turn."""
        if self._feed.state is FeedState.BEHIND:
            await self._catch_up(self._hub.now())
        for _ in range(len(self._feed)):
            commit = self._feed.pop()
            if commit is not None:
                await self._tell_commit(commit)

    async def _tell_commit(self, commit: CommitResult) -> None:
        messages = [
            message for target in self._list_current() for message in await target.follow(commit, self._told_until)
        ]
        for message in messages:
            await self._send(message)
        if messages:
            await self._tell_consistent(commit.commit_time)

    async def _catch_up(self, now: int) -> None:
        """Tells all changes up to now as one: the feed does not hold them, or new commits never end."""
        self._feed.catch_up()
        async with self._storage.snapshot(now) as snapshot:
            for target in self._list_current():
                async for message in target.tell(snapshot, self._told_until):
                    await self._send(message)
        await self._tell_consistent(now)

    async def _tell_consistent(self, micros: int) -> None:
        self._told_until = micros
        await self._send(tell_consistent(micros, self._tokens.encode(micros)))

    async def _send(self, message: bytes) -> None:
        try:
            async with asyncio.timeout(STALL_SECONDS):
                await self._write(message)
        except TimeoutError:
            raise UnavailableError("The client does not read its messages: reconnect.") from None
