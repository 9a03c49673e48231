"""A stream that does not end: when its connection breaks another one goes on, by the tokens of its feeds.

Every state that it tells is one moment of all its targets. So what belongs together, such as a video and its clips, is
on one stream.
"""

import asyncio
import time
from contextlib import suppress
from contextvars import Context

import grpc
import structlog

from repositories.exceptions import RepositoryError, UnavailableError
from repositories.firestore import backoff
from repositories.firestore.rpc import NO_ANSWER
from repositories.firestore.transport import Wire
from repositories.listening.status_codes import FINAL_CODES, TOKEN_REFUSALS
from repositories.listening.target_state import Feed
from repositories.listening.watch_stream import Dialogue

log = structlog.get_logger(__name__)


class Stream:
    """Runs from its construction until it is closed, or Firestore refuses it for good (`is_refused`)."""

    def __init__(self, wire: Wire) -> None:
        self.is_refused = False
        self._wire = wire
        self._feeds: dict[Feed, None] = {}
        self._dialogue: Dialogue | None = None
        self._read_before = 0
        # Not in the context of whoever watches first: neither its log lines nor its reads are theirs alone.
        self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())

    @property
    def documents_read(self) -> int:
        """How many documents it was told."""
        return self._read_before + (self._dialogue.documents_read if self._dialogue else 0)

    def add(self, feed: Feed) -> None:
        """The feed is told its documents."""
        self._feeds[feed] = None
        if self._dialogue is not None:
            self._dialogue.ask(feed)

    def remove(self, feed: Feed) -> None:
        """The feed is told nothing more."""
        self._feeds.pop(feed, None)
        if self._dialogue is None or not self._dialogue.stop(feed):
            feed.close()

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
                await asyncio.sleep(backoff.compute_backoff_seconds(failures - 1))

    async def _listen(self) -> bool:
        """Returns when the connection is broken: whether it was of use for a while, so that another is made at once."""
        dialogue = self._dialogue = Dialogue(self._wire, _refuse)
        try:
            for feed in self._feeds:
                dialogue.ask(feed)
            await dialogue.follow()
        except TimeoutError:
            log.info("listen_silent")
        except grpc.aio.AioRpcError as error:
            self._judge(error)
        except Exception:  # a mistake of ours: nobody knows what was told, so everybody has to come again
            log.exception("listen_failed")
            self._refuse_all()
        finally:
            self._read_before += dialogue.documents_read
            self._dialogue = None
            await dialogue.close()
        return dialogue.told_at is not None and time.monotonic() - dialogue.told_at > backoff.FIRST_BACKOFF_SECONDS

    def _judge(self, error: grpc.aio.AioRpcError) -> None:
        """After this, the next attempt may succeed, or there is none."""
        code = error.code().value[0]
        log.info("listen_broken", code=code, reason=error.details())
        with_token = [feed for feed in self._feeds if feed.token]
        if code in TOKEN_REFUSALS and with_token:
            for feed in with_token:
                feed.token = b""
        elif code in FINAL_CODES:
            self._refuse_all()

    def _refuse_all(self) -> None:
        self.is_refused = True
        for feed in list(self._feeds):
            _refuse(feed, UnavailableError(NO_ANSWER))


def _refuse(feed: Feed, error: RepositoryError) -> None:
    for audience in list(feed.audiences):
        audience.fail(error)
