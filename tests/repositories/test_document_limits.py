"""A video's document never outgrows Firestore's limit, and styles without clips leave its statistics."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.document_size import MAX_DOCUMENT_BYTES, measure_document
from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.exceptions import DocumentTooLargeError, ValidationError
from repositories.model.statuses import ClipStatusChange
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata
from repositories.unit_of_work import MAX_EMPTY_STYLES
from repositories.videos import VideoRepository
from tests.repositories.conftest import FirestoreProxy

MakeClip = Callable[..., ClipMetadata]
MakeVideo = Callable[..., VideoMetadata]


async def _read(client: FirestoreClient, user_id: str) -> dict[str, Any]:
    snapshot = await client.document(f"users/{user_id}/videos/v").get()
    return snapshot.to_dict() or {}


def _make_names(count: int) -> list[str]:
    return [f"{number:04d}{'s' * 1_400}" for number in range(count)]


async def test_video_over_the_limit_is_refused_before_anything_is_sent(
    proxied: FirestoreClient, proxy: FirestoreProxy, make_video: MakeVideo, user_id: str
) -> None:
    """The refusal names the field, and Firestore is asked for no commit."""
    video = make_video(styles_processed=_make_names(800))
    with pytest.raises(DocumentTooLargeError) as refused:
        await VideoRepository(user_id, proxied).create_or_update_video(video)
    assert refused.value.path == ("styles_processed",)
    assert "Commit" not in proxy.rpcs


async def test_largest_video_that_is_accepted_is_stored(
    client: FirestoreClient, videos: VideoRepository, make_video: MakeVideo, user_id: str
) -> None:
    """A document of exactly the limit is written by Firestore too, one byte more is refused here."""
    names = _make_names(700)
    path = f"users/{user_id}/videos/v"
    created_at = make_video().created_at
    size = measure_document(path, make_video(created_at=created_at, styles_processed=names).to_document())
    # What the document gains as it is written: the count of its clips' writes, none yet.
    filler = ["x" * 1_400] * ((MAX_DOCUMENT_BYTES - size) // 1_401)
    rest = MAX_DOCUMENT_BYTES - size - 1_401 * len(filler)
    with pytest.raises(DocumentTooLargeError):
        await videos.create_or_update_video(make_video(styles_processed=[*names, *filler, "y" * rest]))
    await videos.create_or_update_video(make_video(styles_processed=[*names, *filler, "y" * (rest - 1)]))
    assert len((await _read(client, user_id))["styles_processed"]) == len(names) + len(filler) + 1


async def test_update_over_the_limit_leaves_the_video_as_it_was(
    client: FirestoreClient, videos: VideoRepository, make_video: MakeVideo, user_id: str
) -> None:
    """Fields that are small by themselves, and too large with what is stored, are refused."""
    await videos.create_or_update_video(make_video(styles_processed=_make_names(700)))
    before = await _read(client, user_id)
    with pytest.raises(DocumentTooLargeError) as refused:
        await videos.create_or_update_video(make_video(custom_prompt="\U0001f3ac" * 20_000))
    assert refused.value.path == ("custom_prompt",)
    assert await _read(client, user_id) == before


async def test_statistics_that_outgrow_the_video_refuse_the_clip_alone(
    client: FirestoreClient,
    videos: VideoRepository,
    clips: ClipRepository,
    make_clip: MakeClip,
    make_video: MakeVideo,
    user_id: str,
) -> None:
    """The clip of the style that has no room stays as it was, its neighbour of a small style is counted."""
    await videos.create_or_update_video(make_video(styles_processed=_make_names(740)))
    await clips.create_clips_batch(
        [
            make_clip(1, status="processing", filename="large.mp4", style="s" * 1_400),
            make_clip(2, status="processing", filename="larger.mp4", style="t" * 1_400),
            make_clip(3, status="processing", filename="largest.mp4", style="u" * 1_400),
            make_clip(4, status="processing", filename="small.mp4", style="split"),
        ]
    )
    room = MAX_DOCUMENT_BYTES - measure_document(f"users/{user_id}/videos/v", await _read(client, user_id))
    # Room for one of the three.
    await videos.create_or_update_video(make_video(custom_prompt="f" * (room - 2_200)))
    changes = [ClipStatusChange(name, ClipStatus.COMPLETED) for name in ("large", "larger", "largest", "small")]
    answers = await clips.try_update_clip_statuses(changes)
    refused = [answer for answer in answers if isinstance(answer, DocumentTooLargeError)]
    assert len(refused) == 2
    assert isinstance(answers[3], ClipMetadata)
    stored = await clips.get_clips(change.clip_id for change in changes)
    completed = [clip.style for clip in stored.values() if clip.status == "completed"]
    assert len(completed) == len(changes) - len(refused)
    assert (await _read(client, user_id))["clips_by_style"] == dict.fromkeys(completed, 1)


async def test_create_over_the_limit_creates_no_clip(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip, make_video: MakeVideo
) -> None:
    """Completed clips whose styles have no room are refused as a whole, also in a caller's transaction."""
    await videos.create_or_update_video(make_video(styles_processed=_make_names(700)))
    batch = [make_clip(n, filename=f"clip{n}.mp4", style=f"{n}{'s' * 1_400}") for n in range(60)]
    with pytest.raises(DocumentTooLargeError) as refused:
        await clips.create_clips_batch(batch)
    assert refused.value.path == ("clips",)
    async with clips.transaction() as transaction:
        with pytest.raises(DocumentTooLargeError):
            await clips.create_clips_batch(batch, transaction=transaction)
    assert await clips.count_clips() == 0


async def test_styles_without_clips_leave_the_statistics(
    client: FirestoreClient, clips: ClipRepository, make_clip: MakeClip, user_id: str, assert_exact_statistics: Any
) -> None:
    """However many styles come and go, the map keeps a bounded number of them."""
    for start in range(0, 150, 50):
        batch = [make_clip(n, filename=f"clip{n}.mp4", style=f"style{n}") for n in range(start, start + 50)]
        await clips.create_clips_batch(batch)
        await clips.update_clip_statuses([ClipStatusChange(clip.clip_id, ClipStatus.PROCESSING) for clip in batch])
        assert len((await _read(client, user_id))["clips_by_style"]) <= MAX_EMPTY_STYLES
    await assert_exact_statistics()


async def test_style_that_is_counted_meanwhile_is_not_taken_out(
    proxied: FirestoreClient,
    proxy: FirestoreProxy,
    clips: ClipRepository,
    make_clip: MakeClip,
    assert_exact_statistics: Callable[..., Awaitable[None]],
    user_id: str,
) -> None:
    """A commit that takes styles out is refused, and runs again, where another commit counts one in between."""
    batch = [make_clip(n, filename=f"clip{n}.mp4", style=f"style{n}") for n in range(MAX_EMPTY_STYLES + 1)]
    await clips.create_clips_batch(batch)
    again = make_clip(99, filename="again.mp4", style="style0")
    created = asyncio.Event()

    async def count_in_between(name: str, _: int) -> None:
        if name == "Commit" and not created.is_set():
            created.set()
            await clips.create_clip(again)

    proxy.before = count_in_between
    slow = ClipRepository(user_id, "v", proxied)
    await slow.update_clip_statuses([ClipStatusChange(clip.clip_id, ClipStatus.PROCESSING) for clip in batch])
    assert created.is_set()
    await assert_exact_statistics()


async def test_completed_clip_has_bytes(clips: ClipRepository, make_clip: MakeClip) -> None:
    """A file of 0 bytes is refused for a completed clip, and taken for one that failed."""
    await clips.create_clip(make_clip(1, status="processing"))
    with pytest.raises(ValidationError) as refused:
        await clips.update_clip_status(make_clip(1).clip_id, ClipStatus.COMPLETED, file_size_bytes=0)
    assert refused.value.path == ("file_size_bytes",)
    assert (
        await clips.update_clip_status(make_clip(1).clip_id, ClipStatus.FAILED, file_size_bytes=0)
    ).status == "failed"
