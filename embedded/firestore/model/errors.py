"""The server's errors, each with the gRPC code that Firestore gives.

Never INTERNAL or DEADLINE_EXCEEDED, and UNAVAILABLE only where it is meant: clients retry those in silence, and a fault
looks like a hang.
"""

import sqlite3

import grpc


class RpcError(Exception):
    """A refusal that travels to the client as it is."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InvalidArgumentError(RpcError):
    """The request is malformed, whatever the data; the message says what to change."""

    def __init__(self, message: str) -> None:
        super().__init__(grpc.StatusCode.INVALID_ARGUMENT, message)


class NotFoundError(RpcError):
    """A document that must exist does not."""

    def __init__(self, message: str) -> None:
        super().__init__(grpc.StatusCode.NOT_FOUND, message)


class AlreadyExistsError(RpcError):
    """A document that must not exist does."""

    def __init__(self, message: str) -> None:
        super().__init__(grpc.StatusCode.ALREADY_EXISTS, message)


class FailedPreconditionError(RpcError):
    """The request is well-formed, and the state of the data does not allow it."""

    def __init__(self, message: str) -> None:
        super().__init__(grpc.StatusCode.FAILED_PRECONDITION, message)


class AbortedError(RpcError):
    """A transaction lost against another one; clients try again."""

    def __init__(self, message: str = "Too much contention on these documents. Please try again.") -> None:
        super().__init__(grpc.StatusCode.ABORTED, message)


class UnavailableError(RpcError):
    """A stream ends though nothing is wrong with it; clients connect again and resume."""

    def __init__(self, message: str) -> None:
        super().__init__(grpc.StatusCode.UNAVAILABLE, message)


class DiskFullError(RpcError):
    """The disk is full: no write succeeds; Firestore says the same where a quota is used up."""

    def __init__(self) -> None:
        super().__init__(grpc.StatusCode.RESOURCE_EXHAUSTED, "The embedded Firestore cannot write: its disk is full.")


class UnimplementedError(RpcError):
    """A part of the API that this server does not have."""

    def __init__(self, feature: str) -> None:
        super().__init__(grpc.StatusCode.UNIMPLEMENTED, f"{feature} is not supported by the embedded Firestore.")


def check_disk_full(error: Exception) -> bool:
    """Whether SQLite had no room, in the file system or for the file."""
    # A file that may not grow is an error of input and output to SQLite, whose name says at which step.
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorname in _NO_ROOM


_NO_ROOM = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE"})
