"""Documents that were sent before are not parsed or validated again, and are refused as before."""

from typing import Any

import graphql
import pytest
from graphql import parse

from gql.execution.document_cache import DocumentCache
from tests.gql.conftest import Execute, MakeClient

PAGES = "query ($n: Int!) { videos(first: $n) { nodes { clips(first: $n) { nodes { id } } } } }"


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The documents that were validated."""
    found: list[Any] = []

    def validate(schema: Any, document: Any, *args: Any, **kwargs: Any) -> Any:
        found.append(document)
        return graphql.validate(schema, document, *args, **kwargs)

    monkeypatch.setattr("gql.cost.extension.validate", validate)
    return found


async def test_a_document_is_validated_once(execute: Execute, validated: list[Any]) -> None:
    """A document that is sent three times is validated once, and answered alike."""
    answers = [await execute("{ viewer { userId } }") for _ in range(3)]
    assert answers[0]["data"] == answers[1]["data"] == answers[2]["data"]
    assert len(validated) == 1


async def test_its_reads_are_bounded_each_time(execute: Execute, validated: list[Any]) -> None:
    """A cached document's reads are bounded again by each request's variables."""
    for size, is_refused in ((1, False), (10_000, True), (1, False), (10_000, True)):
        answer = await execute(PAGES, n=size)
        codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
        assert codes == (["QUERY_TOO_EXPENSIVE"] if is_refused else [])
    assert len(validated) == 1


async def test_what_was_refused_is_not_known(execute: Execute, validated: list[Any]) -> None:
    """Not for being invalid, and not for what its variables cost, before it was ever validated."""
    for _ in range(2):
        assert "errors" in await execute("{ nothing }")
        assert "errors" in await execute(PAGES, n=10_000)
    assert len(validated) == 2


async def test_secrets_stay_secret(make_client: MakeClient, validated: list[Any]) -> None:
    """An introspection query is refused and validated each time, and never cached."""
    client = await make_client(introspection=False)
    for _ in range(2):
        answer = (await client.post("/graphql", json={"query": "{ __schema { types { name } } }"})).json()
        assert "data" not in answer or answer["data"] is None
    assert len(validated) == 2


async def test_each_app_has_documents_of_its_own(make_client: MakeClient, execute: Execute) -> None:
    """A document that one app's settings allow is still refused by another app in the process."""
    document = "{ __schema { queryType { name } } }"
    assert "errors" not in await execute(document)
    client = await make_client(introspection=False)
    assert "errors" in (await client.post("/graphql", json={"query": document})).json()


def test_the_texts_used_longest_ago_are_forgotten() -> None:
    """The least recently used text is evicted once the limit of characters is passed."""
    known = DocumentCache(max_characters=20)
    texts = ["{ a bbbb }", "{ b bbbb }", "{ c bbbb }"]
    for text in texts[:2]:
        known.put(text, parse(text))
    assert known.get(texts[0])
    known.put(texts[2], parse(texts[2]))
    assert [known.get(text) is not None for text in texts] == [True, False, True]
    assert known.characters == 20


def test_a_text_that_is_too_long_is_not_kept() -> None:
    """A text longer than the whole cache is not stored."""
    known = DocumentCache(max_characters=5)
    known.put("{ a b }", parse("{ a b }"))
    assert known.get("{ a b }") is None
    assert known.characters == 0


def test_a_text_that_two_requests_brought_at_once_counts_once() -> None:
    """A text that is stored twice counts its characters once."""
    known = DocumentCache()
    for _ in range(2):
        known.put("{ a }", parse("{ a }"))
    assert known.characters == len("{ a }")
