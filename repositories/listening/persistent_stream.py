"""A stream that outlives its connections: the next one resumes by the tokens of the targets.

Every snapshot is one moment of all its targets. So targets that belong together, such as a video and its clips, share a
stream.
"""

import asyncio
from contextlib import suppress
from contextvars import Context

import grpc
import structlog

from repositories.exceptions import RepositoryError, UnavailableError
from repositories.firestore import backoff
from repositories.firestore.rpc import NO_ANSWER
from repositories.firestore.transport import Transport
from repositories.listening.target_state import TargetState
from repositories.listening.watch_stream import FINAL_CODES, TOKEN_REFUSALS, WatchStream

log = structlog.get_logger(__name__)


class PersistentStream:
    """Runs from its construction until it is closed, or Firestore refuses it for good (`is_refused`)."""

    def __init__(self, transport: Transport) -> None:
        self.is_refused = False
        self._transport = transport
        self._states: dict[TargetState, None] = {}
        self._watch_stream: WatchStream | None = None
        self._read_before = 0
        # Not in the first subscriber's context: the stream's log lines and reads are not that subscriber's alone.
        self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())

    @property
    def documents_read(self) -> int:
        """The number of documents that Firestore has sent."""
        return self._read_before + (self._watch_stream.documents_read if self._watch_stream else 0)

    def add(self, state: TargetState) -> None:
        """The target receives its documents."""
        self._states[state] = None
        if self._watch_stream is not None:
            self._watch_stream.ask(state)

    def remove(self, state: TargetState) -> None:
        """The target receives nothing more."""
        self._states.pop(state, None)
        if self._watch_stream is None or not self._watch_stream.stop(state):
            state.close()

    async def close(self) -> None:
        """The stream has ended."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        failures = 0
        while not self.is_refused:
            failures = 0 if await self._listen() else failures + 1
            if failures and not self.is_refused:
                await asyncio.sleep(backoff.STREAM_BACKOFF.compute_seconds(failures - 1))

    async def _listen(self) -> bool:
        """Serves until the connection breaks: whether it served for a while, so that the next one is made at once."""
        watch_stream = self._watch_stream = WatchStream(self._transport, _refuse)
        try:
            for state in self._states:
                watch_stream.ask(state)
            await watch_stream.follow()
        except TimeoutError:
            log.info("listen_silent")
        except grpc.aio.AioRpcError as error:
            self._judge(error)
        except Exception:  # a bug: the subscribers' states are unknown, so they have to subscribe again
            log.exception("listen_failed")
            self._refuse_all()
        finally:
            self._read_before += watch_stream.documents_read
            self._watch_stream = None
            await watch_stream.close()
        return watch_stream.lasted_seconds > backoff.STREAM_BACKOFF.first_seconds

    def _judge(self, error: grpc.aio.AioRpcError) -> None:
        """The next attempt may succeed, or the stream is refused for good."""
        code = error.code().value[0]
        log.info("listen_broken", code=code, reason=error.details())
        with_token = [state for state in self._states if state.token]
        if code in TOKEN_REFUSALS and with_token:
            for state in with_token:
                state.forget_token()
        elif code in FINAL_CODES:
            self._refuse_all()

    def _refuse_all(self) -> None:
        self.is_refused = True
        for state in list(self._states):
            _refuse(state, UnavailableError(NO_ANSWER))


def _refuse(state: TargetState, error: RepositoryError) -> None:
    for watcher in list(state.watchers):
        watcher.fail(error)
