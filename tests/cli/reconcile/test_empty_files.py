"""A file of 0 bytes is no clip's file."""

from cli.reconcile.drift import DriftKind
from cli.reconcile.run import Outcome
from repositories.models import ClipStatus
from tests.cli.reconcile.bucket import Bucket, reconcile


async def test_empty_file_is_as_good_as_missing(bucket: Bucket) -> None:
    """A completed clip whose file was emptied is drift, has failed after the mend, and counts no more."""
    await bucket.create_video("v")
    emptied, whole = await bucket.add_clips("v", 2)
    await bucket.services.storage.put(emptied.r2_key, b"")
    place = (DriftKind.METADATA_WITHOUT_FILE, f"v/{emptied.clip_id}")
    assert (await reconcile(bucket))[Outcome.FOUND] == {place}
    assert (await reconcile(bucket, fix=True))[Outcome.MENDED] == {place}
    statuses = await bucket.statuses()
    assert (statuses[place[1]], statuses[f"v/{whole.clip_id}"]) == (ClipStatus.FAILED, ClipStatus.COMPLETED)
    video = await bucket.services.videos(bucket.user_id).get_video("v")
    assert video is not None
    assert video.clips_count == 1
    assert not any((await reconcile(bucket)).values())
