"""The RPCs around a transaction, which Google's client keeps to itself.

Its own `async_transactional` can neither hold a transaction open for `async with`, nor take a deadline, nor tell an
ABORTED read from a bug; and its commit is sent again in silence after it may have been done.
"""

from datetime import datetime
from typing import Any

from google.cloud.firestore import AsyncTransaction
from google.cloud.firestore_v1.types import CommitResponse

from repositories.client import FirestoreClient
from repositories.firestore.decoding import decode_time


class Transaction(AsyncTransaction):
    """A transaction that is begun, committed and rolled back by hand, each with a deadline and without retries."""

    def __init__(self, client: FirestoreClient) -> None:
        super().__init__(client)

    async def begin(self, retried: "Transaction | None", timeout_seconds: float) -> None:
        """The transaction has an id, and takes the place in line of `retried`."""
        options = self._options_protobuf(None if retried is None else retried.id)
        response = await self._api.begin_transaction(
            request={"database": self._database, "options": options}, **self._send_options(timeout_seconds)
        )
        self._id = response.transaction

    async def commit_once(self, timeout_seconds: float) -> datetime | None:
        """The time of the commit of the added writes, if the documents that were read are unchanged."""
        request = {"database": self._database, "writes": self._write_pbs, "transaction": self._id}
        response = await self._api.commit(request=request, **self._send_options(timeout_seconds))
        return decode_time(CommitResponse.pb(response).commit_time)

    async def roll_back(self, timeout_seconds: float) -> None:
        """The transaction is over, and its locks are free."""
        request = {"database": self._database, "transaction": self._id}
        await self._api.rollback(request=request, **self._send_options(timeout_seconds))

    @property
    def _api(self) -> Any:
        return self._client._firestore_api  # noqa: SLF001  the client shares it with its own transactions only

    @property
    def _database(self) -> str:
        return str(self._client._database_string)  # noqa: SLF001  as above

    def _send_options(self, timeout_seconds: float) -> dict[str, Any]:
        metadata = self._client._rpc_metadata  # noqa: SLF001  as above
        return {"metadata": metadata, "retry": None, "timeout": timeout_seconds}
