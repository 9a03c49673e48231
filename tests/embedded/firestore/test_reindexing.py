"""A changed index file reaches the documents that were there before it."""

import json
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import AsyncClient, FieldFilter

from embedded.firestore.indexfile import IndexFileError, add_to_file, load_index_config
from embedded.firestore.server import FirestoreServer

PRIORITY = {"fieldPath": "priority", "order": "ASCENDING"}
STYLE = {"fieldPath": "style", "order": "ASCENDING"}
COMPOSITE = {"collectionGroup": "clips", "queryScope": "COLLECTION", "fields": [STYLE, PRIORITY]}
EXEMPTION = {"collectionGroup": "clips", "fieldPath": "title", "indexes": []}


async def run(data_dir: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any], work: Any) -> Any:
    """Do some work on a server with an index file of that content."""
    file = data_dir / "firestore.indexes.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    server = FirestoreServer(data_dir, indexes=load_index_config(file))
    await server.start()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host_port)
    client = AsyncClient(project="reindexed", credentials=AnonymousCredentials())
    try:
        return await work(client)
    finally:
        client.close()
        await server.stop()


async def seed(client: AsyncClient) -> None:
    for number in range(3):
        clip = {"style": "split", "priority": 3 - number, "title": f"t{number}"}
        await client.document(f"videos/v/clips/c{number}").set(clip)


async def by_priority(client: AsyncClient) -> list[str]:
    query = client.collection("videos/v/clips").where(filter=FieldFilter("style", "==", "split")).order_by("priority")
    return [snapshot.id for snapshot in await query.get()]


async def by_title(client: AsyncClient) -> list[str]:
    return [snapshot.id for snapshot in await client.collection("videos/v/clips").order_by("title").get()]


async def test_a_new_composite_index_holds_older_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await run(tmp_path, monkeypatch, {}, seed)
    with pytest.raises(FailedPrecondition, match="requires an index"):
        await run(tmp_path, monkeypatch, {}, by_priority)
    assert await run(tmp_path, monkeypatch, {"indexes": [COMPOSITE]}, by_priority) == ["c2", "c1", "c0"]


async def test_an_exempted_field_loses_its_entries_and_gets_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(tmp_path, monkeypatch, {}, seed)
    with pytest.raises(FailedPrecondition, match="requires an index"):
        await run(tmp_path, monkeypatch, {"fieldOverrides": [EXEMPTION]}, by_title)
    assert await run(tmp_path, monkeypatch, {}, by_title) == ["c0", "c1", "c2"]


def test_a_suggested_index_is_added_once(tmp_path: Path) -> None:
    file = tmp_path / "firestore.indexes.json"
    in_group = {"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"}
    for entry in (COMPOSITE, COMPOSITE, EXEMPTION, {**EXEMPTION, "indexes": [in_group]}):
        add_to_file(file, entry)
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content == {"indexes": [COMPOSITE], "fieldOverrides": [{**EXEMPTION, "indexes": [in_group]}]}


@pytest.mark.parametrize("content", ["[]", "{", '{"indexes": [{"collectionGroup": "c"}]}', '{"indexes": [1]}'])
def test_a_file_that_is_not_understood_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "firestore.indexes.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(IndexFileError, match=r"firestore\.indexes\.json"):
        load_index_config(file)
