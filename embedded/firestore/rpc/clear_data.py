"""ClearData, the method of Google's emulator by which tests begin with an empty database."""

import asyncio
from typing import cast

from google.protobuf.wrappers_pb2 import StringValue

from embedded.firestore.model.paths import parse_database
from embedded.firestore.model.protos import Message
from embedded.firestore.store.storage import Storage
from embedded.firestore.transactions.transactions import Transactions

# google.firestore.emulator.v1.ClearDataRequest has one field, `string database = 1`: the same bytes as a StringValue.
ClearDataRequest = cast("type[Message]", StringValue)


class ClearDataService:
    """ClearData of one database, or of all."""

    def __init__(self, storage: Storage, transactions: Transactions) -> None:
        self._storage = storage
        self._transactions = transactions

    async def clear_data(self, request: Message) -> bytes:
        """Deletes every document of the database, or where none is named, of all databases, in one commit.

        Listeners are told, past versions stay readable, and open transactions end.
        """
        database = parse_database(request.value) if request.value else None
        self._transactions.expire_all(database)
        # To the end even if the client hangs up half way.
        await asyncio.shield(asyncio.ensure_future(self._storage.writer.delete_all(database)))
        return b""
