"""The drill: two regions, a crowd, one of them killed whole and brought back."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import msgspec

from bijou.drills.drawing import Line, Panel, timeline_svg
from bijou.drills.house import House
from bijou.drills.region.browsers import Screen, Screens
from bijou.drills.region.judging import Times, judged, left_after_s, pathway_at, returns_s
from bijou.drills.swarm import Crowd, Report, Swarm, opening_of
from bijou.drills.verdict import Claim, claims_text, passed
from bijou.drills.watching import Moment, Watch, cancelled, moments_text
from bijou.ports import Clock

SEGMENT_S = 4.0

Told = Callable[[str, float], None]


class Plan(msgspec.Struct, frozen=True):
    """How long what lasts.

    Args:
        viewers: Half of them begin in each region.
        buffer_s: A viewer asks for the next segment when it has less than that.
        arrive_s: In which they come.
        calm_s: Until the region dies, from the last arrival on.
        dead_s: For which it stays dead.
        after_s: From its return to the end.
        link_bps: Slowest and fastest last mile.
    """

    viewers: int = 500
    buffer_s: float = 6.0
    arrive_s: float = 25.0
    calm_s: float = 15.0
    dead_s: float = 20.0
    after_s: float = 100.0
    link_bps: tuple[float, float] = (4e6, 40e6)

    @property
    def seconds(self) -> float:
        """Of the whole, if starting the region takes none."""
        return self.arrive_s + self.calm_s + self.dead_s + self.after_s


class Outcome(msgspec.Struct, frozen=True):
    """What came of the drill.

    Args:
        killed: Processes that were.
        watched: Viewers who watched by the region when it died.
        moved_after_s: Of each viewer of the dead region, in order.
        returned_after_s: The same of coming back.
        worst_lag_s: By how much the machine was late at the worst moment.
        cut, kept: The regions.
    """

    cut: str
    kept: str
    killed: int
    watched: int
    passed: bool
    claims: list[Claim]
    times: Times
    moved_after_s: list[float]
    returned_after_s: list[float]
    worst_lag_s: float
    report: Report
    moments: list[Moment]
    screens: list[Screen]

    def text(self) -> str:
        """Return it for people: the time line, the crowd, the verdict."""
        parts = [moments_text(self.moments, [self.cut, self.kept], self._marks()), self.report.text()]
        parts += ["\n".join(screen.text() for screen in self.screens)] if self.screens else []
        lag = f"late     the machine itself was up to {self.worst_lag_s:.2f} s late"
        return "\n\n".join([*parts, f"{lag}\n{claims_text(self.claims)}"])

    def figures(self) -> dict[str, object]:
        """Return what programs want to know, without the time line."""
        return {
            "drill": "region",
            "passed": self.passed,
            "viewers": self.report.viewers,
            "stalls_after": sum(moment.stalls for moment in self.moments[-1:])
            - max((m.stalls for m in self.moments if m.at_s <= self.times.killed_s), default=0),
            "moved": len(self.moved_after_s),
            "slowest_move_s": round(max(self.moved_after_s, default=0.0), 3),
            "ttl_s": self.times.ttl_s,
            "returned": len(self.returned_after_s),
            "errors": self.report.errors,
            "worst_lag_s": self.worst_lag_s,
            "browsers": len(self.screens),
            "claims": self.claims,
        }

    def svg(self) -> str:
        """Draw it over time."""
        names, moments = [self.cut, self.kept], self.moments
        viewers = [Line(name, [(m.at_s, m.by.get(name, 0)) for m in moments]) for name in names]
        told = [Line(f"{name} first", [(m.at_s, m.told.get(name, 0)) for m in moments]) for name in names]
        hurt = [
            Line("stands still", [(m.at_s, m.still) for m in moments]),
            Line("stalls so far", [(m.at_s, m.stalls) for m in moments]),
        ]
        buffers = [Line("least buffer, s", [(m.at_s, m.least_buffer_s) for m in moments])]
        buffers += [Line(f"browser {one.number}", one.buffers) for one in self.screens]
        panels = [
            Panel("viewers by the region that serves them", viewers, top=float(self.report.viewers)),
            Panel("viewers by what steering last told them", told, top=float(self.report.viewers)),
            Panel("hurt", hurt, top=4.0),
            Panel("seconds of buffer", buffers, top=6.0),
        ]
        title = f"{self.report.viewers} viewers; {self.cut} dies and comes back"
        return timeline_svg(title, panels, self._marks())

    def _marks(self) -> list[tuple[float, str]]:
        return [(self.times.killed_s, f"{self.cut} killed"), (self.times.back_s, f"{self.cut} back")]


async def evacuate(
    house: House,
    page: str,
    plan: Plan,
    regions: tuple[str, str],
    *,
    screens: Screens,
    clock: Clock,
    chance: Random,
    cpu_s: Callable[[], float],
    told: Told,
) -> Outcome:
    """Let a crowd watch, kill the first region, bring it back, and judge.

    Args:
        page: Address of the title's page.
        regions: The one that dies, and the one that has to carry all.
        screens: Real browsers that watch too, or none.
        told: Is told the step and the share of the whole.
    """
    cut, kept = regions
    crowd = Crowd(
        plan.viewers,
        plan.seconds + 120.0,
        plan.arrive_s,
        link_bps=plan.link_bps,
        limit_s=plan.buffer_s + SEGMENT_S,
        again=True,
    )
    swarm = Swarm(opening_of(page, clock, regions), crowd, clock=clock, chance=chance, cpu_s=cpu_s)
    begun_s = clock.monotonic_ns() / 1e9

    def since_s() -> float:
        return clock.monotonic_ns() / 1e9 - begun_s

    watch = Watch(swarm, clock, begun_s, lambda at_s: told("drill", min(1.0, at_s / plan.seconds)))
    crowding = asyncio.create_task(swarm.run())
    beside = [
        asyncio.create_task(watch.run()),
        asyncio.create_task(screens.watch(page, plan.buffer_s, since_s)),
    ]
    try:
        await clock.sleep(plan.arrive_s + plan.calm_s)
        ttl_s = max((seen.heard.ttl_s for seen in swarm.sessions), default=0.0)
        killed_s, killed = since_s(), house.kill()
        await clock.sleep(plan.dead_s)
        await house.bring_back()
        back_s = since_s()
        await clock.sleep(plan.after_s)
        swarm.end()
        report = await crowding
    finally:
        crowding.cancel()
        await asyncio.wait([crowding])
        await cancelled(*beside)
    sessions = [seen.since(begun_s) for seen in swarm.sessions]
    times = Times(killed_s, back_s, since_s(), ttl_s, SEGMENT_S)
    seen_screens = screens.seen(killed_s)
    claims = [*judged(sessions, cut, times), *_of_screens(seen_screens, cut)]
    on_it = [seen for seen in sessions if pathway_at(seen, killed_s) == cut]
    took = [left_after_s(seen, cut, killed_s) for seen in on_it]
    return Outcome(
        cut,
        kept,
        killed,
        len(on_it),
        passed(claims),
        claims,
        times,
        sorted(seconds for seconds in took if seconds is not None),
        [at_s - back_s for at_s in returns_s(on_it, cut, back_s)],
        max((moment.lag_s for moment in watch.moments), default=0.0),
        report,
        watch.moments,
        seen_screens,
    )


def _of_screens(screens: Sequence[Screen], cut: str) -> list[Claim]:
    if not screens:
        return []
    stalled = sum(screen.stalls_after for screen in screens)
    moved = [screen for screen in screens if screen.pathway_before == cut and screen.left]
    there = [screen for screen in screens if screen.pathway_before == cut]
    return [
        Claim(
            f"{stalled} stalls in {len(screens)} browsers from the death on; {len(moved)} of the {len(there)}"
            f" that watched by {cut} moved (0 and all)",
            stalled == 0 and len(moved) == len(there),
        )
    ]
