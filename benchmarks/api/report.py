"""The report of a run: tables for people, JSON for programs."""

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.api.claims import list_claims
from benchmarks.api.plan import Cell, Plan
from benchmarks.api.runner import Measured
from benchmarks.signatures import SigningTimes


@dataclass(frozen=True)
class Result:
    """A cell's numbers: medians of its rounds, p99 of all its requests; None where it was not measured."""

    workload: str
    peer: str
    is_cold: bool
    is_far: bool
    requests: int
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    clients: int
    requests_per_second: float | None
    document_reads: int | None

    @property
    def name(self) -> str:
        """The peer as tables call it."""
        return f"{self.peer} {'cold' if self.is_cold else 'warm'}" if self.peer == "clipgraph" else self.peer


def summarise(measured: dict[Cell, Measured]) -> list[Result]:
    """The numbers of all cells, in the cells' order."""
    return [_summarise(cell, found) for cell, found in measured.items()]


def to_json(plan: Plan, results: list[Result], signing: SigningTimes) -> dict[str, Any]:
    """The plan, the results, and what became of the claims."""
    claims = [
        {"claim": claim.text, "wanted": claim.wanted, "measured": claim.measure(results)}
        for claim in list_claims(signing)
        if claim.measure(results) is not None
    ]
    numbers = [asdict(result) for result in results]
    return {"plan": asdict(plan), "results": numbers, "signing": asdict(signing), "claims": claims}


def format_tables(results: list[Result], signing: SigningTimes) -> str:
    """The ratios, the numbers they are made of, and the claims, as Markdown."""
    near = [result for result in results if not result.is_far]
    far = [result for result in results if result.is_far]
    parts = ["How many times clipgraph is better, cold / warm (below 1, the peer is better):", _format_ratios(near)]
    parts += ["What was measured:", _format_numbers(near)]
    if far:
        parts += ["With Firestore and R2 far away:", _format_far(far)]
    parts += ["A presigned URL:", _format_signing(signing)]
    parts += ["What must hold:", _format_claims(results, signing)]
    return "\n\n".join(parts)


def _summarise(cell: Cell, measured: Measured) -> Result:
    seconds = [second for latency in measured.latencies for second in latency.seconds]
    return Result(
        workload=cell.workload,
        peer=cell.peer,
        is_cold=cell.is_cold,
        is_far=cell.is_far,
        requests=len(seconds),
        p50_ms=1000 * statistics.median(statistics.median(latency.seconds) for latency in measured.latencies),
        p99_ms=1000 * sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.99))],
        cpu_ms=1000 * statistics.median(latency.cpu_seconds for latency in measured.latencies),
        clients=measured.clients,
        requests_per_second=statistics.median(measured.requests_per_second) if measured.requests_per_second else None,
        document_reads=measured.document_reads,
    )


def _format_ratios(results: list[Result]) -> str:
    lines = []
    for other in results:
        cold, warm = (_find_clipgraph(results, other, is_cold=is_cold) for is_cold in (True, False))
        if other.peer == "clipgraph" or cold is None or warm is None:
            continue
        throughput = [_divide(own.requests_per_second, other.requests_per_second) for own in (cold, warm)]
        p50 = [_divide(other.p50_ms, own.p50_ms) for own in (cold, warm)]
        cpu = [_divide(other.cpu_ms, own.cpu_ms) for own in (cold, warm)]
        cells = [" / ".join(map(_format_ratio, pair)) for pair in (throughput, p50, cpu)]
        lines.append([other.workload, other.name, *cells])
    return _format_table(["workload", "against", "throughput", "p50", "CPU a request"], lines)


def _format_numbers(results: list[Result]) -> str:
    lines = [
        [
            result.workload,
            result.name,
            f"{result.p50_ms:,.1f} ms",
            f"{result.p99_ms:,.1f} ms",
            f"{result.cpu_ms:,.1f} ms",
            "" if result.requests_per_second is None else f"{result.requests_per_second:,.1f}",
            str(result.clients),
            "" if result.document_reads is None else str(result.document_reads),
        ]
        for result in results
    ]
    return _format_table(["workload", "peer", "p50", "p99", "CPU a request", "requests/s", "clients", "reads"], lines)


def _format_far(results: list[Result]) -> str:
    lines = []
    for result in results:
        cold, warm = (_find_clipgraph(results, result, is_cold=is_cold) for is_cold in (True, False))
        ratios = [_format_ratio(_divide(result.p50_ms, own.p50_ms)) if own else "" for own in (cold, warm)]
        times = f"{result.p50_ms:,.1f} ms", f"{result.p99_ms:,.1f} ms"
        lines.append([result.workload, result.name, *times, *ratios])
    return _format_table(["workload", "peer", "p50", "p99", "in clipgraph's, cold", "warm"], lines)


def _format_signing(signing: SigningTimes) -> str:
    times = [["", "clipgraph", f"{signing.clipgraph_us:.2f} µs"], ["", "boto3", f"{signing.boto3_us:,.1f} µs"]]
    return _format_table(["", "by", "CPU"], times)


def _format_claims(results: list[Result], signing: SigningTimes) -> str:
    lines = []
    for claim in list_claims(signing):
        measured = claim.measure(results)
        if measured is not None:
            lines.append([claim.text, claim.wanted, _format_ratio(measured), "yes" if claim.check(measured) else "no"])
    return _format_table(["claim", "wanted", "measured", "holds"], lines)


def _find_clipgraph(results: list[Result], other: Result, *, is_cold: bool) -> Result | None:
    for result in results:
        if (result.workload, result.peer, result.is_cold) == (other.workload, "clipgraph", is_cold):
            return result
    return None


def _divide(dividend: float | None, divisor: float | None) -> float | None:
    return dividend / divisor if dividend is not None and divisor else None


def _format_ratio(ratio: float | None) -> str:
    if ratio is None:
        return "-"
    if ratio < 1:
        return f"{ratio:.2g}"
    return f"{ratio:,.0f}" if ratio >= 20 else f"{ratio:.2f}"


def _format_table(head: list[str], lines: list[list[str]]) -> str:
    rule = ["---"] * 2 + ["---:"] * (len(head) - 2)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))
