"""The targets of a stream: documents by name, the results of a query, or the first so many of them.

A target tells its documents in two ways: from a snapshot, all of them or what has changed since a time; and commit by
commit. Both say the same of the same commits.
"""

from collections.abc import AsyncIterator, Hashable, Iterable
from typing import Protocol

from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.paths import Path, assert_database, decode_segments, parse_document, parse_parent
from embedded.firestore.model.protos import Document, Message
from embedded.firestore.query.executor import Execution
from embedded.firestore.query.query import Query, parse_query
from embedded.firestore.rpc.field_masks import mask_data
from embedded.firestore.rpc.listen_messages import tell_changed, tell_gone
from embedded.firestore.rpc.resume_tokens import EVERYTHING, ended_versions
from embedded.firestore.store.snapshots import Snapshot
from embedded.firestore.store.storage import Storage
from embedded.firestore.store.writer import Change, CommitResult, Pace


class Target(Protocol):
    """One target of one stream. `count` is how many documents it had when it last told them from a snapshot."""

    count: int
    is_resumable: bool

    @property
    def keys(self) -> Iterable[Hashable]:
        """The keys of the commits that concern the target."""

    def tell(self, snapshot: Snapshot, since: int) -> AsyncIterator[bytes]:
        """The messages of all changes since a time; with EVERYTHING, of every document."""

    async def follow(self, commit: CommitResult, since: int) -> list[bytes]:
        """The messages of a commit's changes, everything up to `since` having been told."""


class DocumentsTarget:
    """Documents by name; of those that are missing, this is told as well."""

    is_resumable = True

    def __init__(self, target_id: int, paths: Iterable[Path]) -> None:
        self._id = target_id
        self.count = 0
        self.keys = frozenset(paths)

    async def tell(self, snapshot: Snapshot, since: int) -> AsyncIterator[bytes]:
        """The documents that have changed, and all that are missing."""
        self.count = 0
        for path in self.keys:
            stored = snapshot.get(path)
            if stored is None:
                yield tell_gone(self._id, path.name, snapshot.read_time, is_deleted=True)
                continue
            self.count += 1
            if stored.updated > since:
                yield tell_changed(self._id, stored.data)

    async def follow(self, commit: CommitResult, since: int) -> list[bytes]:  # noqa: ARG002 - of the protocol
        """A commit's changes of the documents."""
        return [
            tell_changed(self._id, change.after.SerializeToString())
            if change.after is not None
            else tell_gone(self._id, change.path.name, commit.commit_time, is_deleted=True)
            for change in commit.changes
            if change.path in self.keys
        ]


class QueryTarget:
    """All results of a query. Whether a document was and is one of them says the change itself: none is remembered."""

    is_resumable = True

    def __init__(self, target_id: int, query: Query, storage: Storage) -> None:
        self._id = target_id
        self._query = query
        self._storage = storage
        self.count = 0

    @property
    def keys(self) -> list[Hashable]:
        """The collection, or the group."""
        scope = self._query.scope
        collection_id = scope.collection_id or ""
        return [(scope.parent.database, collection_id) if scope.is_group else scope.parent.child(collection_id)]

    async def tell(self, snapshot: Snapshot, since: int) -> AsyncIterator[bytes]:
        """The results that have changed, and what has been a result since then and is none."""
        self.count = 0
        async for stored in Execution(snapshot, self._query, self._storage.indexes).run():
            if stored is not None:
                self.count += 1
                if stored.updated > since:
                    yield self._tell_changed(stored.data)
        if since != EVERYTHING:
            async for message in self._tell_lost(snapshot, since):
                yield message

    async def follow(self, commit: CommitResult, since: int) -> list[bytes]:  # noqa: ARG002 - of the protocol
        """A commit's changes of the results."""
        messages = []
        pace = Pace()
        for change in commit.changes:
            if change.after is not None and self._matches(change.path, change.after):
                messages.append(self._tell_changed(change.after.SerializeToString()))
            elif change.before is not None and self._matches(change.path, change.before):
                messages.append(self._tell_gone(change.path, commit.commit_time, is_deleted=change.after is None))
            await pace.pause()
        return messages

    def _matches(self, path: Path, document: Document) -> bool:
        return self._query.matches(path, document)

    def _tell_changed(self, data: bytes) -> bytes:
        return tell_changed(self._id, mask_data(data, self._query.projection))

    def _tell_gone(self, path: Path, read_time: int, *, is_deleted: bool) -> bytes:
        return tell_gone(self._id, path.name, read_time, is_deleted=is_deleted)

    async def _tell_lost(self, snapshot: Snapshot, since: int) -> AsyncIterator[bytes]:
        """The messages of lost results, of any time since: a stream that was cut may have told half of a commit."""
        scope = self._query.scope
        seen: set[bytes] = set()
        pace = Pace()
        for key, data in ended_versions(snapshot, scope.parent.database, scope.prefix, since):
            path = Path(scope.parent.database, decode_segments(key))
            if key not in seen and self._matches(path, Document.FromString(data)):
                seen.add(key)
                stored = snapshot.get(path)
                if stored is None or not self._matches(path, Document.FromString(stored.data)):
                    yield self._tell_gone(path, snapshot.read_time, is_deleted=stored is None)
            await pace.pause()


class PageTarget(QueryTarget):
    """The first results of a query, as its limit and offset say: what leaves them lets others in.

    The names of these results are remembered, and they are read again from the index when a commit may have changed
    which they are. They cannot be resumed: which others came and went since then, nobody knows.
    """

    is_resumable = False

    def __init__(self, target_id: int, query: Query, storage: Storage) -> None:
        super().__init__(target_id, query, storage)
        self._names: set[bytes] = set()
        self._last_key: bytes | None = None  # of the last result, if there may be others behind it

    async def tell(self, snapshot: Snapshot, since: int) -> AsyncIterator[bytes]:
        """The results that are new among the first or have changed, and what has left them."""
        known = self._names if since != EVERYTHING else set()
        names: set[bytes] = set()
        read, last = 0, None
        async for stored in Execution(snapshot, self._query, self._storage.indexes).run():
            read += 1
            if stored is not None:
                names.add(stored.path)
                last = stored
                if stored.path not in known or stored.updated > since:
                    yield self._tell_changed(stored.data)
        for name in known - names:
            path = Path(self._query.scope.parent.database, decode_segments(name))
            yield self._tell_gone(path, snapshot.read_time, is_deleted=snapshot.get(path) is None)
        self._names, self.count = names, len(names)
        self._last_key = None
        if self._query.limit is not None and read == self._query.limit + self._query.offset:
            self._last_key = b"" if last is None else self._query.sort_key(last.path, Document.FromString(last.data))

    async def follow(self, commit: CommitResult, since: int) -> list[bytes]:
        """How a commit has changed the first results."""
        if not any(self._concerns(change) for change in commit.changes):
            return []
        async with self._storage.snapshot(commit.commit_time) as snapshot:
            return [message async for message in self.tell(snapshot, since)]

    def _concerns(self, change: Change) -> bool:
        """Whether a document was or has come before the end of the page."""
        if not self._query.scope.holds(change.path):
            return False
        documents = [document for document in (change.before, change.after) if document is not None]
        keys = [self._query.sort_key(change.path.key, document) for document in documents]
        return any(key is not None and (self._last_key is None or key <= self._last_key) for key in keys)


def parse_target(target_id: int, target: Message, database: str, storage: Storage) -> Target:
    """The target that a request asks for; InvalidArgumentError says what to change."""
    kind = target.WhichOneof("target_type")
    if kind == "documents":
        paths = [parse_document(name) for name in target.documents.documents]
        for path in paths:
            assert_database(path, database)
        return DocumentsTarget(target_id, paths)
    if kind != "query" or target.query.WhichOneof("query_type") != "structured_query":
        raise InvalidArgumentError("A target must have documents, or a query with a structured_query.")
    parent = parse_parent(target.query.parent)
    assert_database(parent, database)
    query = parse_query(parent, target.query.structured_query)
    _assert_listenable(query)
    is_page = query.limit is not None or query.offset
    return PageTarget(target_id, query, storage) if is_page else QueryTarget(target_id, query, storage)


def _assert_listenable(query: Query) -> None:
    """Raises InvalidArgumentError for a query that can only be run."""
    if query.scope.collection_id is None:
        raise InvalidArgumentError("All-collection queries are not supported by real-time queries.")
    if query.scope.is_below_document:
        raise InvalidArgumentError(
            "'all_descendants' in CollectionSelector with document parent is not supported by real-time queries."
        )
