"""Many viewers at once, on one event loop."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Any

from bijou.abr import Ladder
from bijou.drills.swarm.line import NoAnswer
from bijou.drills.swarm.opening import Opening, opening_of
from bijou.drills.swarm.pathways import PENALTY_S
from bijou.drills.swarm.report import Report, Seen, summed
from bijou.drills.swarm.viewer import Habits, Viewer
from bijou.ports import Clock


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who comes, when, and how long they stay.

    Attributes:
        viewers: How many.
        seconds: After which all leave; the crowd's whole time is bounded by it.
        arrive_s: They come evenly spread over this time; 0: all at once.
        stay_s: Mean of exponential stays; 0: until the end.
        jumps: Chance of a jump before each segment.
        link_bps: Slowest and fastest last mile; drawn evenly on a logarithmic scale.
        limit_s: Most seconds in a buffer.
        penalty_s: For which a viewer leaves a pathway alone that failed.
        again: Whether they go on at the film's beginning when that is over.
    """

    viewers: int
    seconds: float
    arrive_s: float = 5.0
    stay_s: float = 0.0
    jumps: float = 0.0
    link_bps: tuple[float, float] = (2e6, 40e6)
    limit_s: float = 30.0
    penalty_s: float = PENALTY_S
    again: bool = False


class Swarm:
    """A crowd as it watches.

    Threads: one event loop.

    Args:
        opening: What each viewer starts with.
        cpu_s: Seconds of CPU that this process has used.

    Attributes:
        viewers: Those that have come, by their number.
        sessions: What each has seen; nothing yet of those that are still to come.

    Raises:
        ValueError: no viewers, no time, or a last mile without a rate.
    """

    def __init__(
        self, opening: Opening, crowd: Crowd, *, clock: Clock, chance: Random, cpu_s: Callable[[], float]
    ) -> None:
        low, high = crowd.link_bps
        if crowd.viewers < 1 or crowd.seconds <= 0 or not 0 < low <= high:
            raise ValueError(
                f"{crowd.viewers} viewers for {crowd.seconds} s on {low:g} to {high:g} b/s; all are above 0"
            )
        self.viewers: dict[int, Viewer] = {}
        self.sessions = [Seen() for _ in range(crowd.viewers)]
        self._opening, self._crowd = opening, crowd
        self._clock, self._chance, self._cpu_s = clock, chance, cpu_s
        self._ladders: dict[tuple[float, ...], Ladder] = {}
        self._present = _Present()
        self._over = asyncio.Event()

    def end(self) -> None:
        """Let all leave now."""
        self._over.set()

    async def run(self) -> Report:
        """Let them come, watch and leave; return what they saw."""
        crowd, clock = self._crowd, self._clock
        begun_s, begun_cpu_s = clock.monotonic_ns() / 1e9, self._cpu_s()
        works = [self._one(number) for number in range(crowd.viewers)]
        await _until(clock, crowd.seconds, self._over, works)
        seconds = clock.monotonic_ns() / 1e9 - begun_s
        return summed(
            self.sessions, at_once=self._present.most, seconds=seconds, cpu_s=self._cpu_s() - begun_cpu_s
        )

    async def _one(self, number: int) -> None:
        crowd = self._crowd
        arrives_s = crowd.arrive_s * number / crowd.viewers
        await self._clock.sleep(arrives_s)
        habits = _habits(crowd, crowd.seconds - arrives_s, self._chance)
        try:
            ticket = await self._opening(number)
        except (NoAnswer, ValueError) as error:
            self.sessions[number].failure = str(error)[:120]
            return
        viewer = Viewer(ticket, habits, ladders=self._ladders, clock=self._clock, chance=self._chance)
        self.sessions[number] = viewer.seen
        self.viewers[number] = viewer
        with self._present:
            await viewer.watch()


async def gather(
    target: str, crowd: Crowd, *, clock: Clock, chance: Random, cpu_s: Callable[[], float]
) -> Report:
    """Send the crowd to a title's page or to a multivariant playlist, and return what it saw.

    Args:
        cpu_s: Seconds of CPU that this process has used.

    Raises:
        ValueError: no viewers, no time, or a last mile without a rate.
    """
    swarm = Swarm(opening_of(target, clock), crowd, clock=clock, chance=chance, cpu_s=cpu_s)
    return await swarm.run()


async def _until(
    clock: Clock, seconds: float, over: asyncio.Event, works: list[Coroutine[Any, Any, None]]
) -> None:
    """Run works until the last has ended or their time is over; then cut them short."""
    tasks = [asyncio.create_task(work) for work in works]
    whole = asyncio.gather(*tasks)
    ends: list[asyncio.Future[Any]] = [
        asyncio.ensure_future(clock.sleep(seconds)),
        asyncio.ensure_future(over.wait()),
    ]
    either: set[asyncio.Future[Any]] = {whole, *ends}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        if not whole.done():
            whole.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await whole


def _habits(crowd: Crowd, left_s: float, chance: Random) -> Habits:
    stays_s = min(left_s, chance.expovariate(1 / crowd.stay_s)) if crowd.stay_s else left_s
    low, high = crowd.link_bps
    rate = exp(chance.uniform(log(low), log(high)))
    return Habits(max(0.0, stays_s), crowd.jumps, rate, crowd.limit_s, crowd.penalty_s, crowd.again)


class _Present:
    """How many are there, and the most there ever were."""

    def __init__(self) -> None:
        self._now = 0
        self.most = 0

    def __enter__(self) -> None:
        self._now += 1
        self.most = max(self.most, self._now)

    def __exit__(self, *_: object) -> None:
        self._now -= 1
