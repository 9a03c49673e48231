"""A document that is trusted still has variables, which are not."""

import json
from pathlib import Path

from tests.gql.conftest import MakeClient

WALL = "query ($n: Int!) { videos(first: $n) { nodes { clips(first: $n) { nodes { id } } } } }"


async def test_trusted_document_with_large_pages_is_refused(make_client: MakeClient, tmp_path: Path) -> None:
    """A trusted document runs with a small page, and is QUERY_TOO_EXPENSIVE with a large one."""
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({"wall": WALL}))
    client = await make_client(trusted_documents=manifest)
    for size, is_refused in ((1, False), (10_000, True)):
        answer = (await client.post("/graphql", json={"documentId": "wall", "variables": {"n": size}})).json()
        codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
        assert codes == (["QUERY_TOO_EXPENSIVE"] if is_refused else [])
        assert ("data" in answer) != is_refused
