"""Random commits, transactions and queries against the server and against a plain model: no difference.

CLIPGRAPH_MODEL_STEPS=10000 asks for that many steps, other ones each time.
"""

import json
from itertools import permutations, product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.embedded.firestore.effort import effort, is_full, tell, timeout
from tests.embedded.firestore.process import ServerProcess
from tests.embedded.firestore.raw import RawFirestore
from tests.embedded.firestore.reference.comparison import Comparison

pytestmark = pytest.mark.prove

STEPS_A_RUN = 50
LEAST_STEPS_A_RUN = 30  # on average: hypothesis ends some of them early
USUAL_STEPS = 300


def write_index_file(path: Path) -> Path:
    """Writes indexes over two and three fields in all orders and directions, and returns the file's path."""
    orders = [
        [{"fieldPath": field, "order": direction} for field, direction in zip(fields, directions, strict=True)]
        for size in (2, 3)
        for fields in permutations(("a", "b", "m.x"), size)
        for directions in product(("ASCENDING", "DESCENDING"), repeat=size)
    ]
    arrays = [[{"fieldPath": "a", "arrayConfig": "CONTAINS"}, *fields[:1]] for fields in orders]
    indexes = [
        {"collectionGroup": "c", "queryScope": scope, "fields": fields}
        for scope in ("COLLECTION", "COLLECTION_GROUP")
        for fields in [*orders, *(fields for at, fields in enumerate(arrays) if fields not in arrays[:at])]
        if len({field["fieldPath"] for field in fields}) == len(fields)
    ]
    single = [{"order": "ASCENDING", "queryScope": scope} for scope in ("COLLECTION", "COLLECTION_GROUP")]
    overrides = [{"collectionGroup": group, "fieldPath": "a", "indexes": single} for group in ("c", "sub")]
    path.write_text(json.dumps({"indexes": indexes, "fieldOverrides": overrides}), encoding="utf-8")
    return path


@pytest.mark.parametrize("has_indexes", [False, True], ids=["any-query", "with-indexes"])
@timeout("MODEL_STEPS")
def test_the_server_does_what_the_model_does(
    tmp_path: Path, request: pytest.FixtureRequest, *, has_indexes: bool
) -> None:
    """A failure prints the steps that lead to it, as few as there can be."""
    options = ("--indexes", str(write_index_file(tmp_path / "indexes.json"))) if has_indexes else ()
    runs = effort("MODEL_STEPS", USUAL_STEPS) // LEAST_STEPS_A_RUN
    Comparison.has_indexes, Comparison.steps = has_indexes, 0
    with ServerProcess(tmp_path / "data", *options) as server, RawFirestore(server.host_port) as raw:
        Comparison.raw = raw
        run_state_machine_as_test(
            Comparison,
            settings=settings(
                max_examples=runs,
                stateful_step_count=STEPS_A_RUN,
                derandomize=not is_full("MODEL_STEPS"),
                database=None,
                report_multiple_bugs=False,
                # Shrinking takes minutes; the usual run only says that there is something to look for.
                phases=(Phase.generate, Phase.shrink) if is_full("MODEL_STEPS") else (Phase.generate,),
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        assert server.stop() == ""
    tell(request, f"{Comparison.steps} steps, no difference")
