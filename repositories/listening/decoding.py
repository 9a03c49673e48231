"""The documents of a target as compact bytes, and as models where a subscriber needs them."""

from typing import Any

from google.cloud.firestore_v1.types import Document

from repositories.firestore.stored import StoredDocument
from repositories.listening.changes import DocumentState, Model
from repositories.listening.targets import AnyTarget
from repositories.listening.versions import Version
from repositories.models import ClipMetadata

_Document = Document.pb()


class DocumentDecoder:
    """Builds the states of a target's documents. Their common path is stored once, and not in each."""

    def __init__(self, target: AnyTarget) -> None:
        self._target = target
        self._folder = ""  # with the project and the database

    def read_state(self, document_id: str, document: Any, version: Version, born: Version) -> DocumentState:
        """The state of a protobuf Document."""
        model = self._target.read(StoredDocument.from_message(document))
        style = model.style if isinstance(model, ClipMetadata) else None
        data = b"" if model is None else self._encode(document)
        return DocumentState(document_id, version, born, style, model is not None, data, self)

    def decode(self, document_id: str, data: bytes) -> Model | None:
        """The document's model; None where it is being deleted or cannot be read."""
        document = _Document.FromString(data)
        document.name = f"{self._folder}/{document_id}"
        return self._target.read(StoredDocument.from_message(document))

    def _encode(self, document: Any) -> bytes:
        name = document.name
        self._folder = name.rpartition("/")[0]
        document.name = ""
        data: bytes = document.SerializeToString()
        document.name = name  # another target may receive the same message
        return data
