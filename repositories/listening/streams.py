"""One Listen stream with the targets of many: what it tells becomes states of feeds; when it breaks, it is healed.

Every state is one moment of all its targets. So what belongs together, such as a video and its clips, is on one stream.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import grpc
import structlog
from google.cloud.firestore_v1.types import TargetChange

from repositories.calls import NO_ANSWER
from repositories.exceptions import UnavailableError
from repositories.listening.calls import ListenCall
from repositories.listening.changes import Event
from repositories.listening.feeds import Feed
from repositories.listening.versions import to_micros
from repositories.wire import Wire

log = structlog.get_logger(__name__)

SILENCE_SECONDS = 120.0
"""What Firestore's client for Node takes for the end of a stream; the real service says something every half minute."""

FIRST_BACKOFF_SECONDS = 1.0
BACKOFF_FACTOR = 1.5
MAX_BACKOFF_SECONDS = 15.0

_TOKEN_REFUSALS = {3, 9, 11}  # INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE
# What Firestore's own clients take for final: 3, 5 NOT_FOUND, 6 ALREADY_EXISTS, 7 PERMISSION_DENIED, 9, 11,
# 12 UNIMPLEMENTED and 15 DATA_LOSS.
_FINAL = _TOKEN_REFUSALS | {5, 6, 7, 12, 15}
_Kind = TargetChange.TargetChangeType
_NO_EVENTS: Sequence[Event] = ()


class Stream:
    """Runs from its construction until it is closed, or Firestore refuses it for good (`is_refused`)."""

    def __init__(self, wire: Wire) -> None:
        self.documents_read = 0
        self.is_refused = False
        self._wire = wire
        self._feeds: dict[int, Feed] = {}
        self._all_feeds: dict[Feed, int] = {}
        self._last_id = 0
        self._call: ListenCall | None = None
        self._told_at: float | None = None  # when this connection made its first state
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._answers: dict[str, Callable[[Any], None]] = {
            "target_change": self._take_target_change,
            "document_change": self._take_change,
            "document_delete": self._take_loss,
            "document_remove": self._take_loss,
            "filter": self._take_count,
        }

    def add(self, feed: Feed) -> None:
        """The feed is told its documents."""
        self._all_feeds[feed] = 0
        self._ask(feed)

    def remove(self, feed: Feed) -> None:
        """The feed is told nothing more."""
        self._stop(feed)
        self._all_feeds.pop(feed, None)

    async def close(self) -> None:
        """The stream has ended."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        failures = 0
        while not self.is_refused:
            try:
                await self._listen()
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                self._judge(error)
            except Exception:  # a mistake of ours must not leave everybody waiting in silence
                log.exception("listen_failed")
            # A connection that was of use for a while is made again at once.
            is_sound = self._told_at is not None and time.monotonic() - self._told_at > FIRST_BACKOFF_SECONDS
            failures = 0 if is_sound else failures + 1
            if failures:
                await asyncio.sleep(compute_backoff_seconds(failures - 1))

    async def _listen(self) -> None:
        """Returns when the stream ends."""
        self._told_at = None
        self._feeds.clear()
        self._call = ListenCall(self._wire)
        try:
            for feed in self._all_feeds:
                self._ask(feed)
            while (message := await self._read(self._call)) is not None:
                self._answers[message.WhichOneof("response_type")](message)
        finally:
            call, self._call = self._call, None
            for feed in self._all_feeds:
                feed.is_current = False
            await call.close()

    async def _read(self, call: ListenCall) -> Any:
        async with asyncio.timeout(SILENCE_SECONDS):
            return await call.read()

    def _judge(self, error: grpc.aio.AioRpcError | TimeoutError) -> None:
        """After this, the next attempt may succeed, or there is none."""
        code = 14 if isinstance(error, TimeoutError) else error.code().value[0]
        log.info("listen_broken", code=code, reason=str(error) if isinstance(error, TimeoutError) else error.details())
        tokens = [feed for feed in self._all_feeds if feed.token]
        if code in _TOKEN_REFUSALS and tokens:
            for feed in tokens:
                feed.token = b""
        elif code in _FINAL:
            self.is_refused = True
            self._fail(list(self._all_feeds))

    def _ask(self, feed: Feed) -> None:
        feed.ask()
        if self._call is None:
            return
        self._last_id += 1
        self._feeds[self._last_id] = feed
        self._all_feeds[feed] = self._last_id
        target = feed.target.build(self._wire.root)
        target.target_id = self._last_id
        if feed.token:
            target.resume_token = feed.token
            target.expected_count.value = len(feed.documents)
        self._call.ask(add_target=target)

    def _ask_again(self, feed: Feed) -> None:
        """The feed is told everything anew."""
        self._stop(feed)
        feed.token = b""
        self._ask(feed)

    def _stop(self, feed: Feed) -> None:
        target_id = self._all_feeds.get(feed, 0)
        if self._feeds.pop(target_id, None) is not None and self._call is not None:
            self._call.ask(remove_target=target_id)

    def _find(self, target_ids: Iterable[int]) -> list[Feed]:
        return [self._feeds[target_id] for target_id in target_ids if target_id in self._feeds]

    def _take_change(self, message: Any) -> None:
        told = message.document_change
        self.documents_read += 1
        for feed in self._find(told.target_ids):
            feed.change(told.document)
        for feed in self._find(told.removed_target_ids):
            feed.lose(told.document.name, to_micros(told.document.update_time))

    def _take_loss(self, message: Any) -> None:
        is_removed = message.WhichOneof("response_type") == "document_remove"
        told = message.document_remove if is_removed else message.document_delete
        self.documents_read += is_removed  # a delete is not billed
        for feed in self._find(told.removed_target_ids):
            feed.lose(told.document, to_micros(told.read_time))

    def _take_count(self, message: Any) -> None:
        """A feed that has lost its way, which a count shows, begins anew."""
        for feed in self._find([message.filter.target_id]):
            if feed.count() != message.filter.count:
                log.info("listen_mismatch", target=repr(feed.target))
                self._ask_again(feed)

    def _take_target_change(self, message: Any) -> None:
        told = message.target_change
        kind = _Kind(told.target_change_type)
        feeds = self._find(told.target_ids) if told.target_ids else list(self._feeds.values())
        if kind is _Kind.REMOVE:
            for feed in feeds:
                self._take_refusal(feed, told.cause.code)
            return
        for feed in feeds:
            if kind is _Kind.RESET:
                feed.reset()
            elif kind is _Kind.CURRENT:
                feed.is_current = True
            feed.keep_token(told.resume_token)
        if kind is _Kind.NO_CHANGE and not told.target_ids and told.HasField("read_time"):
            self._advance(to_micros(told.read_time))

    def _advance(self, read_micros: int) -> None:
        """What was told up to here is the state of this time."""
        feeds = self._list_current()
        for feed in feeds:
            feed.advance(read_micros)
        concerned = (audience for feed in feeds for audience in feed.audiences if feed.events or audience.is_eager)
        for audience in dict.fromkeys(concerned):
            audience.tell()
        for feed in feeds:
            feed.events = _NO_EVENTS
        if feeds and self._told_at is None:
            self._told_at = time.monotonic()

    def _list_current(self) -> Sequence[Feed]:
        """The feeds that were told everything up to now. Those that belong together go together."""
        feeds = list(self._feeds.values())
        if all(feed.is_current for feed in feeds):
            return feeds
        return [feed for feed in feeds if all(audience.is_current for audience in feed.audiences)]

    def _take_refusal(self, feed: Feed, code: int) -> None:
        self._feeds.pop(self._all_feeds[feed], None)
        log.info("listen_refused", code=code, target=repr(feed.target))
        if code in _TOKEN_REFUSALS and feed.token:
            self._ask_again(feed)
        elif code in _FINAL:
            self._fail([feed])
        else:
            feed.is_current = False
            asyncio.get_running_loop().call_later(compute_backoff_seconds(0), self._ask_if_lost, feed)

    def _ask_if_lost(self, feed: Feed) -> None:
        if feed in self._all_feeds and self._all_feeds[feed] not in self._feeds:
            self._ask(feed)

    def _fail(self, feeds: Iterable[Feed]) -> None:
        for feed in feeds:
            for audience in list(feed.audiences):
                audience.fail(UnavailableError(NO_ANSWER))


def compute_backoff_seconds(attempt: int) -> float:
    """How long to wait after the attempt (from 0 on): growing, bounded, and random, so that processes part."""
    longest_seconds = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * BACKOFF_FACTOR ** min(attempt, 16))
    return random.uniform(0.5, 1.0) * longest_seconds  # noqa: S311  nobody gains by guessing it
