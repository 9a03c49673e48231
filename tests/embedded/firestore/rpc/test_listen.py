"""Listen, message by message: what the clients do not show, and what few of them ask for."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from embedded.firestore.index.indexes import IndexConfig
from embedded.firestore.model.errors import UnavailableError
from embedded.firestore.rpc import commit_hub, listen
from embedded.firestore.store import storage
from tests.embedded.firestore.streams import ROOT, Wire, above, drop, open_wire, put, query
from tests.patience import PATIENCE_SECONDS

GROUP = {"from_": [{"collection_id": "c", "all_descendants": True}]}
BY_N = [{"field": {"field_path": "n"}, "direction": "DESCENDING"}]


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    """A server of this test alone."""
    async with open_wire(tmp_path) as wire:
        yield wire


async def test_resume_tells_only_what_changed(wire: Wire) -> None:
    """Also what came and went in between: a stream that was cut may have told the coming."""
    await wire.commit(*(put(f"c/{name}", n=9) for name in "abcdef"))
    async with wire.listen() as stream:
        await stream.add_query(1, query(where=above(5)))
        await stream.snapshot()
    await wire.commit(put("c/a", n=8), put("c/b", n=1), drop("c/c"), put("c/x", n=9), put("c/y", n=2), put("other/a"))
    await wire.commit(drop("c/x"))
    async with wire.listen() as resumed:
        await resumed.add_query(1, query(where=above(5)), resume_token=stream.resume_token)
        words = await resumed.snapshot()
    assert words[0] == "add"
    assert sorted(words[1:-2]) == ["change c/a", "delete c/c", "delete c/x", "remove c/b"]
    assert words[-2:] == ["current", "consistent"]


async def test_resume_without_a_change(wire: Wire) -> None:
    """The changes of the token's own commit are not sent again."""
    await wire.commit(put("c/a", n=9), put("c/b", n=9))
    async with wire.listen() as stream:
        await stream.add_query(1, query(where=above(5)))
        await stream.snapshot()
        await stream.snapshot(await wire.commit(put("c/a", n=8), drop("c/b")))
    async with wire.listen() as resumed:
        await resumed.add_query(1, query(where=above(5)), resume_token=stream.resume_token)
        assert await resumed.snapshot() == ["add", "current", "consistent"]


async def test_resume_of_documents(wire: Wire) -> None:
    """Changed and missing documents are sent again, unchanged ones are not."""
    await wire.commit(put("c/a", n=1), put("c/b", n=1), put("c/c", n=1))
    async with wire.listen() as stream:
        await stream.add_documents(1, "c/a", "c/b", "c/c")
        await stream.snapshot()
    await wire.commit(put("c/a", n=2), drop("c/b"))
    async with wire.listen() as resumed:
        await resumed.add_documents(1, "c/a", "c/b", "c/c", resume_token=stream.resume_token)
        assert sorted((await resumed.snapshot())[1:-2]) == ["change c/a", "delete c/b"]


async def test_resume_at_a_read_time(wire: Wire) -> None:
    """A read_time serves as a token does."""
    await wire.commit(put("c/a"))
    async with wire.listen() as stream:
        await stream.add_query(1, query())
        await stream.snapshot()
    await wire.commit(put("c/b"))
    async with wire.listen() as resumed:
        await resumed.add_query(1, query(), read_time=stream.read_time)
        assert await resumed.snapshot() == ["add", "change c/b", "current", "consistent"]


async def test_a_filter_for_those_who_count(wire: Wire) -> None:
    """A client that says how many documents it holds is told how many there are."""
    await wire.commit(put("c/a"), put("c/b"))
    async with wire.listen() as stream:
        await stream.add_query(1, query())
        await stream.snapshot()
    await wire.commit(drop("c/a"))
    async with wire.listen() as resumed:
        await resumed.add_query(1, query(), resume_token=stream.resume_token, expected_count={"value": 2})
        assert await resumed.snapshot() == ["add", "delete c/a", "filter 1", "current", "consistent"]


async def test_an_old_token_resets(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the versions since are gone, all is told anew."""
    await wire.commit(put("c/a"))
    async with wire.listen() as stream:
        await stream.add_query(1, query())
        await stream.snapshot()
    monkeypatch.setattr(storage, "HISTORY_MICROS", 0)
    async with wire.listen() as resumed:
        await resumed.add_query(1, query(), resume_token=stream.resume_token)
        assert await resumed.snapshot() == ["add", "reset", "change c/a", "current", "consistent"]


async def test_a_strange_token_resets(wire: Wire, tmp_path: Path) -> None:
    """Neither another server's token nor a broken one says anything about this server's data."""
    await wire.commit(put("c/a"))
    async with open_wire(tmp_path / "other") as other, other.listen() as stream:
        await stream.add_query(1, query())
        await stream.snapshot()
    for token in (stream.resume_token, b"broken"):
        async with wire.listen() as resumed:
            await resumed.add_query(1, query(), resume_token=token)
            assert await resumed.snapshot() == ["add", "reset", "change c/a", "current", "consistent"]


async def test_a_page_resets(wire: Wire) -> None:
    """The first results of a query cannot be resumed, and are told anew."""
    await wire.commit(*(put(f"c/{name}") for name in "abc"))
    async with wire.listen() as stream:
        await stream.add_query(1, query(limit={"value": 2}))
        await stream.snapshot()
    await wire.commit(drop("c/a"))
    async with wire.listen() as resumed:
        await resumed.add_query(1, query(limit={"value": 2}), resume_token=stream.resume_token)
        assert await resumed.snapshot() == ["add", "reset", "change c/b", "change c/c", "current", "consistent"]


async def test_once(wire: Wire) -> None:
    """A target that is asked for once ends by itself when it is consistent."""
    async with wire.listen() as stream:
        await stream.add_query(1, query(), once=True)
        assert await stream.until("removed") == ["add", "current", "consistent", "removed"]


async def test_given_ids(wire: Wire) -> None:
    """Targets without an id are given one; a target with one is then refused, and the stream goes on."""
    async with wire.listen() as stream:
        await stream.add_query(0, query())
        await stream.add_query(0, query())
        await stream.snapshot()
        await stream.snapshot()
        assert sorted(stream.documents) == [1, 2]
        await stream.add_query(7, query())
        assert await stream.until("removed") == ["add", "removed"]
        since = await wire.commit(put("c/a"))
        assert await stream.snapshot(since) == ["change c/a", "change c/a", "consistent"]


@pytest.mark.parametrize("target_id", [-1, 5])
async def test_bad_ids(wire: Wire, target_id: int) -> None:
    """A negative id, and one that the stream has already, end the stream."""
    async with wire.listen() as stream:
        await stream.add_query(5, query())
        await stream.snapshot()
        await stream.add_query(target_id, query())
        assert await stream.fail() == grpc.StatusCode.INVALID_ARGUMENT


async def test_bad_targets(wire: Wire) -> None:
    """A target of nothing is refused, and one of another database."""
    async with wire.listen() as stream:
        await stream.send(add_target={"target_id": 1})
        assert await stream.until("removed") == ["add", "removed"]
        await stream.send(
            add_target={"target_id": 2, "documents": {"documents": ["projects/p/databases/x/documents/c/a"]}}
        )
        assert await stream.until("removed") == ["add", "removed"]


async def test_a_query_without_its_index(tmp_path: Path) -> None:
    """Where indexes are enforced, the target is refused as the query would be, and leaves nothing behind."""
    config = IndexConfig(is_enforced=True)
    async with open_wire(tmp_path, config) as wire, wire.listen() as stream:
        await stream.add_query(1, query(where=above(1), order_by=[*BY_N, {"field": {"field_path": "m"}}]))
        await stream.until("removed")
        assert stream.cause == grpc.StatusCode.FAILED_PRECONDITION.value[0]
        assert not wire.subscriptions


async def test_a_client_that_is_gone(wire: Wire) -> None:
    """Of a stream that has ended, nothing is left."""
    async with wire.listen() as stream:
        await stream.add_query(1, query())
        await stream.add_documents(2, "c/a")
        await stream.snapshot()
        await stream.snapshot()
        assert len(wire.subscriptions) == 2
    async with asyncio.timeout(PATIENCE_SECONDS):
        while wire.subscriptions:  # noqa: ASYNC110 - the server announces it to nobody
            await asyncio.sleep(0.01)


async def test_half_closed(wire: Wire) -> None:
    """A client that says nothing more is told what it has asked for, and then the stream ends well."""
    async with wire.listen() as stream:
        await stream.add_query(1, query())
        await stream.end()
        assert await stream.snapshot() == ["add", "current", "consistent"]
        assert await stream.fail() == grpc.StatusCode.OK


async def test_two_targets_one_snapshot(wire: Wire) -> None:
    """The changes of one commit for several targets are followed by one consistent snapshot."""
    async with wire.listen() as stream:
        await stream.add_query(1, query())
        await stream.add_documents(2, "c/a")
        await stream.snapshot()
        await stream.snapshot()
        since = await wire.commit(put("c/a"), put("c/b"))
        assert sorted(await stream.snapshot(since)) == ["change c/a", "change c/a", "change c/b", "consistent"]


async def test_projection(wire: Wire) -> None:
    """A query that selects fields is told those alone."""
    async with wire.listen() as stream:
        await stream.add_query(1, query(select={"fields": [{"field_path": "n"}]}))
        await stream.snapshot()
        await stream.snapshot(await wire.commit(put("c/a", n=1, m=2)))
        (told,) = stream.documents[1].values()
        assert b"n" in told
        assert b"m" not in told.removeprefix(b"\n")[len(ROOT) + 4 :]


async def test_everything_against_queries(wire: Wire) -> None:
    """Random commits: at every snapshot of the stream each target holds what its query finds at that time."""
    chance = random.Random(3)  # noqa: S311 - the same commits every time
    queries = {
        1: query(),
        2: query(where=above(5)),
        3: query(order_by=BY_N, limit={"value": 3}),
        4: query(where=above(2), limit={"value": 2}, offset=1),
        5: query(order_by=BY_N, offset=4),
        6: query(limit={"value": 0}),
        7: GROUP,
        8: {**GROUP, "limit": {"value": 4}},
    }
    paths = [*(f"c/{number}" for number in range(10)), *(f"c/{number}/c/x" for number in range(3)), "d/1"]
    async with wire.listen() as stream:
        for target_id, asked in queries.items():
            await stream.add_query(target_id, asked)
            await stream.snapshot()
        for _ in range(150):
            chosen = chance.sample(paths, chance.randint(1, 3))
            writes = [drop(path) if chance.random() < 0.3 else put(path, n=chance.randint(0, 9)) for path in chosen]
            since = await wire.commit(*writes, put("c/always", n=chance.randint(0, 10**9)))
            await stream.snapshot(since)
            for target_id, asked in queries.items():
                assert stream.documents[target_id] == await wire.run_query(asked, stream.read_time)


@pytest.mark.parametrize("asked", [query(), GROUP, query(limit={"value": 9})])
async def test_every_kind_is_woken(wire: Wire, asked: dict[str, Any]) -> None:
    """A stream with a target of one kind alone hears of a commit."""
    async with wire.listen() as stream:
        await stream.add_query(1, asked)
        await stream.snapshot()
        assert await stream.snapshot(await wire.commit(put("c/a"))) == ["change c/a", "consistent"]


async def test_targets_added_amid_commits(wire: Wire) -> None:
    """Wherever among the commits targets are added, at every snapshot they hold what their queries find."""
    page = query(order_by=BY_N, limit={"value": 3})
    numbers = itertools.count()
    is_enough = asyncio.Event()

    async def write() -> int:
        while True:
            number = next(numbers)
            since = await wire.commit(put(f"c/{number % 7}", n=number), drop(f"c/{(number + 3) % 7}"))
            if is_enough.is_set():
                return since

    async with wire.listen() as stream:
        writing = asyncio.gather(write(), write(), write())
        for target_id in range(1, 13):
            await stream.add_query(target_id, page if target_id % 2 else query())
            words: list[str] = []
            while "current" not in words:
                words = await stream.snapshot()
            for known, documents in stream.documents.items():
                assert documents == await wire.run_query(page if known % 2 else query(), stream.read_time)
        is_enough.set()
        since = max(await writing)
        while stream.read_time.ToNanoseconds() < since:
            await stream.snapshot()
        assert stream.documents[1] == await wire.run_query(page, stream.read_time)
        assert stream.documents[2] == await wire.run_query(query(), stream.read_time)


async def test_a_slow_client_holds_up_nobody(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits go on; the client is told their outcome at once when it reads again, and not each of them."""
    monkeypatch.setattr(commit_hub, "MAX_WAITING_COMMITS", 10)
    page = query(order_by=BY_N, limit={"value": 20})
    async with wire.listen() as stream:
        await stream.add_query(1, query())
        await stream.add_query(2, page)
        await stream.add_documents(3, "c/10", "c/11")
        for _ in range(3):
            await stream.snapshot()
        for number in range(200):
            await wire.commit(
                put(f"c/{number}", n=number), put("c/large", n=number, text="x" * 300_000), drop(f"c/{number - 5}")
            )
            await wire.commit(put(f"c/{number}", n=-number))
        since = await wire.commit(put("c/end", n=0))
        count = 0
        while stream.read_time.ToNanoseconds() < since:
            await stream.snapshot()
            count += 1
        assert count < 400
        assert stream.documents[1] == await wire.run_query(query(), stream.read_time)
        assert stream.documents[2] == await wire.run_query(page, stream.read_time)
        assert not stream.documents[3]


async def test_a_client_that_takes_nothing_is_cut_off(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not keep a snapshot of the file open; the code makes clients connect again."""
    monkeypatch.setattr(listen, "STALL_SECONDS", 0.3)
    has_given_up = asyncio.Event()

    def give_up(message: str) -> UnavailableError:
        has_given_up.set()
        return UnavailableError(message)

    monkeypatch.setattr(listen, "UnavailableError", give_up)
    await wire.commit(*(put(f"c/{number}", text="x" * 500_000) for number in range(12)))
    for part in range(8):
        await wire.commit(*(put(f"c/{part}-{number}", text="x" * 500_000) for number in range(12)))
    async with wire.listen() as stream:
        await stream.add_query(1, query())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await has_given_up.wait()
        assert await stream.fail() == grpc.StatusCode.UNAVAILABLE


async def test_a_silent_stream_gives_tokens(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any change, the time up to which all is told moves on, so that the token does not grow old."""
    monkeypatch.setattr(listen, "HEARTBEAT_SECONDS", 0.01)
    async with wire.listen() as stream:
        await stream.add_query(1, query())
        await stream.snapshot()
        first = stream.resume_token
        assert await stream.snapshot() == ["consistent"]
        assert stream.resume_token > first


async def test_a_server_that_stops(wire: Wire) -> None:
    """It ends its streams so that clients connect again."""
    async with wire.listen() as stream:
        await stream.add_query(1, query())
        await stream.snapshot()
        await wire.server.stop()
        assert await stream.fail() == grpc.StatusCode.UNAVAILABLE
