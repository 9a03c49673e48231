"""Both of Python's clients, the one that blocks and the one that is awaited, behind the same few calls."""

import asyncio
import inspect
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.async_query import AsyncQuery
from google.cloud.firestore_v1.query import Query

from tests.embedded.firestore.conformance.place import ONCE, Place, connect
from tests.embedded.firestore.conformance.transactions import begin

KINDS = ("sync", "async")


@dataclass(frozen=True)
class Asker:
    """One of the clients; `runner` is None where it blocks by itself."""

    client: Any
    runner: "asyncio.Runner | None"

    def settle(self, answer: Any) -> Any:
        """The value of what a client's method has returned: waited for, and a list where it is many."""
        if self.runner is None:
            return list(answer) if isinstance(answer, Iterator) else answer
        if hasattr(answer, "__aiter__"):
            return self.runner.run(collect(answer))
        return self.runner.run(wait(answer)) if inspect.isawaitable(answer) else answer

    def below(self, path: str, collection_id: str) -> Any:
        """A query for the collections of an id below a document, at any depth."""
        query_class = Query if self.runner is None else AsyncQuery
        return query_class(self.client.document(path).collection(collection_id), all_descendants=True)

    def begin(self, place: Place, **options: Any) -> Any:
        """A transaction of this client that has begun."""
        transaction = self.client.transaction()
        transaction._id = begin(place, options)
        return transaction

    def find(self, query: Any) -> list[str]:
        """The ids that a query of this client finds, in its order."""
        return [snapshot.id for snapshot in self.settle(query.get(**ONCE))]

    def commit(self, place: Place, documents: Mapping[str, Mapping[str, Any]]) -> Any:
        """The write results of one commit that sets the documents."""
        batch = self.client.batch()
        for path, fields in documents.items():
            batch.set(self.client.document(f"{place.collection_id}/{path}"), fields)
        return self.settle(batch.commit(**ONCE))


@contextmanager
def asking(kind: str, host_port: str) -> Iterator[Asker]:
    """A client of that kind, closed on the way out."""
    if kind == "sync":
        with closing(connect(host_port)) as client:
            yield Asker(client, None)
        return
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", host_port)
        client = firestore.AsyncClient(project="conformance", credentials=AnonymousCredentials())
        runner.run(_touch(client))
        yield Asker(client, runner)
        client.close()


async def _touch(client: Any) -> None:
    """Lets the client make its channel within the loop that it is used in."""
    await client.document("c/none").get(**ONCE)


async def wait(answer: Awaitable[Any]) -> Any:
    """The answer, as a coroutine that a runner takes."""
    return await answer


async def collect(answers: Any) -> list[Any]:
    """All answers."""
    return [answer async for answer in answers]
