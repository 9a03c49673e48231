"""What subscribers are told: the present state, then every change, in the order of commits."""

from repositories.clips import ClipRepository
from repositories.listening.listener import Listener
from repositories.videos import VideoRepository


def short(words: list[str]) -> list[str]:
    return [word.replace("_title_split", "").replace("clip_", "") for word in words]


async def test_the_present_state_comes_first_then_changes(
    listener: Listener, clips: ClipRepository, make_clip, told
) -> None:
    for number in (2, 1):
        await clips.create_clip(make_clip(number))
    async with listener.watch_clips(clips.user_id, "v") as subscription:
        assert short(await told.take(subscription, 2)) == ["added 02_02", "added 01_01"]
        await clips.create_clip(make_clip(3))
        await clips.delete_clip(make_clip(2).clip_id)
        assert short(await told.take(subscription, 2)) == ["added 03_03", "removed 02_02"]


async def test_video(listener: Listener, videos: VideoRepository, make_video, told) -> None:
    async with listener.watch_video(videos.user_id, "v") as subscription:
        await videos.create_video(make_video())
        assert await told.take(subscription) == ["added v"]
        await videos.update_video("v", {"video_title": "x"})
        assert await told.take(subscription) == ["modified v"]
        await videos.delete_video("v")
        assert await told.rest(subscription) == ["removed v"]


async def test_clips_end(listener: Listener, clips, videos, make_clip, told) -> None:
    for number in (2, 1):
        await clips.create_clip(make_clip(number))
    async with listener.watch_clips(clips.user_id, "v") as subscription:
        assert short(await told.take(subscription, 2)) == ["added 02_02", "added 01_01"]
        await videos.delete_video("v")
        assert sorted(short(await told.rest(subscription))) == ["removed 01_01", "removed 02_02"]
