"""Who wins, and how sure that is: policies over the same traces, resampled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from bijou.abr.film import Film, Floats
from bijou.abr.simulator import LIMIT_S, Outcomes, simulate
from bijou.abr.traces import Trace

SURE = 0.95
"""Share of the resampled means between an interval's ends."""

DRAWS = 4000


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean, and the interval that holds most means of resampled traces."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """What viewers saw under one policy.

    Attributes:
        score: Utility less five times the share of rebuffering.
        rebuffer: Share of the time.
        switches: Changes of rung in a session.
        uneven: Mean change of utility from one segment to the next.
    """

    policy: str
    score: Figure
    utility: Figure
    bitrate_bps: Figure
    rebuffer: Figure
    switches: Figure
    uneven: Figure


@dataclass(frozen=True, slots=True)
class Verdict:
    """The policy of the greatest mean score, beside the next.

    Attributes:
        score_gain: Share by which it is better.
        rebuffer_change: Difference of the shares of time; below 0 is less.
        switches_ratio: Its changes of rung over the other's.
        sure: Whether the interval of `score_gain` lies above 0.
    """

    winner: str
    beside: str
    score_gain: Figure
    rebuffer_change: Figure
    switches_ratio: Figure
    sure: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """One set of traces, judged.

    Attributes:
        recordings: How many of the traces stem from different recordings.
        verdict: None where there is but one policy.
        ours: The same of our own policy beside the best of the others, if it took part.
    """

    name: str
    traces: int
    recordings: int
    rows: tuple[Row, ...]
    verdict: Verdict | None
    ours: Verdict | None


def recording(trace: Trace) -> str:
    """Return what a trace is a part of; parts of one recording are alike.

    Example:
        >>> from bijou.abr.traces import drawn_traces
        >>> recording(drawn_traces(1, seed=1)[0]._replace(name="ferry_9_part3"))
        'ferry_9'
    """
    return trace.name.split("_part")[0]


def set_aside(traces: Sequence[Trace], share: float) -> tuple[list[Trace], list[Trace]]:
    """Part traces by recording: those to learn from, and those held back.

    By a digest of the name, so that everybody parts them alike.
    """
    back = [_place(recording(trace)) < share for trace in traces]
    return (
        [trace for trace, held in zip(traces, back, strict=True) if not held],
        [trace for trace, held in zip(traces, back, strict=True) if held],
    )


def _place(name: str) -> float:
    return int.from_bytes(blake2b(name.encode(), digest_size=6).digest(), "big") / 2.0**48


def compare(
    name: str,
    film: Film,
    traces: Sequence[Trace],
    policies: Mapping[str, str | Mapping[str, Any]],
    *,
    ours: str = "bijou",
    limit_s: float = LIMIT_S,
    seed: int = 1,
    native: bool | None = None,
) -> Comparison:
    """Watch the film over every trace under every policy, and judge.

    Recordings are drawn again with replacement, with all their parts, the same
    ones for all policies; so a gain's interval is of paired differences.

    Raises:
        ValueError: no traces or no policies, or what `simulate` refuses.
    """
    if not traces or not policies:
        raise ValueError(f"{name}: {len(traces)} traces and {len(policies)} policies; one of each at least")
    seen = {
        key: simulate(film, traces, policy, limit_s=limit_s, native=native)
        for key, policy in policies.items()
    }
    names = [recording(trace) for trace in traces]
    weights = _resampled(names, seed)
    rows = tuple(_row(key, outcomes, weights) for key, outcomes in seen.items())
    ranked = sorted(rows, key=lambda row: -row.score.mean)
    verdict = mine = None
    if len(ranked) > 1:
        verdict = _verdict(ranked[0].policy, ranked[1].policy, seen, weights)
        rival = next(row.policy for row in ranked if row.policy != ours)
        mine = _verdict(ours, rival, seen, weights) if ours in seen else None
    return Comparison(name, len(traces), len(set(names)), rows, verdict, mine)


def _resampled(names: Sequence[str], seed: int) -> Floats:
    """Return weights [draws + 1, traces], each row's sum 1; the first row weighs all alike."""
    known = {name: at for at, name in enumerate(dict.fromkeys(names))}
    counts = np.random.default_rng(seed).multinomial(len(known), np.full(len(known), 1 / len(known)), DRAWS)
    weights = np.vstack([np.ones(len(known)), counts])[:, [known[name] for name in names]]
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _figure(means: Floats) -> Figure:
    low, high = np.quantile(means[1:], [(1 - SURE) / 2, (1 + SURE) / 2])
    return Figure(float(means[0]), float(low), float(high))


def _row(policy: str, seen: Outcomes, weights: Floats) -> Row:
    return Row(
        policy,
        score=_figure(weights @ seen.score),
        utility=_figure(weights @ seen.utility),
        bitrate_bps=_figure(weights @ seen.bitrate_bps),
        rebuffer=_figure(weights @ seen.rebuffer),
        switches=_figure(weights @ seen.switches),
        uneven=_figure(weights @ seen.uneven),
    )


def _verdict(winner: str, beside: str, seen: Mapping[str, Outcomes], weights: Floats) -> Verdict:
    first, second = seen[winner], seen[beside]
    score, other = weights @ first.score, weights @ second.score
    gain = _figure((score - other) / np.where(other == 0.0, 1.0, np.abs(other)))
    switches = weights @ second.switches
    return Verdict(
        winner,
        beside,
        score_gain=gain,
        rebuffer_change=_figure(weights @ (first.rebuffer - second.rebuffer)),
        switches_ratio=_figure(weights @ first.switches / np.where(switches == 0.0, 1.0, switches)),
        sure=gain.low > 0.0,
    )
