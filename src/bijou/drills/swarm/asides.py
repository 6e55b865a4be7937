"""What a viewer hears and says beside its media: steering answers and reports."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from bijou.drills.swarm.events import KIND, Event, written
from bijou.drills.swarm.line import Got, Line, NoAnswer, connect
from bijou.drills.swarm.opening import Ticket
from bijou.drills.swarm.pathways import Pathways, base_of
from bijou.drills.swarm.steered import question, read_manifest
from bijou.ports import Clock

REPORT_S, PATIENCE_S, AGAIN_S, BATCH = 5.0, 2.0, 1.0, 16
_LONGEST_QUEUE = 256


@dataclass(slots=True)
class Heard:
    """What came of it.

    Attributes:
        steered: Steering answers.
        unsteered: Times that no pathway's steering answered.
        reported: Events taken by an edge.
        unreported: Events that none took.
        ttl_s: Of the last steering answer; 0: there was none.
        first: What that answer named first; empty: nothing, or there was none.
    """

    steered: int = 0
    unsteered: int = 0
    reported: int = 0
    unreported: int = 0
    ttl_s: float = 0.0
    first: str = ""


class Asides:
    """Asks for steering when it is time, and sends reports in batches.

    A steering server that does not answer is asked at every other pathway; one
    that says that it is over (410) never again. An
    edge that knows no reports (404) is not sent any more.

    Args:
        ticket: Where steering is asked first and reports go to; where it names no
            place for reports, they go to `/cmcd` of the edge in use.
        throughput_bps: What the viewer believes its throughput to be.
    """

    def __init__(
        self,
        ticket: Ticket,
        content: str,
        ways: Pathways,
        throughput_bps: Callable[[], float],
        *,
        clock: Clock,
    ) -> None:
        self.heard = Heard()
        self._session, self._content = ticket.session, content
        self._steering, self._reports = ticket.steering, ticket.reports
        self._ways, self._throughput_bps = ways, throughput_bps
        self._clock = clock
        self._pending: list[Event] = []
        self._deaf: set[str] = set()
        self._lines: dict[str, Line] = {}
        self._sending: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Steer and report until cancelled."""
        asks_at_s = self._now_s()
        try:
            while True:
                if self._steering and self._now_s() >= asks_at_s:
                    answered = await self._steer()
                    asks_at_s = self._now_s() + (self.heard.ttl_s if answered else AGAIN_S)
                self._flush()
                left_s = asks_at_s - self._now_s() if self._steering else REPORT_S
                await self._clock.sleep(min(REPORT_S, max(0.01, left_s)))
        finally:
            if self._sending:
                self._sending.cancel()
            for line in self._lines.values():
                line.close()

    def note(self, event: Event) -> None:
        """Keep an event to report; errors, and every sixteenth, are sent at once."""
        if len(self._pending) < _LONGEST_QUEUE:
            self._pending.append(event)
        if event.error or len(self._pending) >= BATCH:
            self._flush()

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    async def _steer(self) -> bool:
        for address in self._ways.everywhere(self._steering):
            asked = question(address, self._ways.current, self._throughput_bps())
            try:
                got = await self._asked(asked, None)
                if got.status == 410:
                    self._steering = ""
                    return False
                said = read_manifest(got.body, address) if got.status == 200 else None
            except (NoAnswer, TimeoutError, ValueError):
                said = None
            if said is not None:
                self.heard.steered += 1
                self.heard.ttl_s, self._steering = said.ttl_s, said.reload
                self.heard.first = said.priority[0] if said.priority else ""
                self._ways.steered(said.priority, said.clones)
                return True
        self.heard.unsteered += 1
        return False

    def _flush(self) -> None:
        if self._pending and (self._sending is None or self._sending.done()):
            self._sending = asyncio.create_task(self._report())

    async def _report(self) -> None:
        batch, self._pending = self._pending, []
        body = "".join(f"{written(event, self._session, self._content)}\n" for event in batch).encode()
        place = self._ways.through(self._reports or f"{base_of(batch[-1].address)}/cmcd")
        taken = False
        if place not in self._deaf:
            with contextlib.suppress(NoAnswer, TimeoutError):
                got = await self._asked(place, body)
                taken = got.status < 300
                if got.status == 404:
                    self._deaf.add(place)
        if taken:
            self.heard.reported += len(batch)
        else:
            self.heard.unreported += len(batch)

    async def _asked(self, address: str, body: bytes | None) -> Got:
        parts = urlsplit(address)
        key = f"{parts.netloc} {'tells' if body else 'asks'}"  # one answer at a time on each line
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            async with asyncio.timeout(PATIENCE_S):
                line = self._lines.get(key)
                if line is None or line.closed:
                    line = self._lines[key] = await connect(address, self._now_s)
                if body is None:
                    return await line.get(path, keep=True)
                return await line.post(path, body, KIND, keep=False)
        except (NoAnswer, TimeoutError):
            if stale := self._lines.pop(key, None):
                stale.close()
            raise
