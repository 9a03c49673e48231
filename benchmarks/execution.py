"""The cost of executing a page, in this process and without Firestore: graphql-core's executor, and our columns.

`python -m benchmarks.execution` runs the workload `wall` (20 videos with 50 clips of 14 fields each) over models that
are in memory, with URLs that are not signed. Medians of rounds in turn, so that a busy machine slows all alike.
"""

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import orjson
from graphql import DocumentNode, parse, validate
from graphql.execution import Executor, execute
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from benchmarks.api.dataset import SHAPES, make_clips, make_video, user_name
from benchmarks.api.workloads import WORKLOADS
from gql.context import Context
from gql.execution.executor import BreadthFirstExecutor
from gql.execution.result_cache import ResultCache
from gql.loaders import Loaders
from gql.permissions import Principal, Role
from gql.schema import schema
from gql.services import Services
from repositories.models import ClipMetadata, VideoMetadata
from repositories.paging.page import Page

ROUNDS = 31
WORKLOAD = "wall"
CORE = "graphql-core"
COLUMNS = "columns"
_EXECUTORS: dict[str, type[Executor[Any]]] = {
    CORE: StrawberryGraphQLCoreExecutionContext,
    COLUMNS: BreadthFirstExecutor,
}
_SCHEMA = schema._schema  # noqa: SLF001  strawberry has no public name for it

Answer = Callable[[], Awaitable[bytes]]


class MemoryVideos:
    """A repository whose pages are there already."""

    def __init__(self, kind: str) -> None:
        self._videos: Page[VideoMetadata] = Page(tuple(make_video(kind, at) for at in range(SHAPES[kind].videos)))
        self._clips: dict[str, Page[ClipMetadata]] = {
            video.video_id: Page(tuple(make_clips(kind, at))) for at, video in enumerate(self._videos)
        }

    async def list_videos(self, **_: Any) -> Page[VideoMetadata]:
        """All videos."""
        return self._videos

    def find_clips(self, videos: Iterable[VideoMetadata], **_: Any) -> dict[str, Page[ClipMetadata]]:
        """All clips of each of the videos."""
        return {video.video_id: self._clips[video.video_id] for video in videos}

    async def list_clips(self, videos: Iterable[VideoMetadata], **_: Any) -> dict[str, Page[ClipMetadata]]:
        """As above."""
        return self.find_clips(videos)


class UnsignedStorage:
    """Addresses as long as signed ones: what signing costs is told elsewhere."""

    _signature = "X-Amz-Signature=" + "0" * 350

    def presign_get(self, key: str, **_: Any) -> str:
        """An address."""
        return f"https://account.r2.cloudflarestorage.com/clips/{key}?{self._signature}"

    def get_window(self, *_: Any, **__: Any) -> int:
        """The only one."""
        return 0


@dataclass(frozen=True)
class MemoryServices:
    """The context that resolvers ask for."""

    repository: MemoryVideos
    storage: UnsignedStorage = field(default_factory=UnsignedStorage)
    result_cache: ResultCache | None = None

    def videos(self, user_id: str) -> MemoryVideos:
        """The videos, whoever's they are."""
        del user_id
        return self.repository


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.execution", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    medians = asyncio.run(_measure(arguments.rounds))
    first = next(iter(medians.values()))
    print("| executor | document | CPU a request | times faster |\n| --- | --- | ---: | ---: |")
    for (executor, document), seconds in medians.items():
        print(f"| {executor} | {document} | {seconds * 1e3:.2f} ms | {first / seconds:.1f} |")


async def _measure(rounds: int) -> dict[tuple[str, str], float]:
    """The median of each case's CPU seconds; their answers are the same."""
    services = MemoryServices(MemoryVideos(WORKLOAD))
    known = _prepare()
    cases: dict[tuple[str, str], Answer] = {}
    for name, executor in _EXECUTORS.items():
        cases[name, "parsed and validated"] = partial(_answer, services, executor, None)
        cases[name, "kept"] = partial(_answer, services, executor, known)
    assert len({await answer() for answer in cases.values()}) == 1
    taken: dict[tuple[str, str], list[float]] = {case: [] for case in cases}
    for _ in range(rounds):
        for case, answer in cases.items():
            gc.collect()
            begun_at = time.process_time()
            await answer()
            taken[case].append(time.process_time() - begun_at)
    return {case: statistics.median(seconds) for case, seconds in taken.items()}


def _prepare() -> DocumentNode:
    document = parse(WORKLOADS[WORKLOAD].document)
    assert not validate(_SCHEMA, document)
    return document


async def _answer(services: MemoryServices, executor: type[Executor[Any]], known: DocumentNode | None) -> bytes:
    """The response's bytes."""
    given = cast("Services", services)
    principal = Principal("worker", frozenset({Role.WORKER}))
    result = await cast(
        "Awaitable[Any]",
        execute(
            _SCHEMA,
            known or _prepare(),
            context_value=Context(principal, given, Loaders(given), request_id="benchmark"),
            variable_values={"userId": user_name(WORKLOAD, 0)},
            executor_class=executor,
        ),
    )
    assert not result.errors
    return orjson.dumps({"data": result.data})


if __name__ == "__main__":
    main()
