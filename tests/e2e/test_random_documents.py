"""Random documents from our own schema, by schemathesis: whatever is asked for or sent, nothing breaks.

The same few at each run; CLIPGRAPH_DOCUMENT_EXAMPLES=112 makes other ones, so many for each root field: 2,000 in all.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema
from hypothesis import HealthCheck, Phase, given, settings

from tests.e2e.conftest import Server, start_server

pytestmark = pytest.mark.prove

SCHEMA_FILE = Path(__file__).parent.parent.parent / "schema.graphql"
SCHEMA = build_schema(SCHEMA_FILE.read_text(encoding="utf-8"))
ROOT_FIELDS = [f"{root}.{name}" for root in (SCHEMA.query_type, SCHEMA.mutation_type) if root for name in root.fields]
GIVEN_EXAMPLES = os.environ.get("CLIPGRAPH_DOCUMENT_EXAMPLES")
EXAMPLES = int(GIVEN_EXAMPLES or 20)
UNLIMITED = {"CLIPGRAPH_REQUESTS_PER_MINUTE_WORKER": "1000000", "CLIPGRAPH_READS_PER_MINUTE_WORKER": "1000000000"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the demo's videos, which counts nobody's requests."""
    folder = tmp_path_factory.mktemp("random")
    with pytest.MonkeyPatch.context() as environment, (folder / "server.log").open("ab") as log:
        for name, value in UNLIMITED.items():
            environment.setenv(name, value)
        server = start_server(folder / "data", log)
        yield server
        server.stop()
        assert server.process.stdout is not None
        server.process.stdout.close()
    lines = (folder / "server.log").read_text().splitlines()
    assert [line for line in lines if '"level": "error"' in line or '"level": "critical"' in line] == []


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    """Schemathesis's operations by root field, and no others; imported here, as its import takes seconds."""
    import schemathesis
    from schemathesis.core.result import Ok

    found = schemathesis.graphql.from_path(SCHEMA_FILE).get_all_operations()
    operations = {result.ok().label: result.ok() for result in found if isinstance(result, Ok)}
    assert sorted(operations) == sorted(ROOT_FIELDS)
    return operations


@pytest.mark.parametrize("root_field", ROOT_FIELDS)
def test_any_document_is_answered_and_none_is_internal(
    server: Server, operations: dict[str, Any], root_field: str
) -> None:
    """Random valid documents get status 200, and no error code but those of the client's input."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=GIVEN_EXAMPLES is None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operations[root_field].as_strategy())
    def answers(case: Any) -> None:
        response = case.call(base_url=f"{server.address}/graphql")
        assert response.status_code == 200, (case.body, response.text)
        codes = {error["extensions"]["code"] for error in response.json().get("errors", ())}
        assert codes <= {"BAD_USER_INPUT", "QUERY_TOO_EXPENSIVE"}, (case.body, response.text)

    answers()
