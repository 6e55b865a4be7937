"""Many viewers at once, on one event loop."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Any

from bijou.abr import Ladder
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
    """

    viewers: int
    seconds: float
    arrive_s: float = 5.0
    stay_s: float = 0.0
    jumps: float = 0.0
    link_bps: tuple[float, float] = (2e6, 40e6)
    limit_s: float = 30.0


async def gather(
    target: str, crowd: Crowd, *, clock: Clock, chance: Random, cpu_s: Callable[[], float]
) -> Report:
    """Send the crowd to a multivariant playlist, and return what it saw.

    Args:
        cpu_s: Seconds of CPU that this process has used.

    Raises:
        ValueError: no viewers, no time, or a last mile without a rate.
    """
    low, high = crowd.link_bps
    if crowd.viewers < 1 or crowd.seconds <= 0 or not 0 < low <= high:
        raise ValueError(
            f"{crowd.viewers} viewers for {crowd.seconds} s on {low:g} to {high:g} b/s; all are above 0"
        )
    ladders: dict[tuple[float, ...], Ladder] = {}
    present = _Present()
    begun_s, begun_cpu_s = clock.monotonic_ns() / 1e9, cpu_s()

    sessions = [Seen() for _ in range(crowd.viewers)]

    async def one(number: int) -> None:
        arrives_s = crowd.arrive_s * number / crowd.viewers
        await clock.sleep(arrives_s)
        habits = _habits(crowd, crowd.seconds - arrives_s, chance)
        viewer = Viewer(f"swarm-{number:06}", target, habits, ladders=ladders, clock=clock, chance=chance)
        sessions[number] = viewer.seen
        with present:
            await viewer.watch()

    await _until(clock, crowd.seconds, [one(number) for number in range(crowd.viewers)])
    seconds = clock.monotonic_ns() / 1e9 - begun_s
    return summed(sessions, at_once=present.most, seconds=seconds, cpu_s=cpu_s() - begun_cpu_s)


async def _until(clock: Clock, seconds: float, works: list[Coroutine[Any, Any, None]]) -> None:
    """Run works until the last has ended or their time is over; then cut them short."""
    tasks = [asyncio.create_task(work) for work in works]
    whole = asyncio.gather(*tasks)
    end = asyncio.create_task(clock.sleep(seconds))
    either: set[asyncio.Future[Any]] = {whole, end}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    end.cancel()
    if not whole.done():
        whole.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await whole


def _habits(crowd: Crowd, left_s: float, chance: Random) -> Habits:
    stays_s = min(left_s, chance.expovariate(1 / crowd.stay_s)) if crowd.stay_s else left_s
    low, high = crowd.link_bps
    rate = exp(chance.uniform(log(low), log(high)))
    return Habits(max(0.0, stays_s), crowd.jumps, rate, crowd.limit_s)


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
