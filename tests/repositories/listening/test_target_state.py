"""From what a stream says to states and events, message by message, also as only the real Firestore says it."""

from typing import Any

import pytest
from google.cloud.firestore_v1.types import Document

from repositories.listening import removal_log
from repositories.listening.catch_up import list_differences
from repositories.listening.changes import Change, ChangeKind, check_shown, to_change
from repositories.listening.removal_log import Departures
from repositories.listening.target_state import Feed
from repositories.listening.targets import ClipsTarget
from repositories.listening.versions import Version, digest_path

FOLDER = "users/u/videos/v/clips"
ROOT = f"projects/p/databases/d/documents/{FOLDER}"


def make_document(document_id: str, updated: int, created: int = 1, **fields: str) -> Any:
    """A clip as it arrives, with times in microseconds."""
    values = {"filename": f"{document_id}.mp4", "style": "split", "status": "processing"} | fields
    return Document.pb()(
        name=f"{ROOT}/{document_id}",
        fields={name: {"string_value": value} for name, value in values.items()},
        create_time={"seconds": 0, "nanos": created * 1_000},
        update_time={"seconds": 0, "nanos": updated * 1_000},
    )


@pytest.fixture
def feed() -> Feed:
    """A feed with the clips `a` and `b`, as of 100 µs, by the token `t`."""
    feed = Feed(ClipsTarget("u", "v"))
    feed.ask()
    feed.change(make_document("a", 10))
    feed.change(make_document("b", 20))
    feed.is_current = True
    feed.keep_token(b"t")
    feed.advance(100)
    return feed


def tell(feed: Feed, style: str | None = None) -> list[str]:
    """The events as somebody is told them, with their times."""
    changes = [to_change(event, style) for event in feed.events]
    return [_describe(change) for change in changes if change is not None]


def _describe(change: Change) -> str:
    return f"{change.kind} {change.id} {int(change.version[:16], 16)}"


def test_the_first_state(feed: Feed) -> None:
    assert tell(feed) == ["added a 10", "added b 20"]
    assert (feed.token, feed.count()) == (b"t", 2)


def test_only_a_state_makes_events(feed: Feed) -> None:
    feed.events = ()
    feed.change(make_document("a", 110))
    assert not feed.events
    feed.advance(120)
    assert tell(feed) == ["modified a 110"]


def test_what_is_told_again_is_no_event(feed: Feed) -> None:
    feed.change(make_document("a", 10))
    feed.advance(120)
    assert not feed.events


def test_changes_of_a_state_come_in_the_order_of_commits(feed: Feed) -> None:
    for document_id, updated in (("c", 140), ("a", 130), ("d", 110)):
        feed.change(make_document(document_id, updated, created=updated))
    feed.advance(150)
    assert tell(feed) == ["added d 110", "modified a 130", "added c 140"]


def test_a_delete_comes_before_what_may_be_later(feed: Feed) -> None:
    """Firestore says when a delete was seen: it may have been before a change that is told beside it."""
    feed.change(make_document("a", 150))
    feed.lose(f"{ROOT}/b", 180)
    feed.advance(180)
    assert tell(feed) == ["removed b 149", "modified a 150"]
    known = Version(149, digest_path(f"{FOLDER}/b"))
    # Another process may have told the change, and not yet the delete.
    assert [departure.id for departure in feed.departures.find_after(Version(160, 0))] == ["b"]
    assert [departure.id for departure in feed.departures.find_after(known)] == ["b"]
    assert not list(feed.departures.find_after(Version(180, 0)))


def test_a_delete_of_the_same_commit_has_its_time(feed: Feed) -> None:
    feed.change(make_document("a", 150))
    feed.lose(f"{ROOT}/b", 150)
    feed.advance(150)
    assert sorted(tell(feed)) == ["modified a 150", "removed b 150"]


def test_a_delete_comes_after_what_was_told_before(feed: Feed) -> None:
    """However early the change is that comes with it, and whatever time it names."""
    feed.change(make_document("a", 101))
    feed.lose(f"{ROOT}/b", 180)
    feed.advance(180)
    assert "removed b 101" in tell(feed)
    feed.lose(f"{ROOT}/a", 50)
    feed.advance(200)
    assert tell(feed) == ["removed a 181"]


def test_a_delete_without_a_time_has_the_states(feed: Feed) -> None:
    feed.lose(f"{ROOT}/b", 0)
    feed.advance(180)
    assert tell(feed) == ["removed b 180"]


def test_a_state_of_an_earlier_time_waits(feed: Feed) -> None:
    """A new stream may be behind the old one: what it tells is held until it is as far."""
    feed.events = ()
    feed.change(make_document("a", 110))
    feed.advance(90)
    assert not feed.events
    assert feed.read_micros == 100
    feed.advance(110)
    assert tell(feed) == ["modified a 110"]


def test_what_made_no_state_is_forgotten_with_its_stream(feed: Feed) -> None:
    """It is told again, by the token of the last state; or is not there any more."""
    feed.events = ()
    feed.change(make_document("a", 110))
    feed.keep_token(b"later")
    feed.ask()
    feed.advance(120)
    assert not feed.events
    assert feed.token == b"t"


def test_a_reset_removes_what_is_not_told(feed: Feed) -> None:
    feed.change(make_document("c", 110))
    feed.reset()
    assert not feed.is_current
    feed.change(make_document("a", 10))
    assert feed.count() == 1
    feed.is_current = True
    feed.advance(120)
    assert tell(feed) == ["removed b 120"]
    feed.change(make_document("a", 130))
    feed.advance(130)
    assert tell(feed) == ["modified a 130"]


def test_without_a_token_everything_is_expected(feed: Feed) -> None:
    feed.token = b""
    feed.ask()
    feed.advance(120)
    assert tell(feed) == ["removed a 120", "removed b 120"]


def test_what_is_being_deleted_counts_and_is_not_shown(feed: Feed) -> None:
    feed.change(make_document("a", 110, status="deleting"))
    feed.advance(120)
    assert tell(feed) == ["removed a 110"]
    assert feed.count() == 2
    assert not any(check_shown(entry, None) for entry in feed.documents.values() if entry.id == "a")
    feed.lose(f"{ROOT}/a", 130)
    assert feed.count() == 1
    feed.advance(130)
    assert not feed.events


def test_a_filter_sees_documents_come_and_go(feed: Feed) -> None:
    feed.change(make_document("a", 110, style="fast"))
    feed.advance(110)
    assert tell(feed, "split") == ["removed a 110"]
    assert tell(feed, "fast") == ["added a 110"]
    assert tell(feed) == [f"{ChangeKind.MODIFIED} a 110"]
    assert tell(feed, "other") == []


def test_an_earlier_state_is_recalled(feed: Feed) -> None:
    """From the documents that are there, and what has left."""
    steps: list[tuple[int, dict[str, str | None]]] = [(100, {"a": "split", "b": "split"})]
    feed.change(make_document("a", 110, style="fast"))
    feed.advance(110)
    steps.append((110, {"a": "fast", "b": "split"}))
    feed.change(make_document("c", 120, created=120))
    feed.lose(f"{ROOT}/b", 120)
    feed.advance(120)
    steps.append((120, {"a": "fast", "c": "split"}))
    feed.lose(f"{ROOT}/c", 130)
    feed.change(make_document("b", 130, created=130, style="other"))
    feed.change(make_document("a", 130, style="split"))
    feed.advance(130)
    steps.append((130, {"a": "split", "b": "other"}))
    feed.change(make_document("b", 140, created=130, style="split"))
    feed.advance(140)
    for micros, known in steps:
        last = Version.end_of(micros)
        assert feed.departures.recall(feed.documents.values(), last) == known
        assert feed.departures.check_covers(last)
    assert not feed.departures.check_covers(Version(100, 0))


def test_only_the_latest_departures_are_kept(feed: Feed) -> None:
    """And it is known from when on none is missing."""
    feed.departures = Departures(max_departures=1)
    feed.departures.begin(100)
    for document_id, micros in (("a", 110), ("b", 120)):
        feed.lose(f"{ROOT}/{document_id}", micros)
        feed.advance(micros)
    assert not feed.departures.check_covers(Version(110, 0))
    assert feed.departures.check_covers(Version.end_of(110))
    assert [departure.id for departure in feed.departures.find_after(Version(110, 0))] == ["b"]


def test_a_delete_that_may_be_later_is_told_again_as_later(feed: Feed) -> None:
    """Before everything else that follows: what was told stays a beginning of all."""
    feed.change(make_document("a", 170))
    feed.lose(f"{ROOT}/b", 180)
    feed.advance(180)
    for micros in (100, 168, 169):
        after = Version.end_of(micros)
        changes = list_differences(feed, {"a": "split", "b": "split"}, None, after)
        assert [change.id for change in changes] == (["b", "a"] if micros < 169 else ["a", "b"])
        assert str(after) < changes[0].version < changes[1].version


def test_what_states_of_several_commits_hide_is_not_known(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Amid commits that are told as one, after a break, and where a document is gone that nobody had seen."""
    covers = feed.departures.check_covers
    feed.change(make_document("a", 110))
    feed.advance(110)
    assert covers(Version(110, 0))
    feed.change(make_document("a", 120))
    feed.change(make_document("b", 130))
    feed.advance(140)
    assert [covers(Version(micros, 0)) for micros in (110, 111, 125, 140, 141)] == [True, False, False, False, True]
    assert covers(Version.end_of(110))
    assert covers(Version.end_of(140))
    feed.lose(f"{ROOT}/unknown", 150)
    feed.advance(150)
    assert not covers(Version(150, 0))
    feed.ask()
    feed.advance(160)
    assert not covers(Version(155, 0))
    feed.change(make_document("a", 170))
    feed.advance(170)
    assert covers(Version(170, 0))
    monkeypatch.setattr(removal_log, "MAX_GAPS", 2)
    feed.departures.add_gap(170, 180)
    assert not covers(Version(105, 0))
    assert covers(Version.end_of(140))
