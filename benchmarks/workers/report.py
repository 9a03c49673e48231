"""The measurements as a table."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.workers.plan import Kill, Victim
from benchmarks.workers.runner import Run

HEADERS = ("run", "clips", "seconds", "clips/s", "calls", "tried again", "workers killed", "servers killed")
LATENCY_HEADERS = ("p50 ms", "p99 ms", "updateClipStatus p50 ms", "p99 ms ", "writes/s on a video")


def format_table(runs: Mapping[str, Run]) -> str:
    """A row for each run, as Markdown. A call's time is from its first try to its answer, all pauses included."""
    headers = (*HEADERS, *LATENCY_HEADERS)
    lines = [headers, ("---", *["---:"] * (len(headers) - 1)), *(_describe(name, run) for name, run in runs.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _describe(name: str, run: Run) -> tuple[str, ...]:
    tries = sum(call.tries for call in run.calls)
    every = [call.seconds for call in run.calls]
    steps = [call.seconds for call in run.calls if call.name == "updateClipStatus"]
    return (
        name,
        f"{run.plan.clip_count:,}",
        f"{run.seconds:.0f}",
        f"{run.plan.clip_count / run.seconds:.0f}",
        f"{len(run.calls):,}",
        f"{tries - len(run.calls):,}",
        str(_count(run.kills, [Victim.WORKERS])),
        str(_count(run.kills, [Victim.SERVER, Victim.ALL_SERVERS])),
        *(f"{1000 * compute_percentile(times, part):,.0f}" for times in (every, steps) for part in (0.5, 0.99)),
        f"{_count_video_writes(run) / run.plan.videos / run.seconds:.1f}",
    )


def compute_percentile(numbers: Sequence[float], part: float) -> float:
    """The number that so large a part of them is at most."""
    return sorted(numbers)[min(len(numbers) - 1, int(part * len(numbers)))]


def _count(kills: Iterable[Kill], victims: Sequence[Victim]) -> int:
    return sum(kill.victim in victims for kill in kills)


def _count_video_writes(run: Run) -> int:
    """Writes on the videos' documents for clips that were completed one by one: what is not a write of a clip."""
    writes = sum(call.document_writes for call in run.calls if call.name == "updateClipStatus")
    return max(0, writes - run.plan.clip_count)
