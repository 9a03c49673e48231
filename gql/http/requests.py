"""Requests over HTTP: their parameters, with `documentId` for trusted documents, and protection from CSRF."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cross_web import HTTPException
from strawberry.http import GraphQLRequestData, GraphQLRequestProtocol

from gql.http.media_types import JSON, parse_media_type

# A page of another origin can send none of these without asking first (a CORS preflight), which we then refuse.
PREFLIGHT_HEADERS = ("graphql-require-preflight", "apollo-require-preflight", "x-requested-with")

_PARAMETERS: tuple[tuple[str, type, str], ...] = (
    ("query", str, "a string"),
    ("documentId", str, "a string"),
    ("operationName", str, "a string"),
    ("variables", dict, "an object"),
    ("extensions", dict, "an object"),
)


@dataclass
class RequestData(GraphQLRequestData):
    """Strawberry's, and the id of a trusted document."""

    document_id: str | None = None


def read_parameters(given: Mapping[str, Any], protocol: GraphQLRequestProtocol) -> RequestData:
    """The request; HTTPException (400) where it is none."""
    for name, kind, words in _PARAMETERS:
        if not isinstance(given.get(name), kind | None):
            raise HTTPException(400, f"`{name}` must be {words}, or omitted.")
    query, document_id = given.get("query"), given.get("documentId")
    if bool(query) == bool(document_id):
        raise HTTPException(400, "Send either `query` or `documentId`, not both.")
    return RequestData(
        query=query,
        variables=given.get("variables"),
        operation_name=given.get("operationName"),
        extensions=given.get("extensions"),
        protocol=protocol,
        document_id=document_id,
    )


def assert_json(content_type: str | None) -> None:
    """Raises HTTPException (415) for every body that a form of another origin could send, and for uploads in parts."""
    if parse_media_type(content_type or "") != JSON:
        raise HTTPException(415, f"The request body must be JSON. Send `Content-Type: {JSON}`.")


def assert_preflighted(headers: Mapping[str, str]) -> None:
    """Raises HTTPException (400) where a page of another origin could have sent this GET without asking first."""
    if parse_media_type(headers.get("content-type", "")) == JSON or any(name in headers for name in PREFLIGHT_HEADERS):
        return
    raise HTTPException(400, "A query by GET needs the header `GraphQL-Require-Preflight: 1`. Use it, or POST.")
