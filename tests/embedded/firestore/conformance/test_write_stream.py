"""The Write stream of the mobile and web clients. Python's and Node's never open one: it is here as raw messages."""

import queue
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.embedded.firestore.conformance.place import Place
from tests.embedded.firestore.conformance.rows import Create, Refused, scenario
from tests.embedded.firestore.conformance.transactions import PATIENCE_SECONDS, begin, commit, read, setting

INVALID = Refused("INVALID_ARGUMENT")


class WriteStream:
    """An open stream, on which each request is answered before the next one is sent."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        write = place.client._firestore_api.transport.write
        self._call = write(
            iter(self._requests.get, None), metadata=place.client._rpc_metadata, timeout=PATIENCE_SECONDS
        )

    def send(self, **request: Any) -> None:
        """The request is on its way."""
        self._requests.put(self._place.fill(request))

    def receive(self) -> Any:
        """The next response."""
        return next(self._call)

    def ask(self, **request: Any) -> Any:
        """The response to a request."""
        self.send(**request)
        return self.receive()

    def open(self, **request: Any) -> Any:
        """The response to a first request."""
        return self.ask(database="{database}", **request)

    def end(self) -> list[Any]:
        """The responses that came after the client's last word, up to the end of the stream."""
        self._requests.put(None)
        return list(self._call)

    def cancel(self) -> None:
        """The line is cut."""
        self._requests.put(None)
        self._call.cancel()


@contextmanager
def streaming(place: Place) -> Iterator[WriteStream]:
    """A stream that is gone on the way out."""
    stream = WriteStream(place)
    try:
        yield stream
    finally:
        stream.cancel()


def creating(place: Place, path: str) -> dict[str, Any]:
    """A write that creates a document."""
    return {**setting(place, path, n=1), "current_document": {"exists": False}}


@scenario(27, "P", "a write stream begins with an id and a token alone")
def test_handshake(place: Place) -> None:
    """Both are for the requests to come; the stream ends when the client ends it."""
    with streaming(place) as stream:
        response = stream.open()
        assert response.stream_id
        assert response.stream_token
        assert "commit_time" not in response
        assert list(response.write_results) == []
        assert stream.end() == []


@scenario(27, "P", "each request of a write stream is a commit")
def test_commits(place: Place) -> None:
    """It is answered with a result for each write, the commit's time, and a new token; labels change nothing."""
    with streaming(place) as stream:
        token = stream.open().stream_token
        writes = [setting(place, "a", n=1), setting(place, "b", n=1), {"delete": place.name("a")}]
        first = stream.ask(writes=writes, stream_token=token, labels={"goog-listen-tags": "x"})
        assert first.stream_token not in {b"", token}
        assert not first.stream_id
        assert len(first.write_results) == 3
        second = stream.ask(writes=[setting(place, "b", n=2)], stream_token=first.stream_token)
        assert second.commit_time > first.commit_time
        assert second.write_results[0].update_time == second.commit_time
        assert place.content() == {"b": {"n": "int 2"}}


@scenario(27, "P", "requests of a write stream that wait for no answer are applied in their order")
def test_pipeline(place: Place) -> None:
    """Though all of them have the token of the beginning."""
    with streaming(place) as stream:
        token = stream.open().stream_token
        for n in range(20):
            stream.send(writes=[setting(place, "a", n=n)], stream_token=token)
        answers = stream.end()
        assert len(answers) == 20
        assert [answer.commit_time for answer in answers] == sorted(answer.commit_time for answer in answers)
        assert place.content() == {"a": {"n": "int 19"}}


@scenario(27, "P", "a refused request ends the write stream and has done nothing")
def test_refused_commit(place: Place) -> None:
    """A refused commit leaves the stream's earlier commits."""
    place.commit([Create("there", {})])
    with streaming(place) as stream:
        token = stream.open().stream_token
        stream.ask(writes=[creating(place, "a")], stream_token=token)
        stream.send(writes=[creating(place, "b"), creating(place, "there")], stream_token=token)
        stream.send(writes=[creating(place, "c")], stream_token=token)
        with place.refused(Refused("ALREADY_EXISTS", "already exists")):
            stream.receive()
        assert place.find_all() == ["a", "there"]


@scenario(27, "P", "a resumed write stream tells what came after the token")
def test_resume(place: Place) -> None:
    """Then it tells the present token alone, and goes on."""
    with streaming(place) as stream:
        opened = stream.open()
        told = [stream.ask(writes=[creating(place, each)], stream_token=opened.stream_token) for each in "abc"]
    with streaming(place) as resumed:
        missed = resumed.open(stream_id=opened.stream_id, stream_token=told[0].stream_token)
        assert [missed, resumed.receive()] == told[1:]
        present = resumed.receive()
        assert (present.stream_token, present.stream_id) == (told[2].stream_token, "")
        assert "commit_time" not in present
        resumed.ask(writes=[creating(place, "d")], stream_token=present.stream_token)
        assert place.find_all() == ["a", "b", "c", "d"]


@scenario(27, "P", "a resumed write stream tells of a commit during which the line was cut")
def test_resume_after_a_cut(place: Place) -> None:
    """The commit waits for a transaction while its client goes; what it has done and what is told of it agree."""
    place.commit([Create("a", {"n": 0})])
    transaction = begin(place)
    read(place, "a", transaction=transaction)
    with streaming(place) as stream:
        opened = stream.open()
        stream.send(writes=[setting(place, "a", n=1)], stream_token=opened.stream_token)
        time.sleep(PATIENCE_SECONDS)
    commit(place, transaction)
    with streaming(place) as resumed:
        resumed.send(database="{database}", stream_id=opened.stream_id, stream_token=opened.stream_token)
        told = [answer for answer in resumed.end() if answer.write_results]
        assert place.content() == {"a": {"n": f"int {len(told)}"}}


@scenario(27, "P", "a token that was sent makes those before it useless")
def test_old_token(place: Place) -> None:
    """The responses up to it are forgotten."""
    with streaming(place) as stream:
        opened = stream.open()
        first = stream.ask(writes=[creating(place, "a")], stream_token=opened.stream_token)
        stream.ask(writes=[creating(place, "b")], stream_token=first.stream_token)
    with streaming(place) as resumed, place.refused(INVALID):
        resumed.open(stream_id=opened.stream_id, stream_token=opened.stream_token)


FIRST_REQUESTS: dict[str, Mapping[str, Any]] = {
    "writes in the first request": {"database": "{database}", "writes": [{"delete": "{doc}"}]},
    "no database in the first request": {},
    "a token without a stream_id": {"database": "{database}", "stream_token": b"12345678"},
}
NEXT_REQUESTS: dict[str, Mapping[str, Any]] = {
    "a stream_id after the first request": {"stream_id": "x", "writes": [{"delete": "{doc}"}]},
    "a token that was never given": {"stream_token": b"12345678", "writes": [{"delete": "{doc}"}]},
    "another database than the first request's": {
        "database": "projects/another/databases/(default)",
        "writes": [{"delete": "{doc}"}],
    },
}


@scenario(27, "P", "what a write stream's first request must not be", emulator="differs: takes some of it")
def test_bad_first_request(place: Place) -> None:
    """Each is refused, and nothing is written."""
    place.commit([Create("doc", {})])
    for request in FIRST_REQUESTS.values():
        with streaming(place) as stream, place.refused(INVALID):
            stream.ask(**request)
    assert place.find_all() == ["doc"]


@scenario(27, "P", "what a write stream's later requests must not be", emulator="differs: takes some of it")
def test_bad_request(place: Place) -> None:
    """Each is refused, and nothing is written."""
    place.commit([Create("doc", {})])
    for request in NEXT_REQUESTS.values():
        with streaming(place) as stream:
            stream.open()
            with place.refused(INVALID):
                stream.ask(**request)
    assert place.find_all() == ["doc"]


@scenario(27, "P", "only the last request of a write stream may be without writes", emulator="differs: takes more")
def test_empty_request(place: Place) -> None:
    """The last one may."""
    with streaming(place) as stream:
        token = stream.open().stream_token
        assert stream.ask(stream_token=token).stream_token == token
        with place.refused(INVALID):
            stream.ask(writes=[creating(place, "a")], stream_token=token)
    assert place.find_all() == []


@scenario(27, "P", "a write stream that is not known cannot be resumed", emulator="differs: begins a new one")
def test_unknown_stream(place: Place) -> None:
    """Its client has to begin a new one."""
    with streaming(place) as stream, place.refused(Refused("NOT_FOUND")):
        stream.open(stream_id="unknown", stream_token=b"12345678")
