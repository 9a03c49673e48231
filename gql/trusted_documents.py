"""The frontend's own documents: known by an id, parsed and validated once, and in strict mode all that users may run.

The manifest is what GraphQL Code Generator's client preset (`persisted-documents.json`) and relay-compiler
(`persistConfig.file`) write alike: a JSON object from ids to texts.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, parse, validate

from gql.errors import document_not_trusted
from gql.permissions import Principal, Role
from settings import ConfigurationError, Settings

SETTING = "CLIPGRAPH_TRUSTED_DOCUMENTS"
_TRUSTED_ROLES = frozenset({Role.WORKER, Role.ADMIN})


class TrustedDocuments:
    """The documents of a manifest: an id gives its text, a text its parsed form."""

    def __init__(self, texts: Mapping[str, str], parsed: Mapping[str, DocumentNode], *, is_strict: bool) -> None:
        self._texts = texts
        self._parsed = parsed
        self._is_strict = is_strict

    def resolve(self, principal: Principal, query: str | None, document_id: str | None) -> str | None:
        """The text to run for this caller; DOCUMENT_NOT_TRUSTED if they may not run it."""
        if document_id is not None:
            if document_id not in self._texts:
                raise document_not_trusted("No trusted document has this id.")
            return self._texts[document_id]
        if self._is_strict and principal.roles.isdisjoint(_TRUSTED_ROLES):
            raise document_not_trusted("Send the `documentId` of a trusted document instead of a `query`.")
        return query

    def find_parsed(self, text: str | None) -> DocumentNode | None:
        """The parsed form of a document of the manifest, which is known to be valid; None for any other text."""
        return None if text is None else self._parsed.get(text)


NO_DOCUMENTS = TrustedDocuments({}, {}, is_strict=False)


def read_trusted_documents(settings: Settings, schema: GraphQLSchema) -> TrustedDocuments:
    """The documents that the settings name; `ConfigurationError` says which of them the schema does not have."""
    path = settings.trusted_documents
    if path is None:
        return NO_DOCUMENTS
    texts = _read_manifest(path)
    parsed: dict[str, DocumentNode] = {}
    problems = []
    for document_id, text in texts.items():
        try:
            parsed[text] = _parse_valid(schema, text)
        except GraphQLError as error:
            problems.append(f"{_name_of(document_id, text)}: {error.message}")
    if problems:
        raise ConfigurationError(
            f"{SETTING}: {len(problems)} of its documents do not match the schema: {' · '.join(problems)}"
        )
    return TrustedDocuments(texts, parsed, is_strict=settings.is_strict)


def _read_manifest(path: Path) -> dict[str, str]:
    try:
        manifest: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{SETTING}: {path} cannot be read ({error.strerror}).") from None
    except ValueError:
        raise ConfigurationError(f"{SETTING}: {path} is not JSON.") from None
    if not isinstance(manifest, dict) or not all(isinstance(text, str) for text in manifest.values()):
        raise ConfigurationError(f"{SETTING}: {path} is not a JSON object that maps ids to documents.")
    return manifest


def _parse_valid(schema: GraphQLSchema, text: str) -> DocumentNode:
    """The document; GraphQLError where it cannot run."""
    document = parse(text)
    if not _operations_of(document):
        raise GraphQLError("The document has no operation.")
    for error in validate(schema, document):
        raise error
    return document


def _operations_of(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


def _name_of(document_id: str, text: str) -> str:
    """How a person finds the document: by its operations' names, or by its id where it has none."""
    try:
        names = [node.name.value for node in _operations_of(parse(text)) if node.name]
    except GraphQLError:
        names = []
    return f"{', '.join(names)} ({document_id})" if names else document_id
