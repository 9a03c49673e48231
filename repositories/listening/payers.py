"""Who pays for what Firestore reads on behalf of a subscriber: a target's first state, and states of the past."""

from collections.abc import Callable

from repositories.firestore.metering import get_meter


class Payer:
    """One subscriber's purse. Those of one `name` take turns with reads of the past.

    `pay` is called with numbers of documents as they are read, also after the subscriber has left; `on_idle` each time
    that nothing is being read any more.
    """

    __slots__ = ("_on_idle", "_reads", "name", "pay")

    def __init__(self, name: str, pay: Callable[[int], None], on_idle: Callable[[], None] | None = None) -> None:
        self.name = name
        self.pay = pay
        self._on_idle = on_idle
        self._reads = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being read."""
        return not self._reads

    def begin_read(self) -> None:
        """Something is being read until `end_read`."""
        self._reads += 1

    def end_read(self) -> None:
        """One thing less is being read."""
        self._reads -= 1
        if self.is_idle and self._on_idle is not None:
            self._on_idle()


NOBODY = Payer("", lambda _: None)


def find_payer(user_id: str) -> Payer:
    """Whoever is metered here (`metering.metered`), or else nobody; the user's documents are read."""
    meter = get_meter()
    return Payer(user_id, NOBODY.pay if meter is None else meter.add_reads)
