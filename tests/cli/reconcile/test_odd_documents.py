"""`document-odd`: what is certain is written right, and the rest stays for a person."""

from typing import Any

from cli.reconcile.drift import DriftKind
from cli.reconcile.run import Outcome
from tests.cli.reconcile.bucket import Bucket, reconcile

CERTAIN = {
    "start_time": ("0:01", "00:00:01"),
    "status": ("COMPLETED", "completed"),
    "priority": ("3", 3),
    "scene_title": ("two\nlines", "two lines"),
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
    odd = {(DriftKind.DOCUMENT_ODD, f"v/{one.clip_id}") for one in (repaired, left)}

    assert (await reconcile(bucket))[Outcome.FOUND] == odd
    assert [await read(bucket, one.clip_id) for one in (repaired, left)] == before

    outcomes = await reconcile(bucket, fix=True)
    assert outcomes[Outcome.MENDED] == {(DriftKind.DOCUMENT_ODD, f"v/{repaired.clip_id}")}
    assert outcomes[Outcome.LEFT] == {(DriftKind.DOCUMENT_ODD, f"v/{left.clip_id}")}
    stored = await read(bucket, repaired.clip_id)
    right = {name: value for name, (_, value) in CERTAIN.items()} | {"user_id": bucket.user_id}
    assert {name: stored[name] for name in right} == right
    assert await read(bucket, left.clip_id) == before[1]
