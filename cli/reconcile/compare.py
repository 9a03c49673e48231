"""Walks through both lists of one video at once: its clips' documents, and its files."""

from cli.reconcile.drift import Rules
from cli.reconcile.files import list_files
from cli.reconcile.judge import Judge
from repositories.scanner import ScannedVideo, Scanner
from storage.r2 import R2Storage


async def compare_video(storage: R2Storage, scanner: Scanner, video: ScannedVideo, rules: Rules) -> Judge:
    """The judge has seen every clip and every file; of each list a page was held at a time.

    Where the two orders part, a file may come after its clip, and seems to be missing: the second look finds it.
    """
    judge = Judge(video, rules)
    files = list_files(storage, video.user_id, video.video_id)
    file = await anext(files, None)
    async for clip in scanner.list_clips(video.user_id, video.video_id):
        last_key = judge.find_last_key(clip.clip_id)
        while file is not None and file.key <= last_key:
            judge.add_file(file)
            file = await anext(files, None)
        judge.add_clip(clip)
    while file is not None:
        judge.add_file(file)
        file = await anext(files, None)
    return judge
