"""Transactions as the clients' libraries drive them, one request at a time."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from google.cloud.firestore_v1 import _helpers

from tests import patience
from tests.embedded.firestore.conformance.place import Place, code_and_message, value

READ_ONLY: dict[str, Any] = {"read_only": {}}

# Long enough for a write that does not wait to be done. A slow machine cannot fail a test by it, only let it pass.
PATIENCE_SECONDS = 0.4


def begin(place: Place, options: dict[str, Any] | None = None) -> bytes:
    """The id of a new transaction, read-write where the options say nothing else."""
    return bytes(place.call("begin_transaction", {"database": "{database}", "options": options or {}}).transaction)


def read(place: Place, path: str, **consistency: Any) -> Any:
    """The document's fields as the transaction (or the read_time) sees them, or None."""
    request = {"database": "{database}", "documents": [place.name(path)], **consistency}
    answers = place.call("batch_get_documents", request)
    (found,) = [answer.found for answer in answers if answer.found.name or answer.missing]
    return _helpers.decode_dict(found.fields, place.client) if found.name else None


def query(place: Place, where: dict[str, Any] | None = None, **consistency: Any) -> list[str]:
    """The ids in the collection as the transaction (or the read_time) sees them."""
    structured = place.structured({"where": where} if where else {})
    answers = place.call("run_query", {"parent": "{parent}", "structured_query": structured, **consistency})
    return [answer.document.name.rpartition("/")[2] for answer in answers if answer.document.name]


def setting(place: Place, path: str, **fields: Any) -> dict[str, Any]:
    """A write that sets a document."""
    return {"update": {"name": place.name(path), "fields": {key: value(each) for key, each in fields.items()}}}


def commit(place: Place, transaction: bytes, *writes: dict[str, Any]) -> Any:
    """The response to the transaction's Commit."""
    return place.call("commit", {"database": "{database}", "transaction": transaction, "writes": list(writes)})


def rollback(place: Place, transaction: bytes) -> None:
    """The transaction is over, and nothing of it is done."""
    place.call("rollback", {"database": "{database}", "transaction": transaction})


@contextmanager
def beside(*acts: Callable[[], Any]) -> Iterator[list[Future[Any]]]:
    """The acts go on in threads of their own, and have ended on the way out."""
    with ThreadPoolExecutor(len(acts)) as pool:
        yield [pool.submit(act) for act in acts]


def assert_waits(future: Future[Any]) -> None:
    """The act has not ended yet."""
    with pytest.raises(TimeoutError):
        future.result(PATIENCE_SECONDS)


def outcome(future: Future[Any]) -> str:
    """OK, or the code with which the act was refused."""
    error = future.exception(patience.PATIENCE_SECONDS)
    return "OK" if error is None else code_and_message(error)[0]
