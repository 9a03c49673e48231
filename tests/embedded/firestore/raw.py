"""The API below the clients: any request as a message or as bytes, each answer as it came, and no retries."""

from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar

import grpc
from google.cloud.firestore_v1 import types
from google.protobuf.empty_pb2 import Empty

from tests.patience import PATIENCE_SECONDS

Answer = TypeVar("Answer")

SERVICE = "google.firestore.v1.Firestore"
STREAMS = ("BatchGetDocuments", "RunQuery", "RunAggregationQuery")
_ANSWERS = {
    "GetDocument": types.Document.pb(),
    "CreateDocument": types.Document.pb(),
    "UpdateDocument": types.Document.pb(),
    "DeleteDocument": Empty,
    "Rollback": Empty,
}


def message(name: str) -> Any:
    """The raw protobuf class of a message of the API."""
    return getattr(types, name).pb()


class Refusal(Exception):  # noqa: N818 - a status, and not always an error of anyone
    """The status that the server has answered with; `code` is its name, such as NOT_FOUND."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(f"{code}: {details}")
        self.code = code
        self.details = details


def attempt(ask: Callable[[], Answer]) -> tuple[str, Answer | None]:
    """OK with the answer, or the code of the refusal with None."""
    try:
        return "OK", ask()
    except Refusal as refusal:
        return refusal.code, None


class RawFirestore:
    """A channel to one server."""

    def __init__(self, host_port: str) -> None:
        self._channel = grpc.insecure_channel(
            host_port,
            # A channel of its own: gRPC shares connections between channels that look the same.
            options=[("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def call(self, method: str, /, **fields: Any) -> Any:
        """The answer to a request of these fields: a list where answers stream. Refusal otherwise."""
        data = message(f"{method}Request")(**fields).SerializeToString()
        answers = [self.parse(method, answer) for answer in self.send(method, data)]
        return answers if method in STREAMS else answers[0]

    def send(self, method: str, data: bytes) -> list[bytes]:
        """The serialised answers to a request, which may be no message at all; Refusal otherwise."""
        path = f"/{SERVICE}/{method}"
        try:
            if method in STREAMS:
                return list(self._channel.unary_stream(path, None, None)(data, timeout=PATIENCE_SECONDS))
            return [self._channel.unary_unary(path, None, None)(data, timeout=PATIENCE_SECONDS)]
        except grpc.RpcError as error:
            raise Refusal(error.code().name, error.details() or "") from error

    def converse(self, method: str, requests: list[bytes]) -> list[bytes]:
        """The answers of a stream in both directions until it ends; Refusal otherwise."""
        path = f"/{SERVICE}/{method}"
        try:
            return list(self._channel.stream_stream(path, None, None)(iter(requests), timeout=PATIENCE_SECONDS))
        except grpc.RpcError as error:
            raise Refusal(error.code().name, error.details() or "") from error

    def open_stream(self, path: str, requests: Iterator[bytes]) -> Any:
        """The answers of a stream in both directions as they come; it can be cancelled."""
        return self._channel.stream_stream(path, None, None)(requests, timeout=PATIENCE_SECONDS)

    def parse(self, method: str, answer: bytes) -> Any:
        """An answer of a method as the message that it is."""
        return (_ANSWERS.get(method) or message(f"{method}Response")).FromString(answer)
