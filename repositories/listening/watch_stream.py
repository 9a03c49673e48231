"""One Listen call: requests for targets, their documents, and the snapshots that these make.

The protocol and its one connection; `persistent_stream.py` replaces a call that breaks.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import grpc
import structlog
from google.cloud.firestore_v1.types import ListenRequest, TargetChange
from grpc import StatusCode

from repositories.exceptions import RepositoryError, TooManyDocumentsError, UnavailableError
from repositories.firestore import backoff
from repositories.firestore.rpc import NO_ANSWER
from repositories.firestore.transport import Transport
from repositories.listening.target_state import TargetState
from repositories.listening.versions import to_micros

log = structlog.get_logger(__name__)

SILENCE_SECONDS = 120.0
"""Silence after which Firestore's client for Node gives a stream up; the embedded one sends every half minute."""

TOKEN_REFUSALS = frozenset(
    code.value[0] for code in (StatusCode.INVALID_ARGUMENT, StatusCode.FAILED_PRECONDITION, StatusCode.OUT_OF_RANGE)
)
"""gRPC codes by which Firestore refuses a resume token that is too old, or of another database."""

FINAL_CODES = TOKEN_REFUSALS | {
    code.value[0]
    for code in (
        StatusCode.NOT_FOUND,
        StatusCode.ALREADY_EXISTS,
        StatusCode.PERMISSION_DENIED,
        StatusCode.UNIMPLEMENTED,
        StatusCode.DATA_LOSS,
    )
}
"""gRPC codes after which the same call fails again: `isPermanentError` of Firestore's client for the web.

UNAUTHENTICATED is not among them: credentials are renewed.
"""

_END: Any = vars(grpc.aio)["EOF"]  # which its types do not know
_Kind = TargetChange.TargetChangeType


class WatchStream:
    """One Listen call, from its construction until `close`.

    Targets that Firestore refuses for good, or that grow too large, are given to `on_refused`.
    """

    def __init__(self, transport: Transport, on_refused: Callable[[TargetState, RepositoryError], None]) -> None:
        self.documents_read = 0
        self._first_state_at: float | None = None
        self._root = transport.root
        self._on_refused = on_refused
        self._call = _ListenCall(transport)
        self._states: dict[int, TargetState] = {}
        self._ending: dict[int, TargetState] = {}  # of which something may still be on its way
        self._later: dict[TargetState, asyncio.TimerHandle] = {}  # refused for now
        self._last_id = 0

    def ask(self, state: TargetState) -> None:
        """The target is requested: changes since its token, or without one all documents."""
        self._later.pop(state, None)
        state.ask()
        self._last_id += 1
        self._states[self._last_id] = state
        target = state.target.build(self._root)
        target.target_id = self._last_id
        if state.token:
            target.resume_token = state.token
            target.expected_count.value = len(state.documents)
        self._call.ask(add_target=target)

    def stop(self, state: TargetState) -> bool:
        """The target receives nothing more, and is closed once Firestore confirms that.

        False where it received nothing before.
        """
        if timer := self._later.pop(state, None):
            timer.cancel()
        target_ids = [target_id for target_id, known in self._states.items() if known is state]
        for target_id in target_ids:
            self._ending[target_id] = self._states.pop(target_id)
            self._call.ask(remove_target=target_id)
        return bool(target_ids)

    async def follow(self) -> None:
        """Serves until Firestore ends the call. Raises gRPC's errors, and TimeoutError where it is silent."""
        while (message := await self._read()) is not None:
            # Not by a table of our methods: such a ring keeps the connection open until it is collected as garbage.
            match message.WhichOneof("response_type"):
                case "target_change":
                    self._on_target_change(message.target_change)
                case "document_change":
                    self._on_document_change(message.document_change)
                case "document_delete":
                    self._on_remove(message.document_delete)
                case "document_remove":
                    self.documents_read += 1  # a delete is not billed
                    self._on_remove(message.document_remove)
                case "filter":
                    self._on_existence_filter(message.filter)

    @property
    def lasted_seconds(self) -> float:
        """Seconds since the first state; 0 before it."""
        return 0.0 if self._first_state_at is None else time.monotonic() - self._first_state_at

    async def close(self) -> None:
        """The call has ended; documents since the last snapshot are dropped."""
        for timer in self._later.values():
            timer.cancel()
        for state in self._states.values():
            state.settle()
        for state in self._ending.values():
            state.close()
        await self._call.close()

    async def _read(self) -> Any:
        async with asyncio.timeout(SILENCE_SECONDS):
            return await self._call.read()

    def _find(self, target_ids: Iterable[int]) -> list[TargetState]:
        return [self._states[target_id] for target_id in target_ids if target_id in self._states]

    def _on_document_change(self, told: Any) -> None:
        self.documents_read += 1
        for target_id in self._ending.keys() & told.target_ids:
            self._ending[target_id].count_read()
        for state in self._find(told.target_ids):
            state.change(told.document)
            self._refuse_if_too_large(state)
        for state in self._find(told.removed_target_ids):
            state.remove(told.document.name, to_micros(told.document.update_time))

    def _on_remove(self, told: Any) -> None:
        for state in self._find(told.removed_target_ids):
            state.remove(told.document, to_micros(told.read_time))

    def _on_existence_filter(self, told: Any) -> None:
        """A target whose count differs from Firestore's is loaded whole."""
        for state in self._find([told.target_id]):
            if state.count() != told.count:
                log.info("listen_mismatch", target=repr(state.target))
                self.stop(state)
                self._ask_for_all(state)

    def _on_target_change(self, told: Any) -> None:
        kind = _Kind(told.target_change_type)
        if kind is _Kind.REMOVE:
            for target_id in list(told.target_ids or self._states):
                self._on_target_remove(target_id, told.cause.code)
                if ended := self._ending.pop(target_id, None):
                    ended.close()
            return
        for state in self._find(told.target_ids) if told.target_ids else self._states.values():
            if kind is _Kind.RESET:
                state.reset()
            elif kind is _Kind.CURRENT:
                state.mark_current()
            state.keep_token(told.resume_token)
        if kind is _Kind.NO_CHANGE and not told.target_ids and told.HasField("read_time"):
            self._advance(to_micros(told.read_time))

    def _on_target_remove(self, target_id: int, code: int) -> None:
        state = self._states.pop(target_id, None)
        if state is None:
            return  # we have asked for that
        state.mark_removed()
        log.info("listen_refused", code=code, target=repr(state.target))
        if code in TOKEN_REFUSALS and state.token:
            self._ask_for_all(state)
        elif code in FINAL_CODES:
            self._on_refused(state, UnavailableError(NO_ANSWER))
        else:
            self._ask_later(state)

    def _ask_for_all(self, state: TargetState) -> None:
        state.forget_token()
        self.ask(state)

    def _ask_later(self, state: TargetState) -> None:
        timer = asyncio.get_running_loop().call_later(backoff.STREAM_BACKOFF.compute_seconds(0), self.ask, state)
        self._later[state] = timer

    def _advance(self, read_micros: int) -> None:
        """The targets that are current have this time's snapshot, and their watchers its changes."""
        states = self._list_current()
        for state in states:
            state.advance(read_micros)
            self._refuse_if_too_large(state)
        concerned = (watcher for state in states for watcher in state.watchers if state.changes or watcher.is_eager)
        for watcher in dict.fromkeys(concerned):
            watcher.tell()
        for state in states:
            state.clear_changes()
        if states and self._first_state_at is None:
            self._first_state_at = time.monotonic()

    def _refuse_if_too_large(self, state: TargetState) -> None:
        """The target is refused where it has become too large."""
        if state.is_too_large:
            log.info("listen_too_large", target=repr(state.target), limit=state.max_documents)
            self._on_refused(state, TooManyDocumentsError(state.max_documents))

    def _list_current(self) -> Sequence[TargetState]:
        """The targets that are current. Related targets take part together."""
        states = list(self._states.values())
        if all(state.is_current for state in states):
            return states
        return [state for state in states if all(watcher.is_current for watcher in state.watchers)]


class _ListenCall:
    """Open from its construction on, within an event loop."""

    def __init__(self, transport: Transport) -> None:
        self._database = transport.database
        self._requests: asyncio.Queue[Any] = asyncio.Queue()
        self._channel, self._call = transport.open_listen()
        self._writing = asyncio.get_running_loop().create_task(self._write())

    def ask(self, **change: Any) -> None:
        """The request is on its way: `add_target` or `remove_target`."""
        self._requests.put_nowait(ListenRequest.pb()(database=self._database, **change))

    async def read(self) -> Any:
        """The next message, or None at the end. Raises gRPC's errors."""
        message = await self._call.read()
        return None if message is _END else message

    async def close(self) -> None:
        """The call has ended, and its connection."""
        self._writing.cancel()
        await asyncio.wait([self._writing])
        # The task remembers where it was cancelled, and so this call: a ring that would keep the connection open.
        del self._writing
        self._call.cancel()
        await self._channel.close(None)

    async def _write(self) -> None:
        # Not by an iterator given to the call: gRPC forgets the task that reads it when the call breaks.
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # the reader raises the same
            while True:
                await self._call.write(await self._requests.get())
