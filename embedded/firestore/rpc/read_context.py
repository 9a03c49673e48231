"""The context of a reading request: its transaction, and the snapshot that this or its read_time asks for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from embedded.firestore.model.paths import Path
from embedded.firestore.model.protos import Message
from embedded.firestore.query.query import Query
from embedded.firestore.store.snapshots import Snapshot
from embedded.firestore.store.storage import Storage
from embedded.firestore.transactions.transactions import Transaction, Transactions


class Sessions:
    """Opens snapshots for requests."""

    def __init__(self, storage: Storage, transactions: Transactions) -> None:
        self._storage = storage
        self._transactions = transactions

    def transaction_of(self, request: Message, database: str) -> Transaction | None:
        """The transaction that a request reads in, begun for it where it asks for a new one."""
        selector = request.WhichOneof("consistency_selector")
        if selector == "transaction":
            return self._transactions.get(request.transaction, database)
        if selector == "new_transaction":
            return self._transactions.begin(database, request.new_transaction)
        return None

    @asynccontextmanager
    async def snapshot_of(
        self, request: Message, transaction: Transaction | None, wanted: list[Path] | Query
    ) -> AsyncIterator[Snapshot]:
        """The snapshot of the transaction, of the read_time, or of now; the documents to read are locked."""
        read_time = None
        if transaction is not None:
            read_time = await self._transactions.prepare_read(transaction, wanted)
        elif request.HasField("read_time"):
            read_time = self._transactions.parse_read_time(request.read_time)
        async with self._storage.snapshot(read_time) as snapshot:
            yield snapshot
