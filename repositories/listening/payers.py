"""Payers of the reads that a subscription causes: a target's first snapshot, and past states."""

from collections.abc import Callable

from repositories.firestore.metering import find_meter

READS_PER_PAYMENT = 100
"""Documents that are read before their payer is told: a subscriber that leaves meanwhile pays for what was read."""


class Payer:
    """The account of one subscriber. Payers of one `name` take turns with reads of past states.

    `pay` is called with numbers of documents as they are read, also after the subscriber has left; `on_idle` each time
    that the last read ends.
    """

    __slots__ = ("_on_idle", "_reads", "name", "pay")

    def __init__(self, name: str, pay: Callable[[int], None], on_idle: Callable[[], None] | None = None) -> None:
        self.name = name
        self.pay = pay
        self._on_idle = on_idle
        self._reads = 0

    @property
    def is_idle(self) -> bool:
        """Whether no read is running."""
        return not self._reads

    def begin_read(self) -> None:
        """A read is running until `end_read`."""
        self._reads += 1

    def end_read(self) -> None:
        """One read has ended."""
        self._reads -= 1
        if self.is_idle and self._on_idle is not None:
            self._on_idle()


NOBODY = Payer("", lambda _: None)


class Bill:
    """The reads of a target's first snapshot, paid by its payer: at least one, which Firestore bills for none."""

    def __init__(self, payer: Payer) -> None:
        self._payer = payer
        self._unpaid = 0
        self._has_paid = False
        self._is_closed = False
        payer.begin_read()

    def add_read(self) -> None:
        """One document more was read."""
        self._unpaid += 1
        if self._unpaid == READS_PER_PAYMENT:
            self.settle()

    def settle(self) -> None:
        """All documents that were read up to now are paid."""
        if self._unpaid:
            self._payer.pay(self._unpaid)
            self._has_paid = True
        self._unpaid = 0

    def finish(self) -> None:
        """The first snapshot is whole, and paid."""
        if not self._has_paid:
            self._unpaid = max(1, self._unpaid)
        self.close()

    def close(self) -> None:
        """Everything is paid, and the read has ended."""
        self.settle()
        if not self._is_closed:
            self._is_closed = True
            self._payer.end_read()


def get_payer(user_id: str) -> Payer:
    """The payer of the running task's meter (`metering.metered`), or one that is charged nothing."""
    meter = find_meter()
    return Payer(user_id, NOBODY.pay if meter is None else meter.add_reads)
