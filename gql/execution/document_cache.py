"""Documents that were parsed and found valid, kept by their text: what clients send again costs neither once more.

Only that is kept which depends on nothing but the text and the schema. The limits are measured for each request, since
they depend on its variables; whether the schema may be introspected is the same for all requests of a process.
"""

from collections import OrderedDict

from graphql import DocumentNode

# Of all texts together. A parsed document takes 60 to 270 bytes of memory a character, so this is 6 to 27 MB.
MAX_CHARACTERS_KEPT = 100_000


class DocumentCache:
    """The valid documents that were sent last."""

    def __init__(self, max_characters: int = MAX_CHARACTERS_KEPT) -> None:
        self._max_characters = max_characters
        self._documents = OrderedDict[str, DocumentNode]()
        self.characters = 0

    def get(self, text: str) -> DocumentNode | None:
        """The parsed form of a text that is known to be valid; None for any other."""
        document = self._documents.get(text)
        if document is not None:
            self._documents.move_to_end(text)
        return document

    def put(self, text: str, document: DocumentNode) -> None:
        """The document, which is the text's and valid, is found from now on, and those used longest ago are not."""
        if self._documents.setdefault(text, document) is not document:
            return
        self.characters += len(text)
        while self.characters > self._max_characters:
            oldest, _ = self._documents.popitem(last=False)
            self.characters -= len(oldest)
