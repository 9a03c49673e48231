"""`clipgraph reconcile` beside workers: what they still need stays, and what they took up is left to them."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from cli.reconcile.compare import compare_video
from cli.reconcile.drift import Drift, DriftKind, Rules
from cli.reconcile.recheck import Rechecker
from cli.reconcile.repair import Repairer
from cli.reconcile.run import Outcome
from repositories.models import ClipMetadata, ClipStatus
from repositories.scanner import ScannedVideo, Scanner
from storage.exceptions import StorageUnavailableError
from tests.cli.reconcile.bucket import STUCK_AFTER, BrokenStore, Bucket, reconcile, wait_for_next_second

HOUR = timedelta(hours=1)


async def test_file_that_a_worker_may_still_describe_is_left_alone(bucket: Bucket) -> None:
    """Also where orphans are deleted: the same guards hold for all."""
    await bucket.create_video("talk")
    young = bucket.new_clip("talk", ClipStatus.PROCESSING)
    await bucket.put([young])
    for fix, delete_orphans in ((False, False), (True, False), (True, True)):
        found = await reconcile(bucket, older_than=HOUR, fix=fix, delete_orphans=delete_orphans)
        assert not any(found.values())
    assert await bucket.services.storage.head(young.r2_key)
    assert (await reconcile(bucket, fix=True, delete_orphans=True))[Outcome.MENDED]
    assert await bucket.services.storage.head(young.r2_key) is None


async def test_file_of_an_earlier_rendering_does_not_complete_a_stuck_clip(bucket: Bucket) -> None:
    """A stuck clip whose file is older than its work fails instead of being completed."""
    await bucket.create_video("talk")
    (clip,) = await bucket.add_clips("talk", 1)
    await wait_for_next_second(datetime.now(UTC))
    clips = bucket.services.clips(bucket.user_id, "talk")
    await clips.update_clip_status(clip.clip_id, ClipStatus.PROCESSING)
    await bucket.clock.age(STUCK_AFTER)
    assert (await reconcile(bucket, fix=True))[Outcome.MENDED] == {(DriftKind.CLIP_STUCK, f"talk/{clip.clip_id}")}
    stored = await clips.get_clip(clip.clip_id)
    assert stored is not None
    assert (stored.status, bool(stored.error_message)) == (ClipStatus.FAILED, True)


class Hands:
    """A run's steps for one video, between which a test can act."""

    def __init__(self, bucket: Bucket, rules: Rules, *, delete_orphans: bool = False) -> None:
        self.remarks: list[str] = []
        self._bucket = bucket
        self._rules = rules
        self._scanner = Scanner(bucket.services.firestore)
        self._rechecker = Rechecker(bucket.services, self._scanner, rules)
        self._repairer = Repairer(
            bucket.services, self._scanner, self._rechecker, rules, self.remarks.append, delete_orphans=delete_orphans
        )

    async def find(self, video_id: str) -> tuple[list[Drift], ScannedVideo]:
        """The differences at first sight, and the video as it was read."""
        user_id = self._bucket.user_id
        video = await self._scanner.read_video(user_id, video_id)
        judge = await compare_video(self._bucket.services.storage, self._scanner, video, self._rules)
        return judge.finish(), video

    async def recheck(self, drift: Drift, video: ScannedVideo) -> Drift | None:
        """The differences that a second look confirms."""
        return await self._rechecker.recheck(drift, video)

    async def repair(self, drifts: list[Drift], video: ScannedVideo) -> list[bool]:
        """Whether each is repaired."""
        return [is_repaired async for _, is_repaired in self._repairer.repair(drifts, video)]


async def put_old(bucket: Bucket, clip: ClipMetadata) -> Rules:
    """The clip's file and thumbnail are an hour old by the rules, and files that come later are younger."""
    await bucket.put([clip])
    await bucket.clock.age(HOUR)
    return Rules(STUCK_AFTER, HOUR, bucket.clock.now)


async def test_clip_that_a_worker_took_up_meanwhile_is_left_to_it(bucket: Bucket) -> None:
    """Between the second look and the repair, the worker begins to render anew."""
    await bucket.create_video("talk")
    (clip,) = await bucket.add_clips("talk", 1)
    await bucket.services.storage.delete([clip.r2_key, bucket.thumbnail_key(clip)])
    hands = Hands(bucket, Rules(STUCK_AFTER, timedelta(0)))
    (drift,), video = await hands.find("talk")
    assert await hands.recheck(drift, video) == drift
    clips = bucket.services.clips(bucket.user_id, "talk")
    taken = await clips.update_clip_status(clip.clip_id, ClipStatus.PROCESSING)
    assert await hands.recheck(drift, video) is None
    await hands.repair([drift], video)
    assert await clips.get_clip(clip.clip_id) == taken


async def test_orphan_that_a_worker_puts_anew_is_not_deleted(bucket: Bucket) -> None:
    """In every list it is old, and its document will come in a moment."""
    await bucket.create_video("talk")
    clip = bucket.new_clip("talk", ClipStatus.PROCESSING)
    rules = await put_old(bucket, clip)
    hands = Hands(bucket, rules, delete_orphans=True)
    drifts, video = await hands.find("talk")
    assert {drift.key for drift in drifts} == {clip.r2_key, bucket.thumbnail_key(clip)}
    await bucket.services.storage.put(clip.r2_key, b"anew")
    repaired = await hands.repair(drifts, video)
    assert {drift.key: is_repaired for drift, is_repaired in zip(drifts, repaired, strict=True)} == {
        clip.r2_key: False,
        bucket.thumbnail_key(clip): True,
    }
    assert await bucket.services.storage.head(clip.r2_key)


class LateWorker(Rechecker):
    """Lets a worker put the file anew right before the last look at it."""

    def __init__(self, bucket: Bucket, rules: Rules, key: str) -> None:
        super().__init__(bucket.services, Scanner(bucket.services.firestore), rules)
        self._put = partial(bucket.services.storage.put, key, b"anew")

    async def recheck(self, drift: Drift, video: ScannedVideo) -> Drift | None:
        """The difference that remains once the worker has put the file."""
        await self._put()
        return await super().recheck(drift, video)


async def test_orphan_that_a_worker_puts_anew_at_the_last_moment_is_not_deleted(bucket: Bucket) -> None:
    """All of the video's lists were read again by then."""
    await bucket.create_video("talk")
    clip = bucket.new_clip("talk", ClipStatus.PROCESSING)
    rules = await put_old(bucket, clip)
    drifts, video = await Hands(bucket, rules).find("talk")
    rechecker, scanner = LateWorker(bucket, rules, clip.r2_key), Scanner(bucket.services.firestore)
    repairer = Repairer(bucket.services, scanner, rechecker, rules, print, delete_orphans=True)
    repaired = {drift.key: is_repaired async for drift, is_repaired in repairer.repair(drifts, video)}
    assert repaired == {clip.r2_key: False, bucket.thumbnail_key(clip): True}
    assert await bucket.services.storage.head(clip.r2_key)


async def test_orphan_that_a_worker_puts_anew_is_not_imported(bucket: Bucket) -> None:
    """Its document would be in the worker's way: the id would be taken by other content."""
    await bucket.create_video("talk")
    clip = bucket.new_clip("talk", ClipStatus.PROCESSING)
    rules = await put_old(bucket, clip)
    hands = Hands(bucket, rules)
    drifts, video = await hands.find("talk")
    await bucket.services.storage.put(clip.r2_key, b"anew")
    assert await hands.repair(drifts, video) == [False, False]
    assert (await bucket.services.clips(bucket.user_id, "talk").create_clip(clip))[1]


async def test_orphan_that_a_worker_described_meanwhile_is_not_deleted(bucket: Bucket) -> None:
    """Files that gained a document after they were found stay in R2."""
    await bucket.create_video("talk")
    clip = bucket.new_clip("talk", ClipStatus.PROCESSING)
    await bucket.put([clip])
    hands = Hands(bucket, Rules(STUCK_AFTER, timedelta(0)), delete_orphans=True)
    drifts, video = await hands.find("talk")
    await bucket.services.clips(bucket.user_id, "talk").create_clip(clip)
    assert await hands.repair(drifts, video) == [False, False]
    assert await bucket.services.storage.head(clip.r2_key)


async def test_file_that_a_document_names_by_another_name_is_not_deleted(bucket: Bucket) -> None:
    """Documents of other products name files that their ids do not tell."""
    await bucket.create_video("talk")
    (clip,) = await bucket.add_clips("talk", 1)
    old = bucket.new_clip("talk", ClipStatus.PROCESSING)
    await bucket.put([old])
    fields = {"r2_key": old.r2_key, "thumbnail_r2_key": bucket.thumbnail_key(old)}
    await bucket.document("talk", clip.clip_id).update(fields)
    mine = {(DriftKind.FILE_WITHOUT_METADATA, key.removeprefix(f"{bucket.user_id}/")) for key in fields.values()}
    outcomes = await reconcile(bucket, fix=True, delete_orphans=True)
    assert not mine & (outcomes[Outcome.MENDED] | outcomes[Outcome.LEFT])
    assert await bucket.services.storage.head(old.r2_key)


async def test_video_that_is_deleted_meanwhile_does_not_come_back(bucket: Bucket) -> None:
    """Its files were listed while it was there; a run that described them would bring it back without them."""
    await bucket.create_video("talk")
    clip = bucket.new_clip("talk", ClipStatus.PROCESSING)
    await bucket.put([clip])
    hands = Hands(bucket, Rules(STUCK_AFTER, timedelta(0)))
    drifts, video = await hands.find("talk")
    await bucket.services.videos(bucket.user_id).delete_video("talk")
    assert await hands.repair(drifts, video) == []
    assert len(hands.remarks) == 1
    assert await bucket.statuses() == {}


async def test_video_that_is_being_deleted_is_not_touched(bucket: Bucket) -> None:
    """Files without documents are what a delete leaves on its way."""
    await bucket.create_video("talk")
    clips = await bucket.add_clips("talk", 2)
    with pytest.raises(StorageUnavailableError):
        await bucket.services.videos(bucket.user_id).delete_video("talk", BrokenStore())
    for fix in (False, True):
        assert not any((await reconcile(bucket, fix=fix, delete_orphans=fix)).values())
    assert await bucket.services.storage.head(clips[0].r2_key)


async def test_tombstone_of_a_clip_whose_video_is_gone_is_finished(bucket: Bucket) -> None:
    """An unfinished delete below a missing video is found, and finished by `--fix`."""
    await bucket.create_video("talk")
    (clip,) = await bucket.add_clips("talk", 1)
    with pytest.raises(StorageUnavailableError):
        await bucket.services.clips(bucket.user_id, "talk").delete_clip_with_files(clip.clip_id, BrokenStore())
    await bucket.document("talk").delete()
    await bucket.clock.age(STUCK_AFTER)
    repaired = {(DriftKind.UNFINISHED_DELETE, f"talk/{clip.clip_id}")}
    assert (await reconcile(bucket))[Outcome.FOUND] == repaired
    assert (await reconcile(bucket, fix=True))[Outcome.MENDED] == repaired
    assert await bucket.statuses() == {}
    assert await bucket.services.storage.head(clip.r2_key) is None


async def test_key_that_no_file_can_have_is_no_outage(bucket: Bucket) -> None:
    """R2 answers 400 to it, and a run that took this for an error would never come past the clip."""
    await bucket.create_video("talk")
    (clip,) = await bucket.add_clips("talk", 1)
    await bucket.document("talk", clip.clip_id).update({"r2_key": f"{bucket.user_id}/talk/{'x' * 1024}"})
    remarks: list[str] = []
    found = (await reconcile(bucket, remarks=remarks))[Outcome.FOUND]
    assert found == {(DriftKind.METADATA_WITHOUT_FILE, f"talk/{clip.clip_id}")}
    assert [remark.partition(" ")[0] for remark in remarks] == [clip.r2_key]


async def test_one_file_that_cannot_be_described_does_not_stop_the_others(bucket: Bucket) -> None:
    """A thumbnail without its clip is left, and so is the run's exit code."""
    await bucket.create_video("talk")
    whole, half = bucket.new_clip("talk", ClipStatus.PROCESSING), bucket.new_clip("talk", ClipStatus.PROCESSING)
    await bucket.put([whole, half])
    await bucket.services.storage.delete([half.r2_key])
    outcomes = await reconcile(bucket, fix=True)
    assert outcomes[Outcome.LEFT] == {(DriftKind.FILE_WITHOUT_METADATA, f"talk/clips/{half.clip_id}.jpg")}
    assert await bucket.statuses() == {"talk": "completed", f"talk/{whole.clip_id}": "completed"}
