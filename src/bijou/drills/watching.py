"""A swarm as it was at each moment, for tables and drawings."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from bijou.drills.swarm import Swarm
from bijou.ports import Clock

LOOK_S = 0.5


class Moment(msgspec.Struct, frozen=True):
    """What all viewers did at one time.

    Args:
        at_s: Since the drill began.
        by: Viewers by the pathway that their last segment came by.
        still: Whose picture stood still.
        least_buffer_s: Of those who had seen a picture.
        lag_s: By how much this moment came late: what the machine could not keep up with.
        told: Viewers by the pathway that steering named first when they last asked.
    """

    at_s: float
    by: dict[str, int]
    still: int
    least_buffer_s: float
    stalls: int
    errors: int
    lag_s: float
    told: dict[str, int] = {}


class Watch:
    """Looks at a swarm twice a second.

    Args:
        extra: Called at each look too.
    """

    def __init__(
        self, swarm: Swarm, clock: Clock, begun_s: float, extra: Callable[[float], None] = lambda _: None
    ) -> None:
        self.moments: list[Moment] = []
        self._swarm, self._clock, self._begun_s, self._extra = swarm, clock, begun_s, extra

    async def run(self) -> None:
        """Look until cancelled."""
        due_s = self._now_s()
        while True:
            now_s = self._now_s()
            self.moments.append(self._moment(now_s, now_s - due_s))
            self._extra(now_s)
            due_s = max(due_s + LOOK_S, now_s)
            await self._clock.sleep(due_s - now_s)

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9 - self._begun_s

    def _moment(self, now_s: float, lag_s: float) -> Moment:
        playing = [viewer for viewer in self._swarm.viewers.values() if viewer.seen.trail]
        by = Counter(viewer.seen.trail[-1][1] for viewer in playing)
        return Moment(
            at_s=round(now_s, 3),
            by=dict(by),
            still=sum(viewer.stands_still for viewer in playing),
            least_buffer_s=round(min((viewer.buffer_s for viewer in playing), default=0.0), 3),
            stalls=sum(len(seen.stalls_at) for seen in self._swarm.sessions),
            errors=sum(seen.errors for seen in self._swarm.sessions),
            lag_s=round(max(0.0, lag_s), 3),
            told=dict(Counter(viewer.seen.heard.first for viewer in playing if viewer.seen.heard.first)),
        )


def moments_text(
    moments: Sequence[Moment], pathways: Sequence[str], marks: Sequence[tuple[float, str]], *, lines: int = 24
) -> str:
    """Return a table: some moments evenly spread, and the ones next to each mark."""
    head = f"{'seconds':>8}{''.join(f'{name:>8}' for name in pathways)}{'still':>8}{'stalls':>8}{'errors':>8}"
    rows = [f"{head}{'buffer':>9}{'late':>8}"]
    every = max(1, len(moments) // lines)
    told = list(marks)
    for number, moment in enumerate(moments):
        words = ""
        while told and moment.at_s >= told[0][0]:
            words += f"  {told.pop(0)[1]}"
        if number % every and not words:
            continue
        shares = "".join(f"{moment.by.get(name, 0):>8}" for name in pathways)
        rows.append(
            f"{moment.at_s:>8.1f}{shares}{moment.still:>8}{moment.stalls:>8}{moment.errors:>8}"
            f"{moment.least_buffer_s:>7.1f} s{moment.lag_s:>6.2f} s{words}"
        )
    return "\n".join(rows)


async def cancelled(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks and wait until they have ended; what they raised is raised here."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()):
            raise error
