"""`document-odd`: what is certain is written right, and the rest stays for a person."""

from typing import Any

import pytest

from cli.reconcile.drift import DriftKind
from cli.reconcile.run import Outcome
from tests.cli.reconcile.bucket import STUCK_AFTER, Bucket, reconcile

CERTAIN = {
    "start_time": ("0:01", "00:00:01"),
    "status": ("COMPLETED", "completed"),
    "priority": ("3", 3),
    "scene_title": ("two\nlines", "two lines"),
    "scene_description": ("\u202eturned", "turned"),
    "user_id": ("somebody", None),
}


async def read(bucket: Bucket, clip_id: str) -> dict[str, Any]:
    """The clip's document as it is stored."""
    return (await bucket.document("v", clip_id).get()).to_dict() or {}


async def test_certain_values_are_written_and_others_left(bucket: Bucket) -> None:
    """A run without `--fix` writes nothing; one with it writes what is certain, and no more."""
    await bucket.create_video("v")
    repaired, left = await bucket.add_clips("v", 2)
    await bucket.document("v", repaired.clip_id).update({name: odd for name, (odd, _) in CERTAIN.items()})
    await bucket.document("v", left.clip_id).update({"scene_title": 7, "r2_key": "somebody/else/clips/a.mp4"})
    before = [await read(bucket, one.clip_id) for one in (repaired, left)]
    await bucket.document("v").update({"video_title": " \u2066A talk\u2069"})
    odd = {(DriftKind.DOCUMENT_ODD, "v")} | {(DriftKind.DOCUMENT_ODD, f"v/{one.clip_id}") for one in (repaired, left)}

    assert (await reconcile(bucket))[Outcome.FOUND] == odd
    assert [await read(bucket, one.clip_id) for one in (repaired, left)] == before

    outcomes = await reconcile(bucket, fix=True)
    assert outcomes[Outcome.MENDED] == {
        (DriftKind.DOCUMENT_ODD, "v"),
        (DriftKind.DOCUMENT_ODD, f"v/{repaired.clip_id}"),
    }
    assert outcomes[Outcome.LEFT] == {(DriftKind.DOCUMENT_ODD, f"v/{left.clip_id}")}
    assert ((await bucket.document("v").get()).to_dict() or {})["video_title"] == "A talk"
    stored = await read(bucket, repaired.clip_id)
    right = {name: value for name, (_, value) in CERTAIN.items()} | {"user_id": bucket.user_id}
    assert {name: stored[name] for name in right} == right
    assert await read(bucket, left.clip_id) == before[1]


@pytest.mark.parametrize("status", ["deleting", "Deleting", "queued"])
async def test_an_unknown_status_is_odd_and_stays_for_a_person(bucket: Bucket, status: str) -> None:
    """Also `deleting` without the time of our own deletes; however old it is, nothing is finished or given up."""
    await bucket.create_video("v")
    (clip,) = await bucket.add_clips("v", 1)
    for path in (("v",), ("v", clip.clip_id)):
        await bucket.document(*path).update({"status": status})
    await bucket.services.videos(bucket.user_id).update_clip_statistics("v")
    await bucket.clock.age(STUCK_AFTER)
    odd = {(DriftKind.DOCUMENT_ODD, "v"), (DriftKind.DOCUMENT_ODD, f"v/{clip.clip_id}")}
    assert (await reconcile(bucket))[Outcome.FOUND] == odd
    assert (await reconcile(bucket, fix=True))[Outcome.LEFT] == odd
    assert (await read(bucket, clip.clip_id))["status"] == status
    assert ((await bucket.document("v").get()).to_dict() or {})["status"] == status
    assert await bucket.services.storage.head(clip.r2_key) is not None
