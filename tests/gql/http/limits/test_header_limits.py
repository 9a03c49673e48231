"""Long headers are refused before they are parsed."""

import httpx
import pytest

from gql.http.limits.header_limits import MAX_MEDIA_TYPE_BYTES, MAX_PARAMETERS

ASK = b'{"query": "{ viewer { userId } }"}'
JSON = ("content-type", "application/json")
LONGEST = "a" * MAX_MEDIA_TYPE_BYTES


@pytest.mark.parametrize(
    "headers",
    [
        [JSON, ("accept", f"{LONGEST}a")],
        [JSON, ("accept", LONGEST), ("accept", "a")],
        [("content-type", 'application/json;"' + ";" * 60_000)],
    ],
    ids=["accept", "accept twice", "content-type"],
)
async def test_long_media_types_are_refused(client: httpx.AsyncClient, headers: list[tuple[str, str]]) -> None:
    """400, with the name of the header."""
    response = await client.post("/graphql", content=ASK, headers=headers)
    assert response.status_code == 400
    assert headers[-1][0] in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("content_type", ["Application/Json", "APPLICATION/JSON ; charset=utf-8"])
async def test_media_types_have_no_case(client: httpx.AsyncClient, content_type: str) -> None:
    """An `Accept` of just the allowed length goes as well."""
    headers = {"content-type": content_type, "accept": LONGEST}
    response = await client.post("/graphql", content=ASK, headers=headers)
    assert response.json()["data"]["viewer"]


async def test_many_parameters_are_refused(client: httpx.AsyncClient) -> None:
    """On any address, before they are parsed; as many as are allowed do no harm."""
    headers = {"graphql-require-preflight": "1"}
    ask, filler = "/graphql?query={viewer{userId}}", "&a" * (MAX_PARAMETERS - 1)
    assert (await client.get(ask + filler, headers=headers)).json()["data"]["viewer"]
    for url in (f"{ask}{filler}&a", f"/nothing?{filler}&a"):
        response = await client.get(url, headers=headers)
        assert response.status_code == 400
        assert "parameters" in response.json()["errors"][0]["message"]
