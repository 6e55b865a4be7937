"""When each object is fetched: the most worthy first, in quiet windows, never above a rate."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from bijou.algorithms.intervals import Interval, merge_intervals
from bijou.delivery.filling.placement import Placed
from bijou.ports import InvalidRequest

_NS: Final = 1_000_000_000


class Step(msgspec.Struct, frozen=True):
    """One fetch: [start_ns, end_ns) at its edge's rate."""

    edge: str
    path: str
    size_bytes: int
    start_ns: int
    end_ns: int
    expected: float


class FillPlan(msgspec.Struct, frozen=True):
    """What to fetch, by start; what is here already stays, what had no time is left out.

    Args:
        rates_bps: By edge; together at most what was allowed.
        kept: Objects that are to be there and are.
        left_out: Objects that no window had room for.
    """

    steps: list[Step]
    rates_bps: dict[str, int]
    kept: int = 0
    left_out: int = 0
    left_out_bytes: int = 0

    @property
    def fetched_bytes(self) -> int:
        """Bytes of all steps."""
        return sum(step.size_bytes for step in self.steps)


def plan_fill(
    placed: Sequence[Placed],
    windows: Sequence[tuple[int, int]],
    *,
    rate_bps: int,
    edge_rate_bps: int | None = None,
    held: Mapping[str, Collection[str]] | None = None,
) -> FillPlan:
    """Plan the fetches of what is not held yet.

    Each edge fetches one object after another at a rate of its own, so no
    stretch of time carries more than the rates' sum. The rates share what is
    allowed by the bytes that each edge needs. A fetch that would not end with
    its window waits for the next, and what is worth less waits behind it; what
    no window can hold any more is left out.

    Args:
        placed: Those worth most first.
        windows: Seconds; in any order, overlaps count once.
        rate_bps: Bits a second of all edges together, >= 1 for each edge that needs something.
        edge_rate_bps: Of one edge at most; None: no bound of its own.
        held: Paths by edge that need no fetch.

    Raises:
        InvalidRequest: `delivery.bad_fill`: a rate is too small.
    """
    have = held or {}
    missing: dict[str, list[Placed]] = {}
    for one in placed:
        if one.path not in have.get(one.edge, ()):
            missing.setdefault(one.edge, []).append(one)
    rates = _shared(
        {edge: sum(one.size_bytes for one in ones) for edge, ones in missing.items()}, rate_bps, edge_rate_bps
    )
    quiet = merge_intervals(windows)
    steps: list[Step] = []
    for edge, ones in missing.items():
        steps += _paced(ones, quiet, rates[edge])
    wanted = sum(map(len, missing.values()))
    wanted_bytes = sum(one.size_bytes for ones in missing.values() for one in ones)
    steps.sort(key=lambda step: (step.start_ns, step.edge))
    left_bytes = wanted_bytes - sum(step.size_bytes for step in steps)
    return FillPlan(steps, rates, len(placed) - wanted, wanted - len(steps), left_bytes)


def _shared(needs: Mapping[str, int], rate_bps: int, edge_rate_bps: int | None) -> dict[str, int]:
    if rate_bps < max(1, len(needs)) or (edge_rate_bps is not None and edge_rate_bps < 1):
        rule = "each edge that needs something needs at least one bit a second"
        raise InvalidRequest(
            "delivery.bad_fill", f"{rate_bps} b/s for {len(needs)} edges, {edge_rate_bps} for one; {rule}"
        )
    whole = sum(needs.values())
    spare = rate_bps - len(needs)
    shares = {edge: 1 + spare * need // whole for edge, need in needs.items()}
    return {edge: min(share, edge_rate_bps or share) for edge, share in shares.items()}


def _paced(ones: Sequence[Placed], windows: Sequence[Interval], rate_bps: int) -> list[Step]:
    steps: list[Step] = []
    first = 0
    free_from_ns = windows[0].start * _NS if windows else 0
    for one in ones:
        takes_ns = -(-one.size_bytes * 8 * _NS // rate_bps)
        for at in range(first, len(windows)):
            start_ns = max(free_from_ns, windows[at].start * _NS)
            if start_ns + takes_ns <= windows[at].end * _NS:
                first, free_from_ns = at, start_ns + takes_ns
                steps.append(Step(one.edge, one.path, one.size_bytes, start_ns, free_from_ns, one.expected))
                break
    return steps
