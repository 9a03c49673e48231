"""The cost of a piece of work in Firestore."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

INDEX_ENTRIES_PER_READ = 1_000
"""A count is billed one document read for each of these that it goes through."""


@dataclass
class Meter:
    """Documents read and written, as Firestore bills them, and the RPCs that were sent."""

    document_reads: int = 0
    document_writes: int = 0
    rpcs: int = 0
    saved_document_reads: int = 0
    """Documents that were shown from memory, without a read."""
    paid_document_reads: int = 0
    """The part of the documents read that the caller had been charged for before."""

    def reset(self) -> None:
        """Counts no read or write."""
        self.document_reads = self.document_writes = self.rpcs = self.saved_document_reads = 0
        self.paid_document_reads = 0

    def add_reads(self, documents: int) -> None:
        """The documents are added to the reads."""
        self.document_reads += documents


_meter: ContextVar[Meter | None] = ContextVar("firestore_meter", default=None)


def find_meter() -> Meter | None:
    """The meter of the running task; None outside of `metered`."""
    return _meter.get()


@contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Every call within is counted in `meter`, also in tasks that start within."""
    before = _meter.get()
    _meter.set(meter)
    try:
        yield
    finally:
        # Not by a token: frameworks leave a context manager in another context than they entered it in.
        _meter.set(before)


def add_to_meter(cost: Meter) -> None:
    """The counts of `cost` are added to the running task's meter."""
    if meter := _meter.get():
        meter.document_reads += cost.document_reads
        meter.document_writes += cost.document_writes
        meter.rpcs += cost.rpcs
        meter.saved_document_reads += cost.saved_document_reads


def count_rpc() -> None:
    """One RPC more was sent."""
    if meter := _meter.get():
        meter.rpcs += 1


def count_reads(documents: int) -> None:
    """The documents of an RPC's answer are counted as reads: at least one, which Firestore bills for none."""
    if meter := _meter.get():
        meter.document_reads += max(1, documents)


def count_paid_reads(documents: int) -> None:
    """The documents are counted as reads that the caller has been charged for."""
    if meter := _meter.get():
        meter.document_reads += documents
        meter.paid_document_reads += documents


def count_saved_reads(documents: int) -> None:
    """The documents are counted as shown from memory."""
    if meter := _meter.get():
        meter.saved_document_reads += documents


def count_aggregation(counted: int) -> None:
    """A count over so many index entries is counted as reads."""
    count_reads(math.ceil(counted / INDEX_ENTRIES_PER_READ))


def count_writes(documents: int) -> None:
    """The documents of a commit are counted as writes."""
    if meter := _meter.get():
        meter.document_writes += documents
