"""The stored attributes of objects, uploads and parts."""

import json
from dataclasses import asdict, dataclass, field

DEFAULT_CONTENT_TYPE = "application/octet-stream"
STANDARD = "STANDARD"


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum beside the MD5 of the ETag: `algorithm` such as `crc32`, `value` in base64 (with -N if COMPOSITE)."""

    algorithm: str
    value: str
    type: str = "FULL_OBJECT"


@dataclass(frozen=True, slots=True)
class Attributes:
    """An object's attributes beside its bytes; `headers` are Cache-Control and its like, in lower case."""

    content_type: str = DEFAULT_CONTENT_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    storage_class: str = STANDARD
    checksum: Checksum | None = None
    part_count: int = 0
    part_size: int = 0

    def to_json(self) -> str:
        """As it is stored."""
        return json.dumps(asdict(self), ensure_ascii=False)


def parse_attributes(text: str) -> Attributes:
    """The attributes in the text that `to_json` wrote."""
    fields = json.loads(text)
    checksum = fields.pop("checksum")
    return Attributes(**fields, checksum=Checksum(**checksum) if checksum else None)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it lies at `path`; `key` is the form in which it was last written."""

    key: str
    name: str
    path: str
    size: int
    modified_ns: int
    etag: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in parts that is neither complete nor aborted. `checksum` is the algorithm that was announced."""

    id: str
    bucket: str
    key: str
    started_ns: int
    attributes: Attributes
    checksum: str | None = None
    checksum_type: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload, in a file of its own."""

    number: int
    path: str
    size: int
    etag: str
    modified_ns: int
    checksum: Checksum | None
