"""What the server refuses, each with the gRPC code that Firestore gives.

Never INTERNAL or DEADLINE_EXCEEDED, and UNAVAILABLE only where it is meant: clients retry those in silence, and a fault
looks like a hang.
"""

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


class UnimplementedError(RpcError):
    """A part of the API that this server does not have."""

    def __init__(self, feature: str) -> None:
        super().__init__(grpc.StatusCode.UNIMPLEMENTED, f"{feature} is not supported by the embedded Firestore.")
