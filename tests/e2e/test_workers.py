"""Workers over a network that fails, killed with their server, end with every clip there once: benchmarks/workers."""

from collections.abc import Iterator

import pytest

from benchmarks.workers.checks import find_problems
from benchmarks.workers.plan import USER_ID, Plan, Victim
from benchmarks.workers.runner import Run, finish_run
from cli.stack import connect_services
from domain.keys import clip_key
from gql.app import create_services

pytestmark = pytest.mark.prove

# Twenty seconds, and more where the machine is busy.

PLAN = Plan(workers=6, clips_per_worker=8, videos=2, processes=3, failure_percent=10, worker_kills=3, server_kills=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A small run, once all workers are done; its server still serves."""
    with finish_run(PLAN, tmp_path_factory.mktemp("workers")) as run:
        yield run


async def test_every_clip_is_there_once_after_kills_of_workers_and_servers(run: Run) -> None:
    """The result is the same after any kill on the way, and any number of failed calls."""
    victims = [kill.victim for kill in run.kills]
    assert victims.count(Victim.WORKERS) == PLAN.worker_kills
    assert len(victims) == PLAN.worker_kills + PLAN.server_kills
    assert sum(call.tries for call in run.calls) > len(run.calls)
    assert await find_problems(run) == []


async def test_a_wrong_end_is_told(run: Run) -> None:
    """Last, because it breaks the run: without a clip's document, with half of a file, each side says so."""
    lost, changed, *_ = PLAN.list_clips(0)
    with connect_services(run.server.data_dir) as settings:
        services = create_services(settings)
        await services.firestore.document("users", USER_ID, "videos", lost.video_id, "clips", lost.clip_id).delete()
        await services.storage.put(clip_key(USER_ID, changed.video_id, changed.filename), b"cut off")
        await services.close()
    told = {problem.partition(":")[0] for problem in await find_problems(run)}
    assert told == {"GraphQL", "Firestore", "R2", "reconcile"}
