"""The drill: an edge that is unwell and not dead, and how soon that is noticed."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import msgspec

from bijou.drills.drawing import Line, Panel, timeline_svg
from bijou.drills.grey.faults import Fault, calm
from bijou.drills.grey.observer import Observer
from bijou.drills.grey.proxy import Proxy
from bijou.drills.region import SEGMENT_S, pathway_at
from bijou.drills.swarm import FAILED, STEERED, Crowd, Report, Seen, Swarm, opening_of
from bijou.drills.verdict import Claim, claims_text, passed
from bijou.drills.watching import Moment, Watch, cancelled
from bijou.ports import Clock

Told = Callable[[str, float], None]


class Plan(msgspec.Struct, frozen=True):
    """How long what lasts.

    Args:
        viewers: Half of them begin in each region.
        calm_s: From the last arrival to the fault.
        fault_s: From the fault to the end.
        rate_bps: What the calm way carries; halved, it is too little for all who use it.
    """

    viewers: int = 40
    buffer_s: float = 6.0
    arrive_s: float = 3.0
    calm_s: float = 10.0
    fault_s: float = 30.0
    rate_bps: float = 16e6
    link_bps: tuple[float, float] = (4e6, 40e6)


class Figures(msgspec.Struct, frozen=True):
    """What one fault did.

    Args:
        detected_s: Until steering, asked at the other region, put the faulty way second; None: never.
        steered_s: Until the first viewer followed it.
        first_left_s: Until the first viewer's media came another way; None: it never did.
        half_left_s: The same of half of those who were on it.
        on_it: Who were, when it began.
        left: Of those, who left.
        stalls: From the fault on.
        stalled_s: How long they were, in all.
        false_failovers: Moves away from the way that was well.
        spoilt: Requests that the proxy reset or refused.
    """

    fault: str
    words: str
    detected_s: float | None
    steered_s: float | None
    first_left_s: float | None
    half_left_s: float | None
    on_it: int
    left: int
    stalls: int
    stalled_s: float
    stalled_viewers: int
    early_stalls: int
    false_failovers: int
    failed_moves: int
    steered_moves: int
    ended: int
    spoilt: int
    worst_lag_s: float


class Scene(msgspec.Struct, frozen=True):
    """One fault's evening."""

    figures: Figures
    begun_s: float
    report: Report
    moments: list[Moment]


class Outcome(msgspec.Struct, frozen=True):
    """What came of all faults."""

    cut: str
    kept: str
    passed: bool
    claims: list[Claim]
    scenes: list[Scene]

    def text(self) -> str:
        """Return it for people: a line a fault, and the verdict."""
        head = (
            f"{'fault':<11}{'detected':>10}{'first':>8}{'half':>8}{'left':>10}{'stalls':>8}{'stood':>8}"
            f"{'false':>7}{'ended':>7}{'late':>8}"
        )
        rows = [_row(scene.figures) for scene in self.scenes]
        legend = (
            "detected: until steering, asked at the other region, put it second; first, half: until that many"
            " had left; false: moves from errors away from the way that was well; late: the machine itself"
        )
        return "\n".join([head, *rows, legend, "", claims_text(self.claims)])

    def figures(self) -> dict[str, object]:
        """Return what programs want to know, without the time lines."""
        return {
            "drill": "grey",
            "passed": self.passed,
            "faults": [scene.figures for scene in self.scenes],
            "claims": self.claims,
        }

    def svg(self) -> str:
        """Draw, for each fault, who still went by the faulty way, and whose picture stood still."""
        left = [
            Line(
                scene.figures.fault, [(m.at_s - scene.begun_s, m.by.get(self.cut, 0)) for m in scene.moments]
            )
            for scene in self.scenes
        ]
        stood = [
            Line(scene.figures.fault, [(m.at_s - scene.begun_s, m.stalls) for m in scene.moments])
            for scene in self.scenes
        ]
        panels = [Panel(f"viewers by {self.cut}", left), Panel("stalls so far", stood, top=4.0)]
        return timeline_svg(f"grey failures of {self.cut}", panels, [(0.0, "fault")])


def figures_of(
    fault: Fault,
    cut: str,
    sessions: Sequence[Seen],
    begun_s: float,
    *,
    detected_s: float | None = None,
    spoilt: int = 0,
    worst_lag_s: float = 0.0,
) -> Figures:
    """Add up what sessions saw of one fault; pure."""
    on_it = [seen for seen in sessions if pathway_at(seen, begun_s) == cut]
    left_s = sorted(at_s for seen in on_it if (at_s := _left_s(seen, cut, begun_s)) is not None)
    later = [move for seen in sessions for move in seen.moves if move.at_s >= begun_s]
    steered = sorted(move.at_s - begun_s for move in later if move.left == cut and move.why == STEERED)
    stalls = [(at_s, long_s) for seen in sessions for at_s, long_s in seen.stalls_at]
    return Figures(
        fault=fault.name,
        words=fault.words,
        detected_s=detected_s,
        steered_s=steered[0] if steered else None,
        first_left_s=left_s[0] if left_s else None,
        half_left_s=left_s[(len(on_it) - 1) // 2] if on_it and 2 * len(left_s) >= len(on_it) else None,
        on_it=len(on_it),
        left=len(left_s),
        stalls=sum(at_s >= begun_s for at_s, _ in stalls),
        stalled_s=sum(long_s for at_s, long_s in stalls if at_s >= begun_s),
        stalled_viewers=sum(any(at_s >= begun_s for at_s, _ in seen.stalls_at) for seen in sessions),
        early_stalls=sum(at_s < begun_s for at_s, _ in stalls),
        false_failovers=sum(move.left != cut and move.why == FAILED for move in later),
        failed_moves=sum(move.why == FAILED for move in later),
        steered_moves=sum(move.why == STEERED for move in later),
        ended=sum(bool(seen.failure) for seen in sessions),
        spoilt=spoilt,
        worst_lag_s=worst_lag_s,
    )


async def endure(
    fault: Fault,
    page: str,
    proxy: Proxy,
    plan: Plan,
    regions: tuple[str, str],
    *,
    clock: Clock,
    chance: Random,
    cpu_s: Callable[[], float],
    told: Told,
) -> Scene:
    """Let a crowd watch, turn the fault on, and see.

    Args:
        proxy: Stands before the first region's edge.
        regions: The one that becomes unwell, and the other.
    """
    crowd = Crowd(
        plan.viewers,
        plan.arrive_s + plan.calm_s + plan.fault_s + 60.0,
        plan.arrive_s,
        link_bps=plan.link_bps,
        limit_s=plan.buffer_s + SEGMENT_S,
        again=True,
    )
    opening = opening_of(page, clock, regions)
    swarm = Swarm(opening, crowd, clock=clock, chance=chance, cpu_s=cpu_s)
    start_s = clock.monotonic_ns() / 1e9
    whole_s = plan.arrive_s + plan.calm_s + plan.fault_s
    watch = Watch(swarm, clock, start_s, lambda at_s: told(fault.name, min(1.0, at_s / whole_s)))
    observer = Observer(opening, *regions, clock=clock, begun_s=start_s)
    proxy.turn(calm(plan.rate_bps))
    crowding = asyncio.create_task(swarm.run())
    beside = [asyncio.create_task(watch.run()), asyncio.create_task(observer.run())]
    try:
        await clock.sleep(plan.arrive_s + plan.calm_s)
        proxy.turn(fault)
        begun_s = clock.monotonic_ns() / 1e9 - start_s
        await clock.sleep(plan.fault_s)
        swarm.end()
        report = await crowding
    finally:
        crowding.cancel()
        await asyncio.wait([crowding])
        await cancelled(*beside)
    sessions = [seen.since(start_s) for seen in swarm.sessions]
    lag_s = max((moment.lag_s for moment in watch.moments), default=0.0)
    noticed_s = observer.detected_s(begun_s)
    figures = figures_of(
        fault,
        regions[0],
        sessions,
        begun_s,
        detected_s=noticed_s,
        spoilt=proxy.spoilt,
        worst_lag_s=lag_s,
    )
    return Scene(figures, begun_s, report, watch.moments)


def judged(scenes: Sequence[Scene], regions: tuple[str, str]) -> Outcome:
    """Put the faults together, with what is promised of each."""
    claims = []
    for scene in scenes:
        one = scene.figures
        quiet = not one.stalls and not one.ended and not one.false_failovers
        claims.append(
            Claim(
                f"{one.words}: {one.stalls} stalls, {one.ended} sessions ended, {one.false_failovers} false"
                " failovers (0 of each)",
                quiet,
            )
        )
    return Outcome(*regions, passed(claims), claims, list(scenes))


def _left_s(seen: Seen, cut: str, begun_s: float) -> float | None:
    return next((at_s - begun_s for at_s, way in seen.trail if at_s > begun_s and way != cut), None)


def _row(one: Figures) -> str:
    noticed, first, half = (_seconds(at_s) for at_s in (one.detected_s, one.first_left_s, one.half_left_s))
    return (
        f"{one.fault:<11}{noticed:>10}{first:>8}{half:>8}{f'{one.left} of {one.on_it}':>10}{one.stalls:>8}"
        f"{one.stalled_s:>6.1f} s{one.false_failovers:>7}{one.ended:>7}{one.worst_lag_s:>6.2f} s"
    )


def _seconds(at_s: float | None) -> str:
    return "-" if at_s is None else f"{at_s:.1f} s"
