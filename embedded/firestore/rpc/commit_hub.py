"""From durable commits to the streams that wait for them: nothing is polled, and a slow stream holds up no commit."""

import asyncio
from collections import deque
from collections.abc import Hashable, Iterable, Iterator

from embedded.firestore.model.paths import Path
from embedded.firestore.rpc.listen_states import FEED_TRANSITIONS, FeedEvent, FeedState, StateMachine
from embedded.firestore.store.storage import Storage
from embedded.firestore.store.writer import CommitResult

MAX_WAITING_COMMITS = 1000
MAX_WAITING_BYTES = 8 * 1024 * 1024


class Feed:
    """The commits that one stream has still to tell, in order. Those that do not fit are dropped, all of them."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self._life = StateMachine(FeedState.FOLLOWING, FEED_TRANSITIONS)
        self._commits: deque[tuple[CommitResult, int]] = deque()
        self._size_bytes = 0

    def __len__(self) -> int:
        """How many commits wait."""
        return len(self._commits)

    @property
    def state(self) -> FeedState:
        """Whether the feed holds what the stream has still to tell."""
        return self._life.state

    @property
    def is_empty(self) -> bool:
        """Whether the stream has told all that it was given."""
        return not self._commits and self.state is FeedState.FOLLOWING

    def push(self, commit: CommitResult, size_bytes: int) -> None:
        """Adds a commit; once too many wait, the stream has to read the present state instead."""
        self.woken.set()
        if self.state is not FeedState.FOLLOWING:
            return
        is_full = len(self._commits) >= MAX_WAITING_COMMITS or self._size_bytes + size_bytes > MAX_WAITING_BYTES
        if self._commits and is_full:
            self._life.change(FeedEvent.OVERFLOW)
            self._clear()
            return
        self._commits.append((commit, size_bytes))
        self._size_bytes += size_bytes

    def pop(self) -> CommitResult | None:
        """The earliest commit that waits, or None."""
        if not self._commits:
            return None
        commit, size_bytes = self._commits.popleft()
        self._size_bytes -= size_bytes
        return commit

    def catch_up(self) -> None:
        """Forgets all that waits: the stream reads the present state instead."""
        self._life.change(FeedEvent.CATCH_UP)
        self._clear()

    def close(self) -> None:
        """Tells the stream that the server ends."""
        self._life.change(FeedEvent.CLOSE)
        self.woken.set()

    def _clear(self) -> None:
        self._commits.clear()
        self._size_bytes = 0


class Subscription:
    """A feed's wish to hear of the documents that a target's keys stand for."""

    def __init__(self, feed: Feed, keys: tuple[Hashable, ...]) -> None:
        self.feed = feed
        self.keys = keys


class CommitHub:
    """Gives each durable commit to the feeds that have asked for one of its documents."""

    def __init__(self, storage: Storage) -> None:
        self._clock = storage.clock
        self._writer = storage.writer
        self._now = storage.clock.read_time()
        self._subscriptions: dict[Hashable, set[Subscription]] = {}
        storage.writer.listeners.append(self._distribute)

    def now(self) -> int:
        """A time up to which every commit has been given to the feeds, and after which none has."""
        if self._writer.is_flushed:
            self._now = self._clock.read_time()
        return self._now

    def subscribe(self, feed: Feed, keys: Iterable[Hashable]) -> Subscription:
        """Subscribes a feed to every commit from now on that changes a document with one of the keys of `keys_of`."""
        subscription = Subscription(feed, tuple(keys))
        for key in subscription.keys:
            self._subscriptions.setdefault(key, set()).add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Ends a subscription."""
        for key in subscription.keys:
            remaining = self._subscriptions.get(key, set())
            remaining.discard(subscription)
            if not remaining:
                self._subscriptions.pop(key, None)

    def _distribute(self, commit: CommitResult) -> None:
        self._now = commit.commit_time
        if not self._subscriptions:
            return
        feeds = {
            subscription.feed
            for change in commit.changes
            for key in keys_of(change.path)
            for subscription in self._subscriptions.get(key, ())
        }
        if feeds:
            size_bytes = _measure(commit)
            for feed in feeds:
                feed.push(commit, size_bytes)


def keys_of(path: Path) -> Iterator[Hashable]:
    """The keys that a target may be subscribed to: the document, its collection, and that one's group."""
    yield path
    yield path.parent
    yield path.database, path.segments[-2]


def _measure(commit: CommitResult) -> int:
    documents = (document for change in commit.changes for document in (change.before, change.after))
    return sum(document.ByteSize() for document in documents if document is not None)
