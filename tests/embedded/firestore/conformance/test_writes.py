"""Chapter "Writes" of firestore.md: rules 23 to 31."""

import math
from typing import Any

from google.cloud.firestore import (
    DELETE_FIELD,
    ArrayRemove,
    ArrayUnion,
    Increment,
    Maximum,
    Minimum,
)

from tests.embedded.firestore.conformance.place import Place
from tests.embedded.firestore.conformance.rows import (
    Create,
    Delete,
    Documents,
    Refused,
    Set,
    Update,
    Write,
    WriteRow,
    each_row,
)
from tests.embedded.firestore.conformance.runners import run_write

NAN = math.nan
LARGEST, SMALLEST = 2**63 - 1, -(2**63)

MISSING = Refused("NOT_FOUND", "No document to update: {doc}")
THERE = Refused("ALREADY_EXISTS", "Document already exists: {doc}")


def case(rule: int, what: str, before: Documents, writes: list[Write], after: Documents | Refused) -> WriteRow:
    """A row whose source is the protos' comments."""
    return WriteRow(rule=rule, source="P", what=what, given=before, writes=writes, expect=after)


def transform(rule: int, what: str, before: Any, change: Any, after: Any, *, node: bool = True) -> WriteRow:
    """A row in which a transform turns the field v of a document from before into after."""
    return WriteRow(
        rule=rule,
        source="P",
        what=what,
        given={"doc": before},
        writes=[Set("doc", {"v": change}, merge=True)],
        expect={"doc": after},
        node=node,
    )


@each_row(
    case(23, "set overwrites", {"doc": {"a": 1, "b": 2}}, [Set("doc", {"c": 3})], {"doc": {"c": 3}}),
    case(23, "set creates", {}, [Set("doc", {})], {"doc": {}}),
    case(
        23,
        "merge keeps what it does not name",
        {"doc": {"a": 1, "b": {"x": 1, "y": 2}}},
        [Set("doc", {"b": {"y": 3, "z": 4}}, merge=True)],
        {"doc": {"a": 1, "b": {"x": 1, "y": 3, "z": 4}}},
    ),
    case(23, "merge creates", {}, [Set("doc", {"a": {"b": 1}}, merge=True)], {"doc": {"a": {"b": 1}}}),
    case(
        23,
        "merge of listed paths leaves the others",
        {"doc": {"a": 1, "b": 2}},
        [Set("doc", {"a": 5, "b": 6}, merge=["a"])],
        {"doc": {"a": 5, "b": 2}},
    ),
    case(
        23,
        "a listed path that is absent is deleted",
        {"doc": {"a": 1, "b": {"c": 2, "d": 3}}},
        [Update("doc", {"a": DELETE_FIELD, "b.c": DELETE_FIELD})],
        {"doc": {"b": {"d": 3}}},
    ),
    case(
        23,
        "deleting a field that is not there changes nothing",
        {"doc": {"a": 1}},
        [Update("doc", {"b.c": DELETE_FIELD})],
        {"doc": {"a": 1}},
    ),
    case(
        23,
        "a path through what is no map replaces it",
        {"doc": {"a": 1}},
        [Update("doc", {"a.b.c": 2})],
        {"doc": {"a": {"b": {"c": 2}}}},
    ),
    case(
        23,
        "update of a whole map replaces it",
        {"doc": {"a": {"x": 1, "y": 2}}},
        [Update("doc", {"a": {"z": 3}})],
        {"doc": {"a": {"z": 3}}},
    ),
    case(
        23,
        "an array is replaced as a whole",
        {"doc": {"a": [1, 2, 3]}},
        [Set("doc", {"a": [4]}, merge=True)],
        {"doc": {"a": [4]}},
    ),
    case(24, "update of a missing document", {"other": {"n": 1}}, [Update("doc", {"a": 1})], MISSING),
    case(24, "create of a document that is there", {"doc": {"a": 1}}, [Create("doc", {"a": 2})], THERE),
    case(24, "create with only a transform", {"doc": {"v": 1}}, [Create("doc", {"v": Increment(1)})], THERE),
    case(24, "delete that demands a missing document", {}, [Delete("doc", exists=True)], Refused("NOT_FOUND")),
    case(24, "delete that forbids the document", {"doc": {}}, [Delete("doc", exists=False)], THERE),
    case(24, "delete that demands a document", {"doc": {}}, [Delete("doc", exists=True)], {}),
    case(25, "delete of a missing document", {"a": {}}, [Delete("doc"), Delete("doc")], {"a": {}}),
    case(25, "delete leaves what is below", {"doc": {}, "a": {}}, [Delete("doc")], {"a": {}}),
    case(
        27,
        "a refused write takes the earlier ones back",
        {"a": {"n": 1}},
        [Set("a", {"n": 2}), Create("b", {}), Delete("a"), Update("doc", {"n": 1})],
        MISSING,
    ),
    case(
        27,
        "a refused write takes the later ones back",
        {"doc": {"n": 1}},
        [Create("doc", {}), Set("b", {})],
        THERE,
    ),
    case(
        27,
        "writes of one commit see each other in order",
        {},
        [Create("doc", {"n": 1}), Update("doc", {"m": 2}), Set("doc", {"n": Increment(5)}, merge=True)],
        {"doc": {"n": 6, "m": 2}},
    ),
    case(27, "delete then create in one commit", {"doc": {"n": 1}}, [Delete("doc"), Create("doc", {})], {"doc": {}}),
    case(27, "create then delete in one commit", {}, [Create("doc", {}), Delete("doc")], {}),
    case(27, "a commit of nothing", {"a": {}}, [], {"a": {}}),
    transform(28, "increment of a missing field sets", {}, Increment(3), {"v": 3}),
    transform(28, "increment of what is no number sets", {"v": "7"}, Increment(3), {"v": 3}),
    transform(28, "increment of an integer", {"v": 4}, Increment(3), {"v": 7}),
    transform(28, "increment by a double makes a double", {"v": 4}, Increment(0.5), {"v": 4.5}),
    transform(28, "increment of a double stays a double", {"v": 4.0}, Increment(3), {"v": 7.0}),
    transform(28, "increment saturates above", {"v": LARGEST}, Increment(1), {"v": LARGEST}),
    transform(28, "increment saturates below", {"v": SMALLEST}, Increment(-1), {"v": SMALLEST}),
    transform(28, "increment of infinity", {"v": math.inf}, Increment(1), {"v": math.inf}),
    transform(28, "increment of NaN", {"v": NAN}, Increment(1), {"v": NAN}),
    transform(28, "maximum of a missing field sets", {}, Maximum(3), {"v": 3}),
    transform(28, "maximum of what is no number sets", {"v": None}, Maximum(3), {"v": 3}),
    transform(28, "maximum keeps the larger", {"v": 4}, Maximum(3.5), {"v": 4}),
    transform(28, "maximum takes the larger with its type", {"v": 4}, Maximum(4.5), {"v": 4.5}),
    transform(28, "maximum keeps the stored value on a tie", {"v": 3}, Maximum(3.0), {"v": 3}),
    transform(28, "maximum keeps the stored zero on a tie", {"v": -0.0}, Maximum(0), {"v": -0.0}),
    transform(28, "maximum with a stored NaN", {"v": NAN}, Maximum(3), {"v": NAN}),
    transform(28, "maximum with NaN", {"v": 3}, Maximum(NAN), {"v": NAN}, node=False),
    transform(28, "minimum of a missing field sets", {}, Minimum(3), {"v": 3}),
    transform(28, "minimum of what is no number sets", {"v": [1]}, Minimum(3), {"v": 3}),
    transform(28, "minimum keeps the smaller", {"v": 3}, Minimum(3.5), {"v": 3}),
    transform(28, "minimum takes the smaller with its type", {"v": 4.5}, Minimum(4), {"v": 4}),
    transform(28, "minimum keeps the stored value on a tie", {"v": 3.0}, Minimum(3), {"v": 3.0}),
    transform(28, "minimum keeps the stored zero on a tie", {"v": 0}, Minimum(-0.0), {"v": 0}),
    transform(28, "minimum with a stored NaN", {"v": NAN}, Minimum(3), {"v": NAN}),
    transform(28, "minimum with NaN", {"v": 3}, Minimum(NAN), {"v": NAN}, node=False),
    transform(29, "union adds what is not there", {"v": [1, 2]}, ArrayUnion([2, 3]), {"v": [1, 2, 3]}),
    transform(29, "union of a missing field", {}, ArrayUnion([2, 1]), {"v": [2, 1]}),
    transform(29, "union of what is no array", {"v": "x"}, ArrayUnion([1]), {"v": [1]}),
    transform(29, "union by numeric value keeps the first", {"v": [3]}, ArrayUnion([3.0, 4.0, 4]), {"v": [3, 4.0]}),
    transform(29, "union of NaN and null", {"v": [NAN, None]}, ArrayUnion([None, NAN]), {"v": [NAN, None]}),
    transform(29, "union keeps duplicates that are stored", {"v": [1, 1]}, ArrayUnion([1]), {"v": [1, 1]}),
    transform(29, "union of maps by value", {"v": [{"n": 1}]}, ArrayUnion([{"n": 1.0}]), {"v": [{"n": 1}]}),
    transform(29, "remove takes every equal", {"v": [1, 2, 1.0, 3]}, ArrayRemove([1]), {"v": [2, 3]}),
    transform(29, "remove of NaN and null", {"v": [NAN, None, 1]}, ArrayRemove([None, NAN]), {"v": [1]}),
    transform(29, "remove from a missing field", {}, ArrayRemove([1]), {"v": []}),
    transform(29, "remove from what is no array", {"v": 5}, ArrayRemove([1]), {"v": []}),
    case(
        30,
        "a transform applies after the update of its write",
        {"doc": {"n": 1}},
        [Update("doc", {"n": 10, "m.count": Increment(1)}), Update("doc", {"n": Increment(5)})],
        {"doc": {"n": 15, "m": {"count": 1}}},
    ),
    case(
        31,
        "a path with characters that are quoted",
        {"doc": {"a.b": 1, "c d": {"e`f": 2, "g\\h": 3}, "1st": 4, "é": 5}},
        [Update("doc", {"`a.b`": 6, "`c d`.`e\\`f`": 7, "`c d`.`g\\\\h`": 8, "`1st`": DELETE_FIELD, "`é`": 9})],
        {"doc": {"a.b": 6, "c d": {"e`f": 7, "g\\h": 8}, "é": 9}},
    ),
    case(
        31,
        "a quoted dot is no step into a map",
        {"doc": {"a": {"b": 1}, "a.b": 2}},
        [Update("doc", {"`a.b`": 3})],
        {"doc": {"a": {"b": 1}, "a.b": 3}},
    ),
    case(
        31,
        "the client quotes the keys that it merges",
        {"doc": {"styles": {"split": 1}}},
        [Set("doc", {"styles": {"left focus": 1, "a.b": 2, "`": 3, "\\": 4}}, merge=True)],
        {"doc": {"styles": {"split": 1, "left focus": 1, "a.b": 2, "`": 3, "\\": 4}}},
    ),
    case(
        31,
        "a transform in a quoted path",
        {"doc": {"n": {"a.b": 1}}},
        [Update("doc", {"n.`a.b`": Increment(1)})],
        {"doc": {"n": {"a.b": 2}}},
    ),
)
def test_write(place: Place, row: WriteRow) -> None:
    """Each row's write leaves the documented document, or is refused."""
    run_write(place, row)
