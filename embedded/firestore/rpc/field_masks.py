"""Documents cut down to the fields that a request wants."""

from embedded.firestore.model.documents import mask_fields
from embedded.firestore.model.field_paths import NAME, FieldPath
from embedded.firestore.model.protos import Document, Message
from embedded.firestore.store.writes import parse_mask


def mask_of(request: Message) -> list[FieldPath] | None:
    """The fields that a request wants, or None for all."""
    return parse_mask(request.mask) if request.HasField("mask") else None


def mask_data(data: bytes, mask: list[FieldPath] | tuple[FieldPath, ...] | None) -> bytes:
    """A serialised document with only the fields of a mask."""
    if mask is None:
        return data
    document = Document.FromString(data)
    masked = mask_fields(document.fields, [path for path in mask if path != NAME])
    masked.name = document.name
    masked.create_time.CopyFrom(document.create_time)
    masked.update_time.CopyFrom(document.update_time)
    serialised: bytes = masked.SerializeToString()
    return serialised
