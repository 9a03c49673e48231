"""What is asked and told over one connection: targets, their documents, and the moments at which they make a state."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog
from google.cloud.firestore_v1.types import TargetChange

from repositories.exceptions import RepositoryError, TooManyDocumentsError, UnavailableError
from repositories.firestore.backoff import compute_backoff_seconds
from repositories.firestore.rpc import NO_ANSWER
from repositories.firestore.transport import Wire
from repositories.listening.changes import Event
from repositories.listening.status_codes import FINAL_CODES, TOKEN_REFUSALS
from repositories.listening.target_state import Feed
from repositories.listening.versions import to_micros
from repositories.listening.watch_call import ListenCall

log = structlog.get_logger(__name__)

SILENCE_SECONDS = 120.0
"""What Firestore's client for Node takes for the end of a stream; the embedded one says something every half minute."""

_Kind = TargetChange.TargetChangeType
_NO_EVENTS: Sequence[Event] = ()


class Dialogue:
    """One Listen call, from its construction until `close`. `told_at` is when it made its first state.

    Feeds that Firestore refuses for good, or that grow too large, are given to `on_refused`.
    """

    def __init__(self, wire: Wire, on_refused: Callable[[Feed, RepositoryError], None]) -> None:
        self.documents_read = 0
        self.told_at: float | None = None
        self._root = wire.root
        self._on_refused = on_refused
        self._call = ListenCall(wire)
        self._feeds: dict[int, Feed] = {}
        self._ending: dict[int, Feed] = {}  # of which something may still be on its way
        self._later: dict[Feed, asyncio.TimerHandle] = {}  # refused for now
        self._last_id = 0

    def ask(self, feed: Feed) -> None:
        """The feed will be told what has changed since its token, or without one everything."""
        self._later.pop(feed, None)
        feed.ask()
        self._last_id += 1
        self._feeds[self._last_id] = feed
        target = feed.target.build(self._root)
        target.target_id = self._last_id
        if feed.token:
            target.resume_token = feed.token
            target.expected_count.value = len(feed.documents)
        self._call.ask(add_target=target)

    def stop(self, feed: Feed) -> bool:
        """The feed is told nothing more; it is closed once Firestore knows that. False where it was not being told."""
        if timer := self._later.pop(feed, None):
            timer.cancel()
        target_ids = [target_id for target_id, known in self._feeds.items() if known is feed]
        for target_id in target_ids:
            self._ending[target_id] = self._feeds.pop(target_id)
            self._call.ask(remove_target=target_id)
        return bool(target_ids)

    async def follow(self) -> None:
        """Returns when Firestore ends the call. Raises gRPC's errors, and TimeoutError where it is silent."""
        while (message := await self._read()) is not None:
            # Not by a table of our methods: such a ring keeps the connection open until it is collected as garbage.
            match message.WhichOneof("response_type"):
                case "target_change":
                    self._take_target_change(message.target_change)
                case "document_change":
                    self._take_change(message.document_change)
                case "document_delete":
                    self._take_loss(message.document_delete)
                case "document_remove":
                    self.documents_read += 1  # a delete is not billed
                    self._take_loss(message.document_remove)
                case "filter":
                    self._take_count(message.filter)

    async def close(self) -> None:
        """The call has ended; what was told and made no state is of no use."""
        for timer in self._later.values():
            timer.cancel()
        for feed in self._feeds.values():
            feed.settle()
        for feed in self._ending.values():
            feed.close()
        await self._call.close()

    async def _read(self) -> Any:
        async with asyncio.timeout(SILENCE_SECONDS):
            return await self._call.read()

    def _find(self, target_ids: Iterable[int]) -> list[Feed]:
        return [self._feeds[target_id] for target_id in target_ids if target_id in self._feeds]

    def _take_change(self, told: Any) -> None:
        self.documents_read += 1
        for target_id in self._ending.keys() & told.target_ids:
            self._ending[target_id].count_read()
        for feed in self._find(told.target_ids):
            feed.change(told.document)
            self._refuse_if_too_large(feed)
        for feed in self._find(told.removed_target_ids):
            feed.lose(told.document.name, to_micros(told.document.update_time))

    def _take_loss(self, told: Any) -> None:
        for feed in self._find(told.removed_target_ids):
            feed.lose(told.document, to_micros(told.read_time))

    def _take_count(self, told: Any) -> None:
        """A feed that has lost its way, which a count shows, begins anew."""
        for feed in self._find([told.target_id]):
            if feed.count() != told.count:
                log.info("listen_mismatch", target=repr(feed.target))
                self.stop(feed)
                self._ask_for_all(feed)

    def _take_target_change(self, told: Any) -> None:
        kind = _Kind(told.target_change_type)
        if kind is _Kind.REMOVE:
            for target_id in list(told.target_ids or self._feeds):
                self._take_refusal(target_id, told.cause.code)
                if ended := self._ending.pop(target_id, None):
                    ended.close()
            return
        for feed in self._find(told.target_ids) if told.target_ids else self._feeds.values():
            if kind is _Kind.RESET:
                feed.reset()
            elif kind is _Kind.CURRENT:
                feed.is_current = True
            feed.keep_token(told.resume_token)
        if kind is _Kind.NO_CHANGE and not told.target_ids and told.HasField("read_time"):
            self._advance(to_micros(told.read_time))

    def _take_refusal(self, target_id: int, code: int) -> None:
        feed = self._feeds.pop(target_id, None)
        if feed is None:
            return  # we have asked for that
        feed.is_current = False
        log.info("listen_refused", code=code, target=repr(feed.target))
        if code in TOKEN_REFUSALS and feed.token:
            self._ask_for_all(feed)
        elif code in FINAL_CODES:
            self._on_refused(feed, UnavailableError(NO_ANSWER))
        else:
            self._ask_later(feed)

    def _ask_for_all(self, feed: Feed) -> None:
        feed.token = b""
        self.ask(feed)

    def _ask_later(self, feed: Feed) -> None:
        timer = asyncio.get_running_loop().call_later(compute_backoff_seconds(0), self.ask, feed)
        self._later[feed] = timer

    def _advance(self, read_micros: int) -> None:
        """What was told up to here is the state of this time."""
        feeds = self._list_current()
        for feed in feeds:
            feed.advance(read_micros)
            self._refuse_if_too_large(feed)
        concerned = (audience for feed in feeds for audience in feed.audiences if feed.events or audience.is_eager)
        for audience in dict.fromkeys(concerned):
            audience.tell()
        for feed in feeds:
            feed.events = _NO_EVENTS
        if feeds and self.told_at is None:
            self.told_at = time.monotonic()

    def _refuse_if_too_large(self, feed: Feed) -> None:
        """Refuses the feed where it has become too large."""
        if feed.is_too_large:
            log.info("listen_too_large", target=repr(feed.target), limit=feed.max_documents)
            self._on_refused(feed, TooManyDocumentsError(feed.max_documents))

    def _list_current(self) -> Sequence[Feed]:
        """The feeds that were told everything up to now. Those that belong together go together."""
        feeds = list(self._feeds.values())
        if all(feed.is_current for feed in feeds):
            return feeds
        return [feed for feed in feeds if all(audience.is_current for audience in feed.audiences)]
