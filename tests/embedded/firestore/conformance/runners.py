"""How each kind of row is run."""

from tests.embedded.firestore.conformance.place import Place, exact
from tests.embedded.firestore.conformance.rows import (
    AggregateRow,
    QueryRow,
    Refused,
    RequestRow,
    StructuredRow,
    WriteRow,
)


def run_query(place: Place, row: QueryRow) -> None:
    """The query found what the row expects."""
    place.seed(row.given)
    if isinstance(row.expect, Refused):
        with place.refused(row.expect):
            place.find(row.find)
    else:
        assert place.find(row.find) == list(row.expect)


def run_structured(place: Place, row: StructuredRow) -> None:
    """The structured query found what the row expects."""
    place.seed(row.given)
    if isinstance(row.expect, Refused):
        with place.refused(row.expect):
            place.run(row.query)
    else:
        assert place.run(row.query) == list(row.expect)


def run_aggregate(place: Place, row: AggregateRow) -> None:
    """The aggregations came to what the row expects."""
    place.seed(row.given)
    if isinstance(row.expect, Refused):
        with place.refused(row.expect):
            place.aggregate(row.query, row.aggregations)
    else:
        assert exact(place.aggregate(row.query, row.aggregations)) == exact(dict(row.expect))


def run_write(place: Place, row: WriteRow) -> None:
    """The commit left what the row expects; a refused one left everything as it was."""
    place.seed(row.given)
    if isinstance(row.expect, Refused):
        before = place.content()
        with place.refused(row.expect):
            place.commit(row.writes)
        assert place.content() == before
    else:
        place.commit(row.writes)
        assert place.content() == {path: place.expected(data) for path, data in row.expect.items()}


def run_request(place: Place, row: RequestRow) -> None:
    """The request was accepted or refused, and a refused one left everything as it was."""
    place.seed(row.given)
    before = place.content()
    if row.expect is None:
        place.call(row.method, row.request)
        return
    with place.refused(row.expect):
        place.call(row.method, row.request)
    assert place.content() == before
