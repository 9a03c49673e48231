"""An LRU cache of parsed and validated documents, keyed by text.

An entry depends on the text and the schema alone. Limits are measured for each request, since they depend on its
variables; whether the schema may be introspected is the same for all requests of a process.
"""

from graphql import DocumentNode

from repositories.cache.lru import LruCache

# Of all texts together. A parsed document takes 60 to 270 bytes of memory a character, so this is 6 to 27 MB.
MAX_CHARACTERS_KEPT = 100_000


class DocumentCache:
    """The valid documents that were sent last."""

    def __init__(self, max_characters: int = MAX_CHARACTERS_KEPT) -> None:
        self._documents = LruCache[str, DocumentNode](max_characters)

    @property
    def characters(self) -> int:
        """The characters of all texts together."""
        return self._documents.size

    def get(self, text: str) -> DocumentNode | None:
        """The parsed form of a text that is known to be valid; None for any other."""
        return self._documents.get(text)

    def put(self, text: str, document: DocumentNode) -> None:
        """Stores the valid document; evicts the least recently used."""
        self._documents.put(text, document, len(text))
