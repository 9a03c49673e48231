"""Writes of a commit: parsed and checked first, then applied in order to the documents they name."""

from dataclasses import dataclass, field
from itertools import pairwise

from embedded.firestore.index.entries import Entry
from embedded.firestore.model import clock
from embedded.firestore.model.documents import (
    assert_size,
    delete_field,
    get_field,
    is_small,
    normalise_fields,
    set_field,
)
from embedded.firestore.model.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from embedded.firestore.model.field_paths import DOCUMENT_NAME, FieldPath, parse_field_path
from embedded.firestore.model.paths import Path, assert_database, parse_document
from embedded.firestore.model.protos import Document, DocumentMask, Message, Precondition, Write, WriteResult
from embedded.firestore.store.transforms import MAX_TRANSFORMS, Transform


@dataclass(slots=True)
class ParsedWrite:
    """One write of a commit. Without a document it deletes, or only transforms, or only verifies."""

    path: Path
    document: Document | None = None
    mask: list[FieldPath] | None = None
    transforms: list[Transform] = field(default_factory=list)
    is_small: bool = False
    is_delete: bool = False
    exists: bool | None = None
    update_time: int | None = None
    request_time: int = 0


@dataclass(slots=True)
class State:
    """A document in the course of a commit: as it was stored, and as it has become."""

    path: Path
    key: bytes
    number: int | None = None
    created: int = 0
    updated: int = 0
    data: bytes = b""
    before: Document | None = None
    document: Document | None = None
    is_dirty: bool = False
    is_recreated: bool = False
    transform_count: int = 0
    removed: list[Entry] = field(default_factory=list)
    added: list[Entry] = field(default_factory=list)

    def fill(self, number: int, created: int, updated: int, data: bytes) -> None:
        """Takes over the stored document."""
        self.number, self.created, self.updated, self.data = number, created, updated, data
        self.before = self.document = Document.FromString(data)


def parse_write(write: Write, database: str, request_time: int) -> ParsedWrite:
    """A checked write; InvalidArgumentError says what is wrong with it, whatever the data.

    request_time: what its REQUEST_TIME becomes, in microseconds.
    """
    operation = write.WhichOneof("operation")
    if operation == "update":
        parsed = _parse_update(write)
    elif operation == "delete":
        parsed = ParsedWrite(parse_document(write.delete), is_delete=True)
        if write.update_transforms or write.HasField("update_mask"):
            raise InvalidArgumentError("A delete has neither an update_mask nor update_transforms.")
    elif operation == "transform":
        parsed = ParsedWrite(parse_document(write.transform.document))
        parsed.transforms = [Transform(transform) for transform in write.transform.field_transforms]
        if not parsed.transforms:
            raise InvalidArgumentError("The list of field_transforms must not be empty.")
    else:
        raise InvalidArgumentError("A write must have one operation: update, delete or transform.")
    parsed.request_time = request_time
    assert_database(parsed.path, database)
    if write.HasField("current_document"):
        set_precondition(parsed, write.current_document)
    return parsed


def set_precondition(write: ParsedWrite, precondition: Precondition) -> None:
    """Puts a checked precondition into a write."""
    kind = precondition.WhichOneof("condition_type")
    if kind == "exists":
        write.exists = precondition.exists
    elif kind == "update_time":
        if not clock.is_valid(precondition.update_time):
            raise InvalidArgumentError("The precondition's update_time is not a valid timestamp.")
        if precondition.update_time.nanos % 1000:
            raise InvalidArgumentError("The precondition's update_time must have no more than microseconds.")
        write.update_time = clock.to_micros(precondition.update_time)


def parse_mask(mask: DocumentMask) -> list[FieldPath]:
    """The field paths that a mask names, each once."""
    return sorted({parse_field_path(text) for text in mask.field_paths})


def _parse_update_mask(mask: DocumentMask) -> list[FieldPath]:
    paths = parse_mask(mask)
    for shorter, longer in pairwise(paths):
        if longer[: len(shorter)] == shorter:
            raise InvalidArgumentError(
                f"The field paths {'.'.join(shorter)} and {'.'.join(longer)} of the mask conflict: one holds the other."
            )
    return paths


def apply_write(write: ParsedWrite, state: State, commit_time: int) -> WriteResult:
    """Change the state as the write says, or raise what its precondition demands with the state untouched."""
    _assert_precondition(write, state, commit_time)
    if write.is_delete:
        state.document = None
        state.is_dirty = state.is_recreated = True
        return WriteResult()
    return _update(write, state)


def _parse_update(write: Write) -> ParsedWrite:
    parsed = ParsedWrite(parse_document(write.update.name), document=write.update, is_small=is_small(write.update))
    normalise_fields(write.update.fields, is_small=parsed.is_small)
    if write.HasField("update_mask"):
        parsed.mask = _parse_update_mask(write.update_mask)
        if (DOCUMENT_NAME,) in parsed.mask:
            raise InvalidArgumentError("The document's name cannot be part of an update_mask.")
    parsed.transforms = [Transform(transform) for transform in write.update_transforms]
    return parsed


def _assert_precondition(write: ParsedWrite, state: State, commit_time: int) -> None:
    if write.exists is False and state.document is not None:
        raise AlreadyExistsError(f"Document already exists: {write.path.name}")
    if write.exists is True and state.document is None:
        raise NotFoundError(f"No document to update: {write.path.name}")
    if write.update_time is None:
        return
    name = write.path.name
    if write.update_time > commit_time:
        raise InvalidArgumentError(f"The precondition's update_time of {name} lies in the future.")
    stored = 0 if state.document is None else state.updated
    if write.update_time != stored:
        raise FailedPreconditionError(
            f"The stored version ({stored}) of {name} does not match the required base version ({write.update_time})."
        )


def _update(write: ParsedWrite, state: State) -> WriteResult:
    result = WriteResult()
    document = _merge(write, state)
    state.transform_count += len(write.transforms)
    if state.transform_count > MAX_TRANSFORMS:
        raise InvalidArgumentError(f"A commit may hold at most {MAX_TRANSFORMS} transforms of one document.")
    for transform in write.transforms:
        result.transform_results.append(transform.apply(document.fields, write.request_time))
    if document is not write.document or not write.is_small:
        assert_size(write.path, document)
    state.document = document
    state.is_dirty = True
    return result


def _merge(write: ParsedWrite, state: State) -> Document:
    """A new document: what is written, over what is there as far as the mask says."""
    if write.document is not None and write.mask is None:
        # What transforms change must be a copy: a commit that waits for a query is applied again.
        return _copy_fields(write.document) if write.transforms else write.document
    document = _copy_fields(state.document) if state.document is not None else Document()
    if write.document is None:
        return document
    for path in write.mask or ():
        value = get_field(write.document.fields, path)
        if value is None:
            delete_field(document.fields, path)
        else:
            set_field(document.fields, path, value)
    return document


def _copy_fields(source: Message) -> Document:
    copy = Document()
    copy.CopyFrom(source)
    copy.ClearField("name")
    copy.ClearField("create_time")
    copy.ClearField("update_time")
    return copy
