"""Files that are nobody's: each is named in a remark, kept, and no drift."""

import asyncio
from datetime import timedelta

import pytest

from cli.reconcile.judge import MAX_WAITING
from cli.reconcile.run import Outcome
from domain.identifiers import split_filename
from storage.exceptions import StorageUnavailableError
from tests.cli.reconcile.bucket import BrokenStore, Bucket, reconcile

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("fix", "delete_orphans"), [(False, False), (True, False), (True, True)])
async def test_every_file_that_is_no_clips_has_a_remark(bucket: Bucket, *, fix: bool, delete_orphans: bool) -> None:
    """Hidden names, other types and names beside a known clip's are told with the reason, and left where they are."""
    await bucket.create_video("v")
    clips = await bucket.add_clips("v", 3)
    folder = f"{bucket.user_id}/v"
    beside = [split_filename(clips[0].r2_key)[0] + extension for extension in (".mov", ".MP4", ".srt")]
    others = [f"{folder}/clips/notes.txt", f"{folder}/clips/.a.mp4", f"{folder}/__MACOSX/a.mp4", f"{folder}/audio.wav"]
    # More than wait for their clips at once.
    others += [f"{folder}/clips/0_{number}.txt" for number in range(MAX_WAITING + 1)]
    strays = [f"{bucket.user_id}/{name}" for name in ("readme.txt", "stray.mp4", ".hidden", "")]
    await asyncio.gather(*(bucket.services.storage.put(key, b"x") for key in (*beside, *others, *strays)))
    remarks: list[str] = []
    # They are young, too: nobody is about to describe them.
    outcomes = await reconcile(bucket, older_than=HOUR, remarks=remarks, fix=fix, delete_orphans=delete_orphans)
    assert outcomes == {outcome: set() for outcome in Outcome}
    assert sorted(remark.partition(" ")[0] for remark in remarks) == sorted([*beside, *others, *strays])
    reasons = {remark.partition(" ")[0]: remark.partition(" ")[2] for remark in remarks}
    text = f"has the name of the clip {clips[0].clip_id!r}, whose document has another file: kept."
    assert reasons[beside[0]] == reasons[beside[1]] == text
    assert reasons[beside[2]].startswith("is not a clip's file (The extension must be one of")
    assert reasons[strays[0]] == "is not in a video's folder: kept."
    assert reasons[strays[3]].startswith("has a name that is not a valid key")
    assert reasons[others[1]] == "is hidden, or in a hidden folder: kept."
    for key in reasons:
        assert await bucket.services.storage.head(key) is not None


async def test_a_file_that_a_document_names_has_none(bucket: Bucket) -> None:
    """A document of another program may name any file in its folder, and so may another clip's."""
    await bucket.create_video("v")
    one, other, last = await bucket.add_clips("v", 3)
    folder = f"{bucket.user_id}/v"
    stems = [split_filename(clip.r2_key)[0] for clip in (one, other)]
    named = [(one, f"{folder}/renders/a.mkvx"), (other, f"{stems[1]}.mov"), (last, f"{stems[0]}.mov")]
    for clip, key in named:
        await bucket.services.storage.put(key, b"x" * clip.file_size_bytes)
        await bucket.document("v", clip.clip_id).update({"r2_key": key})
    remarks: list[str] = []
    outcomes = await reconcile(bucket, remarks=remarks)
    assert outcomes[Outcome.FOUND] == set()
    assert sorted(remark.partition(" ")[0] for remark in remarks) == sorted(clip.r2_key for clip, _ in named)


async def test_a_video_that_is_being_deleted_has_none(bucket: Bucket) -> None:
    """Its files go with it."""
    await bucket.create_video("v")
    await bucket.services.storage.put(f"{bucket.user_id}/v/notes.txt", b"x")
    with pytest.raises(StorageUnavailableError):
        await bucket.services.videos(bucket.user_id).delete_video("v", BrokenStore())
    assert (await reconcile(bucket))[Outcome.FOUND] == set()
