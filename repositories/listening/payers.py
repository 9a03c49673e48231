"""Who pays for what Firestore reads on behalf of a subscriber: a target's first state, and states of the past."""

from collections.abc import Callable
from dataclasses import dataclass

from repositories.metering import get_meter


@dataclass(frozen=True, slots=True, eq=False)
class Payer:
    """One subscriber's purse. Those of one `name` take turns with reads of the past.

    `pay` is called with numbers of documents as they are read, also after the subscriber has left.
    """

    name: str
    pay: Callable[[int], None]


NOBODY = Payer("", lambda _: None)


def find_payer(user_id: str) -> Payer:
    """Whoever is metered here (`metering.metered`), or else nobody; the user's documents are read."""
    meter = get_meter()
    return Payer(user_id, NOBODY.pay if meter is None else meter.add_reads)
