"""From the messages of a stream to snapshots and changes, also such as only the real Firestore sends."""

from typing import Any

import pytest
from google.cloud.firestore_v1.types import Document

from repositories.listening import removal_log
from repositories.listening.catch_up import list_differences
from repositories.listening.changes import Change, ChangeKind, check_shown, to_change
from repositories.listening.removal_log import RemovalLog
from repositories.listening.target_state import TargetState
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
def state() -> TargetState:
    """A target state with the clips `a` and `b`, as of 100 µs, by the token `t`."""
    state = TargetState(ClipsTarget("u", "v"))
    state.ask()
    state.change(make_document("a", 10))
    state.change(make_document("b", 20))
    state.mark_current()
    state.keep_token(b"t")
    state.advance(100)
    return state


def tell(state: TargetState, style: str | None = None) -> list[str]:
    """The changes as a subscriber receives them, with their times."""
    changes = [to_change(change, style) for change in state.changes]
    return [_describe(change) for change in changes if change is not None]


def _describe(change: Change) -> str:
    return f"{change.kind} {change.id} {int(change.version[:16], 16)}"


def test_the_first_state(state: TargetState) -> None:
    """The first snapshot adds every document and stores the token."""
    assert tell(state) == ["added a 10", "added b 20"]
    assert (state.token, state.count()) == (b"t", 2)


def test_only_a_snapshot_makes_changes(state: TargetState) -> None:
    """A document that was sent becomes a change with the next snapshot."""
    state.changes = ()
    state.change(make_document("a", 110))
    assert not state.changes
    state.advance(120)
    assert tell(state) == ["modified a 110"]


def test_what_is_sent_again_is_no_change(state: TargetState) -> None:
    """A document that is sent in the version that is known is no change."""
    state.change(make_document("a", 10))
    state.advance(120)
    assert not state.changes


def test_changes_of_a_state_come_in_the_order_of_commits(state: TargetState) -> None:
    """A snapshot's changes are ordered by their versions, not by their arrival."""
    for document_id, updated in (("c", 140), ("a", 130), ("d", 110)):
        state.change(make_document(document_id, updated, created=updated))
    state.advance(150)
    assert tell(state) == ["added d 110", "modified a 130", "added c 140"]


def test_a_delete_comes_before_what_may_be_later(state: TargetState) -> None:
    """Firestore says when a delete was seen: it may have been before a change that is told beside it."""
    state.change(make_document("a", 150))
    state.remove(f"{ROOT}/b", 180)
    state.advance(180)
    assert tell(state) == ["removed b 149", "modified a 150"]
    known = Version(149, digest_path(f"{FOLDER}/b"))
    # Another process may have told the change, and not yet the delete.
    assert [removal.id for removal in state.removals.list_after(Version(160, 0))] == ["b"]
    assert [removal.id for removal in state.removals.list_after(known)] == ["b"]
    assert not list(state.removals.list_after(Version(180, 0)))


def test_a_delete_of_the_same_commit_has_its_time(state: TargetState) -> None:
    """A delete that was committed with a change has that change's time."""
    state.change(make_document("a", 150))
    state.remove(f"{ROOT}/b", 150)
    state.advance(150)
    assert sorted(tell(state)) == ["modified a 150", "removed b 150"]


def test_a_delete_comes_after_what_was_told_before(state: TargetState) -> None:
    """However early the change is that comes with it, and whatever time it names."""
    state.change(make_document("a", 101))
    state.remove(f"{ROOT}/b", 180)
    state.advance(180)
    assert "removed b 101" in tell(state)
    state.remove(f"{ROOT}/a", 50)
    state.advance(200)
    assert tell(state) == ["removed a 181"]


def test_a_delete_without_a_time_has_the_states(state: TargetState) -> None:
    """A delete that is sent without a time has the snapshot's."""
    state.remove(f"{ROOT}/b", 0)
    state.advance(180)
    assert tell(state) == ["removed b 180"]


def test_a_state_of_an_earlier_time_waits(state: TargetState) -> None:
    """A new stream may be behind the old one: what it tells is held until it is as far."""
    state.changes = ()
    state.change(make_document("a", 110))
    state.advance(90)
    assert not state.changes
    assert state.read_micros == 100
    state.advance(110)
    assert tell(state) == ["modified a 110"]


def test_what_made_no_state_is_forgotten_with_its_stream(state: TargetState) -> None:
    """It is told again, by the token of the last state; or is not there any more."""
    state.changes = ()
    state.change(make_document("a", 110))
    state.keep_token(b"later")
    state.ask()
    state.advance(120)
    assert not state.changes
    assert state.token == b"t"


def test_a_reset_removes_what_is_not_told(state: TargetState) -> None:
    """After a reset, documents that are not sent again are removed with the next snapshot."""
    state.change(make_document("c", 110))
    state.reset()
    assert not state.is_current
    state.change(make_document("a", 10))
    assert state.count() == 1
    state.mark_current()
    state.advance(120)
    assert tell(state) == ["removed b 120"]
    state.change(make_document("a", 130))
    state.advance(130)
    assert tell(state) == ["modified a 130"]


def test_without_a_token_everything_is_expected(state: TargetState) -> None:
    """A request without a token removes what is not sent again."""
    state.token = b""
    state.ask()
    state.advance(120)
    assert tell(state) == ["removed a 120", "removed b 120"]


def test_what_is_being_deleted_counts_and_is_not_shown(state: TargetState) -> None:
    """A tombstone counts as a document of the target, and is shown to no subscriber."""
    tombstone = make_document("a", 110, status="deleting")
    tombstone.fields["deleting_at"].timestamp_value.GetCurrentTime()
    state.change(tombstone)
    state.advance(120)
    assert tell(state) == ["removed a 110"]
    assert state.count() == 2
    assert not any(check_shown(document, None) for document in state.documents.values() if document.id == "a")
    state.remove(f"{ROOT}/a", 130)
    assert state.count() == 1
    state.advance(130)
    assert not state.changes


def test_another_programs_deleting_is_a_change_like_any_other(state: TargetState) -> None:
    """A clip whose status another program set to `deleting`, without a tombstone's fields, is modified and stays."""
    state.change(make_document("a", 110, status="deleting"))
    state.advance(120)
    assert tell(state) == ["modified a 110"]


def test_a_filter_sees_documents_come_and_go(state: TargetState) -> None:
    """A clip that changes its style is removed for the old filter and added for the new one."""
    state.change(make_document("a", 110, style="fast"))
    state.advance(110)
    assert tell(state, "split") == ["removed a 110"]
    assert tell(state, "fast") == ["added a 110"]
    assert tell(state) == [f"{ChangeKind.MODIFIED} a 110"]
    assert tell(state, "other") == []


def test_an_earlier_state_is_recalled(state: TargetState) -> None:
    """From the documents that are there, and what has left."""
    steps: list[tuple[int, dict[str, str | None]]] = [(100, {"a": "split", "b": "split"})]
    state.change(make_document("a", 110, style="fast"))
    state.advance(110)
    steps.append((110, {"a": "fast", "b": "split"}))
    state.change(make_document("c", 120, created=120))
    state.remove(f"{ROOT}/b", 120)
    state.advance(120)
    steps.append((120, {"a": "fast", "c": "split"}))
    state.remove(f"{ROOT}/c", 130)
    state.change(make_document("b", 130, created=130, style="other"))
    state.change(make_document("a", 130, style="split"))
    state.advance(130)
    steps.append((130, {"a": "split", "b": "other"}))
    state.change(make_document("b", 140, created=130, style="split"))
    state.advance(140)
    for micros, known in steps:
        last = Version.end_of(micros)
        assert state.removals.recall(state.documents.values(), last) == known
        assert state.removals.check_covers(last)
    assert not state.removals.check_covers(Version(100, 0))


def test_only_the_latest_removals_are_kept(state: TargetState) -> None:
    """And it is known from when on none is missing."""
    state.removals = RemovalLog(max_removals=1)
    state.removals.begin(100)
    for document_id, micros in (("a", 110), ("b", 120)):
        state.remove(f"{ROOT}/{document_id}", micros)
        state.advance(micros)
    assert not state.removals.check_covers(Version(110, 0))
    assert state.removals.check_covers(Version.end_of(110))
    assert [removal.id for removal in state.removals.list_after(Version(110, 0))] == ["b"]


def test_a_delete_that_may_be_later_is_told_again_as_later(state: TargetState) -> None:
    """Before everything else that follows: what was told stays a beginning of all."""
    state.change(make_document("a", 170))
    state.remove(f"{ROOT}/b", 180)
    state.advance(180)
    for micros in (100, 168, 169):
        after = Version.end_of(micros)
        changes = list_differences(state, {"a": "split", "b": "split"}, None, after)
        assert [change.id for change in changes] == (["b", "a"] if micros < 169 else ["a", "b"])
        assert str(after) < changes[0].version < changes[1].version


def test_what_states_of_several_commits_hide_is_not_known(state: TargetState, monkeypatch: pytest.MonkeyPatch) -> None:
    """Amid commits that are told as one, after a break, and where a document is gone that nobody had seen."""
    covers = state.removals.check_covers
    state.change(make_document("a", 110))
    state.advance(110)
    assert covers(Version(110, 0))
    state.change(make_document("a", 120))
    state.change(make_document("b", 130))
    state.advance(140)
    assert [covers(Version(micros, 0)) for micros in (110, 111, 125, 140, 141)] == [True, False, False, False, True]
    assert covers(Version.end_of(110))
    assert covers(Version.end_of(140))
    state.remove(f"{ROOT}/unknown", 150)
    state.advance(150)
    assert not covers(Version(150, 0))
    state.ask()
    state.advance(160)
    assert not covers(Version(155, 0))
    state.change(make_document("a", 170))
    state.advance(170)
    assert covers(Version(170, 0))
    monkeypatch.setattr(removal_log, "MAX_GAPS", 2)
    state.removals.add_gap(170, 180)
    assert not covers(Version(105, 0))
    assert covers(Version.end_of(140))
