"""The messages of a Listen stream, serialised; a stored document is passed through as it is."""

from typing import Any

from embedded.firestore.model import clock
from embedded.firestore.model.errors import RpcError
from embedded.firestore.model.protos import ListenResponse, Status
from embedded.firestore.rpc.framing import embed

ADD, REMOVE, CURRENT, RESET = 1, 2, 3, 4
_DOCUMENT_CHANGE, _DOCUMENT = 3, 1  # fields of ListenResponse and of DocumentChange


def tell_added(target_id: int) -> bytes:
    """The message ADD: the target is known, and its documents follow."""
    return _target_change(target_change_type=ADD, target_ids=[target_id])


def tell_removed(target_id: int, cause: RpcError | None = None) -> bytes:
    """The message REMOVE: nothing more will be told about the target."""
    if cause is None:
        return _target_change(target_change_type=REMOVE, target_ids=[target_id])
    status = Status(code=cause.code.value[0], message=cause.message)
    return _target_change(target_change_type=REMOVE, target_ids=[target_id], cause=status)


def tell_reset(target_id: int) -> bytes:
    """The message RESET: the client forgets the target's documents, and all of them follow."""
    return _target_change(target_change_type=RESET, target_ids=[target_id])


def tell_current(target_id: int, micros: int, resume_token: bytes) -> bytes:
    """The message CURRENT: the target's documents as of a time have all been told."""
    read_time = clock.to_timestamp(micros)
    return _target_change(
        target_change_type=CURRENT, target_ids=[target_id], read_time=read_time, resume_token=resume_token
    )


def tell_consistent(micros: int, resume_token: bytes) -> bytes:
    """The message NO_CHANGE: all messages up to here are the state of all targets as of a time."""
    return _target_change(read_time=clock.to_timestamp(micros), resume_token=resume_token)


def tell_changed(target_id: int, data: bytes) -> bytes:
    """The message of a document of the target, serialised, that is new or has changed."""
    targets = ListenResponse(document_change={"target_ids": [target_id]}).document_change.SerializeToString()
    return embed(_DOCUMENT_CHANGE, embed(_DOCUMENT, data) + targets)


def tell_gone(target_id: int, name: str, micros: int, *, is_deleted: bool) -> bytes:
    """The message of a document of the target that was deleted, or that no longer matches."""
    fields = {"document": name, "removed_target_ids": [target_id], "read_time": clock.to_timestamp(micros)}
    message = ListenResponse(document_delete=fields) if is_deleted else ListenResponse(document_remove=fields)
    data: bytes = message.SerializeToString()
    return data


def tell_count(target_id: int, count: int) -> bytes:
    """The existence filter: so many documents match; a client with another number has to read all of them again."""
    data: bytes = ListenResponse(filter={"target_id": target_id, "count": count}).SerializeToString()
    return data


def _target_change(**fields: Any) -> bytes:
    data: bytes = ListenResponse(target_change=fields).SerializeToString()
    return data
