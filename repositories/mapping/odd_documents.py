"""Reports of documents' odd fields: one log line for each version of a document, and counters."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import structlog

from repositories.cache.lru import LruCache
from repositories.model.mended_fields import MendedField

log = structlog.get_logger(__name__)

MAX_VERSIONS_KNOWN = 10_000
"""The number of remembered versions, at some 250 bytes each; a forgotten one is logged again."""


class OddDocuments:
    """The odd documents that this process has read: `documents_count` of them, and the fields by name."""

    def __init__(self, max_versions: int = MAX_VERSIONS_KNOWN) -> None:
        self.documents_count = 0
        self.fields = Counter[str]()
        self._known = LruCache[tuple[str, datetime | None], bool](max_versions)

    def tell(self, path: str, version: datetime | None, mended: Sequence[MendedField]) -> None:
        """The document's odd fields are logged and counted, unless this version's were before."""
        key = path, version
        if self._known.get(key):
            return
        self._known.put(key, value=True)
        self.documents_count += 1
        self.fields.update({one.field for one in mended})
        reasons = {one.name: one.reason for one in mended}
        log.warning("document_odd", path=path, fields=reasons, documents_count=self.documents_count)


odd_documents = OddDocuments()
"""The odd documents of this process."""
