"""The rules of queries over many collections: production has indexes for them, but only from the database's root.

- Below a document, a query over descendants filters by `__name__` alone, and is ordered by it, ascending.
- A query without a collection id (a "kind" in the messages) does so everywhere.
- A field that is summed or averaged joins the order, and cannot come after `__name__`.
"""

from collections.abc import Collection, Sequence

from embedded.firestore.model.errors import FailedPreconditionError, InvalidArgumentError
from embedded.firestore.model.field_paths import NAME, FieldPath, format_field_path
from embedded.firestore.query.scope import Scope


def assert_indexable(
    scope: Scope, orders: Sequence[tuple[FieldPath, bool]], filtered: Collection[FieldPath], summed: Sequence[FieldPath]
) -> None:
    """Raises InvalidArgumentError or FailedPreconditionError where no index could answer a query.

    orders: the explicit ones, each with whether it is descending. summed: the fields to sum or average that neither
    an order nor an equality names.
    """
    fields = [path for path in (*filtered, *(path for path, _ in orders)) if path != NAME]
    if scope.is_below_document and fields:
        raise InvalidArgumentError("collection group queries are only allowed at the root parent")
    if summed and (scope.is_below_document or NAME in dict(orders)):
        names = ", ".join(sorted(map(format_field_path, summed)))
        raise InvalidArgumentError(
            f"This query requires an index with fields [{names}] after __name__ and Firestore does not currently"
            " support such an index. Please try the query again with additional ordering on those fields."
        )
    if scope.collection_id is None:
        _assert_kindless(orders, [path for path in filtered if path != NAME], summed)
    elif scope.is_below_document and (NAME, True) in orders:
        raise FailedPreconditionError(
            "The query requires an index. Firestore has none for a collection group below a document that is ordered"
            " by __name__ descending."
        )


def _assert_kindless(
    orders: Sequence[tuple[FieldPath, bool]], filtered: Sequence[FieldPath], summed: Sequence[FieldPath]
) -> None:
    if filtered:
        raise InvalidArgumentError(f"kind is required for filter: {format_field_path(filtered[0])}")
    if summed or any(order != (NAME, False) for order in orders):
        raise InvalidArgumentError("kind is required for all orders except __key__ ascending")
