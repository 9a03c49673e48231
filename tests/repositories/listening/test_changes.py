"""Versions, how two changes of a document become one, and what waits for a subscriber."""

import asyncio

import pytest

from repositories.exceptions import InvalidVersionError, SubscriberTooSlowError
from repositories.listening.changes import Change, ChangeKind, merge
from repositories.listening.subscriptions import Subscription
from repositories.listening.versions import Version, digest_path
from tests.repositories.listening.watchers import describe

ADDED, MODIFIED, REMOVED = ChangeKind.ADDED, ChangeKind.MODIFIED, ChangeKind.REMOVED


def make_change(number: int, kind: ChangeKind = MODIFIED, document_id: str = "d") -> Change:
    return Change(kind, document_id, str(Version(number, 0)), None)


@pytest.mark.parametrize(
    ("waiting", "newer", "merged"),
    [
        (ADDED, MODIFIED, ADDED),
        (ADDED, REMOVED, None),
        (MODIFIED, MODIFIED, MODIFIED),
        (MODIFIED, REMOVED, REMOVED),
        (REMOVED, ADDED, MODIFIED),
    ],
)
def test_two_changes_become_one(waiting: ChangeKind, newer: ChangeKind, merged: ChangeKind | None) -> None:
    """With the version of the newer one."""
    found = merge(make_change(1, waiting), make_change(2, newer))
    assert found == (None if merged is None else make_change(2, merged))


async def test_what_waits_is_the_newest_of_each_document_in_order() -> None:
    """A subscriber receives the newest waiting change of each document, in the order of versions."""
    subscription = Subscription()
    subscription.begin([make_change(1, ADDED, "a"), make_change(2, ADDED, "b")])
    subscription.offer([make_change(3, ADDED, "c"), make_change(4, MODIFIED, "a")])
    subscription.offer([make_change(5, MODIFIED, "c")])
    subscription.offer([make_change(6, ADDED, "d")])
    subscription.offer([make_change(7, REMOVED, "d")])
    subscription.finish()
    changes = [change async for change in subscription]
    assert [describe(change) for change in changes] == ["added a", "added b", "modified a", "added c"]
    assert [change.version for change in changes] == [str(Version(number, 0)) for number in (1, 2, 4, 5)]


async def test_whoever_stays_behind_is_told_so() -> None:
    """Not before more documents wait than are kept; one that has taken everything takes any number at once."""
    subscription = Subscription(max_waiting=3)
    subscription.begin([make_change(0, ADDED, str(number)) for number in range(10)])
    assert subscription.offer([make_change(1, ADDED, f"n{number}") for number in range(5)])
    for _ in range(12):
        await anext(subscription)
    assert not subscription.offer([make_change(2)])
    for _ in range(2):
        with pytest.raises(SubscriberTooSlowError):
            await anext(subscription)


async def test_changes_of_the_same_documents_never_fill_the_queue() -> None:
    """A hundred changes of three documents fit into a queue of three."""
    subscription = Subscription(max_waiting=3)
    for number in range(100):
        assert subscription.offer([make_change(number, MODIFIED, str(number % 3))])


async def test_closing_wakes_whoever_waits() -> None:
    """And whoever cancels its wait can wait again."""
    subscription = Subscription()
    waiting = asyncio.create_task(anext(subscription))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    again = asyncio.create_task(anext(subscription))
    await asyncio.sleep(0)
    await subscription.close()
    with pytest.raises(StopAsyncIteration):
        await again


def test_a_version_is_text_in_the_order_of_commits() -> None:
    """Versions as texts have one length and sort as they were committed."""
    versions = [Version(1, 5), Version(1, 2**63), Version(2, 0), Version(2**40, 7)]
    texts = list(map(str, versions))
    assert texts == sorted(texts)
    assert {len(text) for text in texts} == {32}
    assert list(map(Version.parse, texts)) == versions


@pytest.mark.parametrize("text", ["", "0" * 31, "0" * 33, "G" * 32, "0" * 31 + "A", "٣" * 32, "0" * 32 + "\n"])
def test_any_other_text_is_no_version(text: str) -> None:
    """A text of another form raises `InvalidVersionError` with the argument's path."""
    with pytest.raises(InvalidVersionError) as caught:
        Version.parse(text)
    assert caught.value.path == ("after",)


def test_the_next_version_of_a_document_leaves_no_gap() -> None:
    """The next version of a document is the first that follows, in the same commit where its digest allows."""
    assert Version(5, 10).get_next(11) == Version(5, 11)
    assert Version(5, 10).get_next(10) == Version(6, 10)
    assert Version(5, 10).get_next(9) == Version(6, 9)


def test_digests_are_the_same_in_every_process() -> None:
    """As `b2sum -l 64` says."""
    assert digest_path("users/u/videos/v") == 0xE20015C97BF5FF54
