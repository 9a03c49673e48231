"""Ways to run a text of one's own where users run the manifest's documents only: each is refused, and runs nothing."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.gql.test_trusted_documents import DELETE, VIEWER, Open, open_client, trusting  # noqa: F401  fixtures

OWN = "{ viewer { userId roles } }"
KNOWN = "sha256:3a1c"
APQ = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}

BODIES: dict[str, Any] = {
    "a text": {"query": OWN},
    "a text of the manifest": {"query": VIEWER},
    "a text of the manifest with a space more": {"query": VIEWER + " "},
    "a text of the manifest with another behind it": {"query": VIEWER + " query Own " + OWN, "operationName": "Own"},
    "a mutation of the manifest": {"query": DELETE, "variables": {"id": "v1"}},
    "a text and an id": {"query": OWN, "documentId": KNOWN},
    "an empty text and no id": {"query": ""},
    "a text and an empty id": {"query": OWN, "documentId": ""},
    "a text and a null id": {"query": OWN, "documentId": None},
    "an id in a list": {"documentId": [KNOWN]},
    "an id in an object": {"documentId": {"$ne": ""}},
    "a number": {"documentId": 0},
    "an id in capitals": {"documentId": KNOWN.upper()},
    "an id with a space": {"documentId": f" {KNOWN}"},
    "an id with a zero": {"documentId": f"{KNOWN}\0"},
    "an id of an attribute": {"documentId": "__class__"},
    "an id of a path": {"documentId": "../persisted-documents.json"},
    "a text for an id": {"documentId": OWN},
    "an automatic persisted query": {"extensions": APQ},
    "an automatic persisted query to register": {"query": OWN, "extensions": APQ},
    "an id in extensions": {"query": OWN, "extensions": {"documentId": KNOWN}},
    "doc_id, as Relay names it": {"doc_id": KNOWN, "query": OWN},
    "id, as Apollo names it": {"id": KNOWN, "query": OWN},
    "a batch": [{"documentId": KNOWN}, {"query": OWN}],
    "a text in a list": {"query": [OWN]},
    "introspection": {"query": "{ __schema { types { name } } }"},
    "__typename alone": {"query": "{ __typename }"},
    "a subscription": {"query": "subscription { videoEvents { __typename } }"},
}
RAW: dict[str, str | bytes] = {
    "two queries": f'{{"documentId": "{KNOWN}", "query": null, "query": {json.dumps(OWN)}}}',
    "two ids": f'{{"documentId": "{KNOWN}", "documentId": "none"}}',
    "an escaped key": f'{{"q\\u0075ery": {json.dumps(OWN)}}}',
    "a byte order mark": "\ufeff" + json.dumps({"query": OWN}),
    "a text in UTF-16": json.dumps({"query": OWN}).encode("utf-16"),
}
GETS: dict[str, list[tuple[str, Any]]] = {
    "a text": [("query", OWN)],
    "a text and an id": [("query", OWN), ("documentId", KNOWN)],
    "two ids": [("documentId", KNOWN), ("documentId", "none")],
    "a text and an empty id": [("query", OWN), ("documentId", "")],
}


def test_there_are_as_many_cases_as_were_tried() -> None:
    """The tables have at least 28 cases."""
    assert len(BODIES) + len(RAW) + len(GETS) >= 28


def assert_refused(response: httpx.Response, name: str) -> None:
    """Raises unless the request was refused with a reason, and ran nothing."""
    answer = response.json()
    assert "data" not in answer, name
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    assert codes <= {"DOCUMENT_NOT_TRUSTED", "BAD_USER_INPUT"}, (name, codes)


async def test_no_way_leads_around_the_manifest(
    open_client: Open,  # noqa: F811
    create_video: Callable[..., Any],
    user_id: str,
    query: Callable[..., Any],
) -> None:
    """In strict mode each body and query string with a foreign text is refused, and nothing changes."""
    await create_video("v1")
    headers = {"content-type": "application/json"}
    async with open_client(as_user=user_id, trusted_documents_only=True) as client:
        for name, body in BODIES.items():
            assert_refused(await client.post("/graphql", json=body), name)
        for name, raw in RAW.items():
            content = raw if isinstance(raw, bytes) else raw.encode()
            assert_refused(await client.post("/graphql", content=content, headers=headers), name)
        for name, params in GETS.items():
            assert_refused(await client.get("/graphql", params=params), name)
        known = await client.post("/graphql", json={"documentId": KNOWN})
        assert known.json()["data"] == {"viewer": {"userId": user_id}}
    kept = await query('query ($u: ID!) { video(videoId: "v1", userId: $u) { videoId } }', u=user_id)
    assert kept == {"video": {"videoId": "v1"}}


@pytest.mark.parametrize("header", ["x-http-method-override", "x-graphql-document", "x-trusted"])
async def test_no_header_leads_around_it(open_client: Open, header: str) -> None:  # noqa: F811
    """In strict mode no header brings a foreign text to execution."""
    async with open_client(as_user="somebody", trusted_documents_only=True) as client:
        response = await client.post("/graphql", json={"query": OWN}, headers={header: OWN})
    assert_refused(response, header)
