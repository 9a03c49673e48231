"""A process with some of a run's workers in it. Killed and started again, it begins at the beginning and goes on.

`python -m benchmarks.workers.worker FOLDER PROCESS ADDRESS`, with the plan in the folder. It follows the three rules
of examples/README.md, over HTTP: ids follow from the job, files come before the word, every step may be taken twice.
"""

import asyncio
import itertools
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks.workers.calls import Calls, compute_backoff_seconds
from benchmarks.workers.faults import FaultyTransport
from benchmarks.workers.notes import Call, Notes
from benchmarks.workers.plan import ClipPlan, FilePlan, Plan

PLAN_FILENAME = "plan.json"
CLIPS_PER_BATCH = 25


class Worker:
    """One worker: it announces its clips in batches, and makes them one by one."""

    def __init__(self, calls: Calls, notes: Notes, clips: Sequence[ClipPlan]) -> None:
        self._calls = calls
        self._notes = notes
        self._clips = clips
        self._video_id = clips[0].video_id

    async def run(self) -> None:
        """All of its clips are completed."""
        url = f"https://example.com/{self._video_id}"
        await self._calls.mutate("createVideo", "", videoId=self._video_id, videoUrl=url, title="A video")
        for start in range(0, len(self._clips), CLIPS_PER_BATCH):
            clips = await self._announce(self._clips[start : start + CLIPS_PER_BATCH])
            uploads = await self._sign([file for clip in clips for file in clip.files])
            for clip in clips:
                for file in clip.files:
                    await self._upload(file, uploads[file.key])
                await self._complete(clip)

    async def _announce(self, clips: Sequence[ClipPlan]) -> list[ClipPlan]:
        """The clips that are not completed yet; all of them exist."""
        inputs = [clip.to_input() for clip in clips]
        fields = "... on CreateClipsSuccess { results { clip { status } } }"
        answer = await self._calls.mutate("createClips", fields, videoId=self._video_id, clips=inputs)
        is_done = [result["clip"]["status"] == "COMPLETED" for result in answer["results"]]
        for clip in itertools.compress(clips, is_done):
            self._notes.add_clip(clip.video_id, clip.clip_id)
        return [clip for clip, done in zip(clips, is_done, strict=True) if not done]

    async def _sign(self, files: Sequence[FilePlan]) -> dict[str, Any]:
        """A presigned PUT for each file, by key."""
        if not files:
            return {}
        inputs = [{"kind": file.kind, "filename": file.filename, "sizeBytes": len(file.body)} for file in files]
        fields = "... on CreateUploadUrlsSuccess { uploads { key url headers { name value } } }"
        answer = await self._calls.mutate("createUploadUrls", fields, videoId=self._video_id, files=inputs)
        return {upload["key"]: upload for upload in answer["uploads"]}

    async def _upload(self, file: FilePlan, upload: Any) -> None:
        """The file is in R2."""
        began_at = time.perf_counter()
        for attempt in itertools.count():
            headers = {header["name"]: header["value"] for header in upload["headers"]}
            if await self._calls.put(upload["url"], headers, file.body):
                self._notes.add_call(Call("PUT", attempt + 1, time.perf_counter() - began_at, 0))
                return
            await asyncio.sleep(compute_backoff_seconds(attempt))
            # A server that was started again has its S3 at another address.
            upload = (await self._sign([file]))[file.key]

    async def _complete(self, clip: ClipPlan) -> None:
        ids = {"videoId": clip.video_id, "clipId": clip.clip_id}
        await self._calls.mutate("updateClipStatus", "", **ids, status="COMPLETED")
        self._notes.add_clip(clip.video_id, clip.clip_id)


async def run_process(folder: Path, process: int, address: str) -> None:
    """All clips of the process's workers are completed."""
    plan = Plan.load(folder / PLAN_FILENAME)
    notes = Notes(folder)
    transport = FaultyTransport(httpx.AsyncHTTPTransport(), plan.failure_percent, random.Random())  # noqa: S311
    calls = Calls(address, transport, notes)
    async with asyncio.TaskGroup() as group:
        for number in plan.list_workers(process):
            group.create_task(Worker(calls, notes, plan.list_clips(number)).run())
    await calls.close()


if __name__ == "__main__":
    asyncio.run(run_process(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
