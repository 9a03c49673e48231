"""Folders as people leave them: of the time of rclone, restored from archives, changed by hand."""

import mimetypes
import os
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.s3.errors import S3Error, StoreError
from embedded.s3.operations.listing import Asked, list_objects
from embedded.s3.store import walk
from embedded.s3.store.model import Attributes, StoredObject
from embedded.s3.store.objects import NewObject
from embedded.s3.store.store import Store, open_store

BUCKET = "clips"
ATTRIBUTES = Attributes("text/mine", {"cache-control": "no-cache"}, {"k": "v"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store with a bucket."""
    store = open_store(tmp_path / "root")
    store.buckets.ensure(BUCKET, "[]")
    yield store
    store.close()


def put(store: Store, key: str, content: bytes, attributes: Attributes = ATTRIBUTES) -> StoredObject:
    """The object as it was put."""
    with store.open_draft() as draft:
        draft.write(content)
        draft.seal()
        store.objects.put(BUCKET, key, NewObject(draft, "etag", attributes), lambda _: None)
    return find(store, key)


def find(store: Store, key: str) -> StoredObject:
    """The object, which is there."""
    found = store.objects.find(BUCKET, key)
    assert found is not None
    return found


def reopen(store: Store) -> Store:
    """The store after a restart."""
    store.close()
    return open_store(store.root)


def list_keys(store: Store) -> list[str]:
    """All keys of the bucket."""
    return [stored.key for stored in list_objects(store, BUCKET, Asked()).objects]


def test_directory_of_the_time_of_rclone_opens_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects are found where they lie; their types are guessed once, and are the same after the guesses change."""
    folder = tmp_path / "root" / BUCKET / "uid" / "video" / "clips"
    folder.mkdir(parents=True)
    (folder / "clip_01_02_x_split.mp4").write_bytes(b"film")
    (folder.parent / "highlights.json").write_bytes(b"{}")
    store = open_store(tmp_path / "root")
    store.buckets.ensure(BUCKET, "[]")
    assert list_keys(store) == ["uid/video/clips/clip_01_02_x_split.mp4", "uid/video/highlights.json"]
    before = [find(store, key) for key in list_keys(store)]
    assert [stored.attributes.content_type for stored in before] == ["video/mp4", "application/json"]
    store = reopen(store)
    monkeypatch.setattr(mimetypes, "guess_type", lambda _: ("text/other", None))
    assert [find(store, key) for key in list_keys(store)] == before
    store.close()


def test_attributes_outlive_a_restart(store: Store) -> None:
    """An object's attributes are the same after the store is opened again."""
    before = put(store, "a/b.mp4", b"film")
    store = reopen(store)
    assert find(store, "a/b.mp4") == before
    assert before.attributes == ATTRIBUTES
    store.close()


def test_file_that_is_changed_by_hand_is_a_new_object(store: Store) -> None:
    """With a type by its name, and nothing of what the old one was."""
    before = put(store, "a.txt", b"old")
    Path(before.path).write_bytes(b"new")
    after = find(store, "a.txt")
    assert (after.attributes, after.etag == before.etag) == (Attributes("text/plain"), False)
    Path(before.path).unlink()
    assert store.objects.find(BUCKET, "a.txt") is None
    assert list_keys(store) == []


def test_folder_restored_from_an_archive_of_whole_seconds_is_the_same(store: Store) -> None:
    """The whole seconds that tar keeps of times by default are enough."""
    before = put(store, "a.txt", b"old")
    whole = before.modified_ns // 1_000_000_000 * 1_000_000_000
    os.utime(before.path, ns=(whole, whole))
    after = find(store, "a.txt")
    assert (after.attributes, after.etag) == (before.attributes, before.etag)


@pytest.mark.parametrize("key", ["d/", "a//b", "n" * 300, "/x", "\u00e9/" + "\u00e9" * 200])
def test_key_that_no_file_can_have_lies_apart_and_is_listed(store: Store, key: str) -> None:
    """And again after a restart, and not after it is deleted."""
    stored = put(store, key, b"x")
    assert (store.root / ".apart") in Path(stored.path).parents
    store = reopen(store)
    assert (find(store, key), list_keys(store)) == (stored, [key])
    store.objects.delete(BUCKET, key)
    assert (store.objects.find(BUCKET, key), list_keys(store)) == (None, [])
    store.close()


def test_file_and_folder_of_one_name_in_either_order(store: Store) -> None:
    """The second lies apart; when the first goes, nothing happens to it, and a new write of it lies where it should."""
    for first, second in (("a", "a/b"), ("c/d", "c")):
        put(store, first, b"first")
        put(store, second, b"second")
        assert [Path(find(store, key).path).read_bytes() for key in (first, second)] == [b"first", b"second"]
        store.objects.delete(BUCKET, first)
        assert Path(find(store, second).path).read_bytes() == b"second"
        again = put(store, second, b"again")
        assert Path(again.path) == store.root / BUCKET / second
        store.objects.delete(BUCKET, second)
    assert list_keys(store) == []
    assert list((store.root / BUCKET).iterdir()) == []


def test_name_in_the_other_form_on_disk_is_the_object(store: Store) -> None:
    """As macOS writes it; a write puts the normal form in its place."""
    name = unicodedata.normalize("NFD", "f\u00fcr.txt")
    (store.root / BUCKET / name).write_bytes(b"by hand")
    assert Path(find(store, "f\u00fcr.txt").path).name == name
    put(store, "f\u00fcr.txt", b"put")
    assert [path.name for path in (store.root / BUCKET).iterdir()] == ["f\u00fcr.txt"]


def test_names_that_are_no_text_are_left_out(store: Store) -> None:
    """A file whose name is not UTF-8 is left out of lists."""
    (store.root / BUCKET / os.fsdecode(b"\xff.txt")).write_bytes(b"x")
    put(store, "a", b"x")
    assert list_keys(store) == ["a"]


def test_folder_that_is_kept_in_memory_is_read_again_when_it_changes(store: Store) -> None:
    """Long unchanged it is kept; what is put, added or removed by hand afterwards shows at once."""
    folder = store.root / BUCKET / "f"
    keys = ["f/a", "f/b/c", "f/d"]
    for key in keys:
        put(store, key, b"x")
    past = time.time() - 60
    os.utime(folder, (past, past))
    assert (list_keys(store), list_keys(store)) == (keys, keys)
    assert str(folder) in walk._kept
    (folder / "by-hand").write_bytes(b"x")
    assert list_keys(store) == ["f/a", "f/b/c", "f/by-hand", "f/d"]
    os.utime(folder, (past, past))
    list_keys(store)
    store.objects.delete(BUCKET, "f/d")
    assert list_keys(store) == ["f/a", "f/b/c", "f/by-hand"]


def test_times_never_repeat(store: Store) -> None:
    """Two versions of an object never have the same time, so that each has its own row."""
    seen = [put(store, "a", b"same").modified_ns for _ in range(20)]
    assert seen == sorted(set(seen))


def test_folder_of_a_newer_clipgraph_is_refused(store: Store) -> None:
    """A folder in a newer format is refused."""
    with store._database.transaction() as connection:
        connection.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(StoreError, match="newer clipgraph"):
        open_store(store.root)


def test_database_that_is_none_is_told(tmp_path: Path) -> None:
    """A file that is no database is refused with a message."""
    (tmp_path / "s3.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="not a database of clipgraph"):
        open_store(tmp_path)


def test_upload_is_over_after_seven_days(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parts are gone then; a day before, they are there."""
    from embedded.s3.store.model import Upload

    upload = store.uploads.begin(Upload("", BUCKET, "a", 0, ATTRIBUTES))
    with store.open_draft() as draft:
        draft.write(b"part")
        draft.seal()
        store.uploads.put_part(upload, 1, draft, "etag", None)
    day_ns = 24 * 3600 * 1_000_000_000
    for days, is_open in ((6, True), (8, False)):
        moment_ns = upload.started_ns + days * day_ns
        monkeypatch.setattr("embedded.s3.store.uploads.time.time_ns", lambda moment_ns=moment_ns: moment_ns)
        store.sweep()
        if is_open:
            assert store.uploads.list_parts(store.uploads.find(BUCKET, "a", upload.id))
    with pytest.raises(S3Error, match="NoSuchUpload"):
        store.uploads.find(BUCKET, "a", upload.id)
    assert list((store.root / ".uploads").iterdir()) == []
