"""Accounts that the reads of subscriptions are charged to: those of a target's first snapshot, and of past states."""

from collections.abc import Callable

from repositories.firestore.metering import find_meter

READS_PER_PAYMENT = 100
"""Documents that are read before they are charged: a subscriber that leaves meanwhile pays for them."""


class ReadAccount:
    """The account of one subscriber. Accounts of one `name` take turns with reads of past states.

    `charge` is called with numbers of documents as they are read, also after the subscriber has left; `on_idle` each
    time that the last read ends.
    """

    __slots__ = ("_on_idle", "_reads", "charge", "name")

    def __init__(self, name: str, charge: Callable[[int], None], on_idle: Callable[[], None] | None = None) -> None:
        self.name = name
        self.charge = charge
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


UNCHARGED = ReadAccount("", lambda _: None)


class Bill:
    """The reads of a target's first snapshot, charged to its account: at least one, which Firestore bills for none."""

    def __init__(self, account: ReadAccount) -> None:
        self._account = account
        self._unpaid = 0
        self._has_paid = False
        self._is_closed = False
        account.begin_read()

    def add_read(self) -> None:
        """One document more was read."""
        self._unpaid += 1
        if self._unpaid == READS_PER_PAYMENT:
            self.settle()

    def settle(self) -> None:
        """All documents that were read up to now are paid."""
        if self._unpaid:
            self._account.charge(self._unpaid)
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
            self._account.end_read()


def get_account(user_id: str) -> ReadAccount:
    """The account of the running task's meter (`metering.metered`), or one that is charged nothing."""
    meter = find_meter()
    return ReadAccount(user_id, UNCHARGED.charge if meter is None else meter.add_reads)
