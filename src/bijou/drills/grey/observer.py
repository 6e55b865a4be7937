"""Somebody who only asks steering, to know when it has noticed."""

from urllib.parse import urlsplit

from bijou.drills.swarm import Line, NoAnswer, Opening, Pathways, connect, question, read_manifest
from bijou.ports import Clock

LOOK_S = 0.5


class Observer:
    """A session of the first region that watches nothing and never leaves, and asks at the other.

    Args:
        opening: Gives number 0 a session of the region that becomes unwell.
        kept: The region that is asked.
    """

    def __init__(self, opening: Opening, cut: str, kept: str, *, clock: Clock, begun_s: float) -> None:
        self._opening, self._cut, self._kept = opening, cut, kept
        self._clock, self._begun_s = clock, begun_s
        self.first: list[tuple[float, str]] = []

    async def run(self) -> None:
        """Ask until cancelled."""
        ticket = await self._opening(0)
        if not ticket.steering:
            return
        address = Pathways(ticket.bases).through(ticket.steering, self._kept)
        line: Line | None = None
        while True:
            try:
                if line is None or line.closed:
                    line = await connect(address, self._now_s)
                await self._ask(line, address)
            except (NoAnswer, ValueError):
                line = None
            await self._clock.sleep(LOOK_S)

    def detected_s(self, fault_s: float) -> float | None:
        """Return how long after the fault the other region came first for good reason; None: it did not."""
        before = [region for at_s, region in self.first if at_s < fault_s]
        if not before or before[-1] != self._cut:
            return None
        return next(
            (at_s - fault_s for at_s, region in self.first if at_s >= fault_s and region != self._cut), None
        )

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    async def _ask(self, line: Line, address: str) -> None:
        parts = urlsplit(question(address, self._cut, 0.0))
        got = await line.get(f"{parts.path}?{parts.query}", keep=True)
        if got.status == 200:
            said = read_manifest(got.body, address)
            self.first.append((self._now_s() - self._begun_s, said.priority[0] if said.priority else ""))
