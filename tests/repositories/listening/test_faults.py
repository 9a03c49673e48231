"""Connections cut, Firestore killed and restarted, a slow network, in the middle of 1,000 changes: nothing is lost.

CLIPGRAPH_LISTEN_SCHEDULES=100 asks for that many schedules of faults, other ones each time.
"""

import asyncio
import itertools
import random
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from repositories.client import create_client
from repositories.clips import ClipRepository
from repositories.exceptions import NotFoundError, UnavailableError
from repositories.listening.listener import Listener
from repositories.listening.subscriptions import Subscription
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata
from repositories.videos import VideoRepository
from tests.embedded.firestore.effort import effort, is_full, timeout
from tests.embedded.firestore.process import ServerProcess
from tests.patience import PATIENCE_SECONDS
from tests.repositories.listening.proxies import Link
from tests.repositories.listening.watchers import Mirror

pytestmark = pytest.mark.prove

CHANGES = 1_000
WRITERS = 8
DELAY_SECONDS = 0.5
SCHEDULES = "LISTEN_SCHEDULES"
STYLES = ("split", "fast")

Fault = tuple[int, str]
FAULTS = st.lists(
    st.tuples(st.integers(0, CHANGES - 1), st.sampled_from(["cut", "kill", "slow", "fast", "come again"])),
    min_size=3,
    max_size=8,
).filter(lambda faults: sum(kind == "kill" for _, kind in faults) <= 2)


class World:
    """A Firestore that can be killed, two listeners behind wires, and those who watch one video."""

    def __init__(self, stack: AsyncExitStack, data_dir: Path) -> None:
        self._stack = stack
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.host_port = f"127.0.0.1:{free.getsockname()[1]}"
        self._process = ServerProcess(data_dir, "--host-port", self.host_port)
        self.links: list[Link] = []
        self.listeners: list[Listener] = []
        self.mirrors: dict[str, Mirror] = {}
        self._watching: dict[str, tuple[Subscription, asyncio.Task[None]]] = {}
        self._numbers = itertools.count(1)

    async def start(self) -> None:
        """Firestore runs, and two processes can listen to it."""
        self._stack.enter_context(self._process)
        self.client = create_client(project="test", emulator_host=self.host_port)
        self.videos = VideoRepository("u", self.client, timeout_seconds=2)
        self.clips = ClipRepository("u", "v", self.client, timeout_seconds=2)
        for _ in range(2):
            link = Link(self.host_port)
            await link.start()
            self._stack.push_async_callback(link.stop)
            listener = Listener(create_client(project="test", emulator_host=link.host_port))
            self._stack.push_async_callback(listener.close)
            self.links.append(link)
            self.listeners.append(listener)

    def watch(self, name: str, open_: Callable[[Listener, str | None], Subscription], listener: Listener) -> None:
        """The subscription of this name goes on at the listener, from the last version on."""
        mirror = self.mirrors.setdefault(name, Mirror())
        subscription = open_(listener, mirror.told.version or None)
        self._watching[name] = subscription, asyncio.create_task(mirror.follow(subscription))

    async def leave(self, name: str) -> None:
        """Ends the subscription of this name, at either listener."""
        subscription, task = self._watching[name]
        task.cancel()
        await asyncio.wait([task])
        await subscription.close()

    async def change(self, number: int) -> None:
        """One more change is done, however often that has to be tried."""
        known = [*self.mirrors["all"].models]
        if number % 4 == 0 or not known:
            clip = make_clip(next(self._numbers))
            await insist(lambda: self.clips.create_clip(clip))
            return
        clip_id = secrets.choice(known)
        if number % 4 == 1:
            await insist(lambda: self.clips.delete_clip(clip_id))
        elif number % 4 == 2:
            await insist(lambda: self.clips.update_clip_status(clip_id, ClipStatus.COMPLETED))
        else:
            await insist(lambda: self.videos.update_video("v", {"video_title": f"Title {number}"}))

    async def suffer(self, fault: str) -> None:
        """The fault has happened."""
        if fault == "cut":
            for link in self.links:
                link.cut()
        elif fault == "kill":
            self._process.kill()
            await asyncio.to_thread(self._process.start)
        elif fault == "come again":
            await self.leave("guest")
            self.mirrors["guest"].has_come_back = True
            self.watch("guest", watch_clips, random.choice(self.listeners))  # noqa: S311
        else:
            for link in self.links:
                link.delay_seconds = DELAY_SECONDS if fault == "slow" else 0.0

    async def assert_exact(self) -> None:
        """Raises where a subscriber's state differs from the stored documents."""
        page = await insist(lambda: self.clips.list_clips(limit=10_000))
        clips = {clip.clip_id: clip for clip in page or ()}
        video = await insist(lambda: self.videos.get_video("v"))
        split = {clip_id: clip for clip_id, clip in clips.items() if clip.style == "split"}
        expected = {"all": clips, "guest": clips, "split": split, "video": {"v": video}}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while any(self.mirrors[name].models != state for name, state in expected.items()):
                    self._raise_failures()
                    await asyncio.sleep(0.02)
        except TimeoutError:
            for name, state in expected.items():
                assert self.mirrors[name].models == state, name

    def _raise_failures(self) -> None:
        for _, task in self._watching.values():
            if task.done():
                task.result()

    async def assert_ends(self) -> None:
        """The video is deleted: everybody is told, and nothing is left."""
        await insist(lambda: self.videos.delete_video("v"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(task for _, task in self._watching.values()))
        assert not any(mirror.models for mirror in self.mirrors.values())


def watch_clips(listener: Listener, after: str | None) -> Subscription:
    """All clips."""
    return listener.watch_clips("u", "v", after=after)


def make_clip(number: int) -> ClipMetadata:
    """A clip of its own."""
    return ClipMetadata(
        user_id="u",
        video_id="v",
        filename=f"clip_{number:04d}_01_title_split.mp4",
        scene_id=1,
        scene_title="Title",
        style=STYLES[number % 2],
        priority=number,
        start_time="00:00:01",
        end_time="00:00:02",
    )


T = TypeVar("T")


async def insist(call: Callable[[], Awaitable[T]]) -> T | None:
    """The call's answer once Firestore answers; None where the document has gone meanwhile."""
    while True:
        try:
            return await call()
        except NotFoundError:
            return None
        except UnavailableError:
            await asyncio.sleep(0.1)


async def live_through(faults: Iterable[Fault]) -> None:
    """1,000 changes, and the faults among them."""
    at = {number: [kind for nth, kind in faults if nth == number] for number, _ in faults}
    with TemporaryDirectory() as data_dir:
        async with AsyncExitStack() as stack:
            world = World(stack, Path(data_dir))
            await world.start()
            near, far = world.listeners
            world.watch("all", watch_clips, near)
            world.watch("guest", watch_clips, far)
            world.watch("split", lambda listener, after: listener.watch_clips("u", "v", "split", after), near)
            world.watch("video", lambda listener, after: listener.watch_video("u", "v", after), far)
            await world.videos.create_video(VideoMetadata(user_id="u", video_id="v"))
            numbers = iter(range(CHANGES))

            async def write() -> None:
                for number in numbers:
                    for fault in at.get(number, ()):
                        await world.suffer(fault)
                    await world.change(number)

            await asyncio.gather(*(write() for _ in range(WRITERS)))
            await world.assert_exact()
            await world.suffer("fast")
            await world.assert_ends()


EVERY_FAULT = [(200, "cut"), (350, "slow"), (400, "come again"), (500, "kill"), (520, "come again"), (700, "fast")]


@timeout(SCHEDULES)
@settings(
    max_examples=effort(SCHEDULES, 1),
    deadline=None,
    database=None,
    derandomize=not is_full(SCHEDULES),
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(faults=FAULTS)
@example(faults=EVERY_FAULT)
def test_faults_lose_nothing(faults: list[Fault]) -> None:
    """Every subscriber ends with the exact state, and was told changes in order, whatever happened in between."""
    asyncio.run(live_through(faults))
