"""What a crowd went through, in figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bijou.drills.swarm.asides import Heard
from bijou.drills.swarm.pathways import FAILED, STEERED, Move


@dataclass(slots=True)
class Seen:
    """One viewer's session.

    Attributes:
        startup_s: Until the first picture; None: it never came.
        bit_seconds: Rate of each segment times its length.
        failure: Why it ended before its time, or empty.
        trail: When its media began to come by each pathway, in order.
        stalls_at: When each stall began, and how long it was.
        heard: What came of its steering and its reports.
    """

    startup_s: float | None = None
    played_s: float = 0.0
    stalls: int = 0
    stalled_s: float = 0.0
    switches: int = 0
    jumps: int = 0
    requests: int = 0
    errors: int = 0
    received_bytes: int = 0
    fetched_s: float = 0.0
    bit_seconds: float = 0.0
    failure: str = ""
    trail: list[tuple[float, str]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    stalls_at: list[tuple[float, float]] = field(default_factory=list)
    heard: Heard = field(default_factory=Heard)

    def since(self, begun_s: float) -> "Seen":
        """Return the same with its moments counted from that one."""
        return replace(
            self,
            trail=[(at_s - begun_s, way) for at_s, way in self.trail],
            stalls_at=[(at_s - begun_s, long_s) for at_s, long_s in self.stalls_at],
            moves=[replace(move, at_s=move.at_s - begun_s) for move in self.moves],
        )


@dataclass(frozen=True, slots=True)
class Report:
    """A crowd's figures; shares of 1, seconds, bits a second.

    Attributes:
        at_once: Most viewers with a session open at one moment.
        startup_s: Until the first picture: median, 95 %, 99 %.
        stalled_share: Of the time that should have moved.
        failures: What ended sessions early, and how many.
        failovers: Moves to another pathway after an error.
        steered: Moves to a pathway that was to be preferred.
        steering_answers: How often steering was asked and answered.
        reported: Events that an edge took.
    """

    viewers: int
    at_once: int
    started: int
    startup_s: tuple[float, float, float]
    stalls: int
    stalled_viewers: int
    stalled_share: float
    bitrate_bps: float
    switches_per_minute: float
    jumps: int
    requests: int
    errors: int
    received_bytes: int
    seconds: float
    cpu_s: float
    failures: dict[str, int] = field(default_factory=dict)
    failovers: int = 0
    steered: int = 0
    steering_answers: int = 0
    reported: int = 0

    def text(self) -> str:
        """Return it for people."""
        median, tail, far = self.startup_s
        pace = self.requests / self.seconds if self.seconds else 0.0
        lines = [
            f"viewers   {self.viewers}, {self.at_once} at once; {self.started} saw a picture",
            f"start-up  {median:.3f} s median, {tail:.3f} s at 95 %, {far:.3f} s at 99 %",
            f"stalls    {self.stalls} in {self.stalled_viewers} sessions, {100 * self.stalled_share:.3f} %",
            f"picture   {self.bitrate_bps / 1e6:.2f} Mb/s, {self.switches_per_minute:.2f} switches a minute",
            f"requests  {self.requests}, {pace:.0f} a second; {self.errors} failed; {self.jumps} jumps",
            f"cost      {self.received_bytes / 1e6:.0f} MB, {self.cpu_s:.1f} s CPU in {self.seconds:.1f} s",
        ]
        if self.steering_answers or self.failovers:
            lines.append(
                f"pathways  {self.failovers} moves after errors, {self.steered} by steering;"
                f" {self.steering_answers} steering answers, {self.reported} events reported"
            )
        lines += [f"ended     {count} x {words}" for words, count in sorted(self.failures.items())]
        return "\n".join(lines)


def summed(sessions: Sequence[Seen], *, at_once: int, seconds: float, cpu_s: float) -> Report:
    """Add sessions up."""
    startups = sorted(one.startup_s for one in sessions if one.startup_s is not None)
    played, stalled = sum(one.played_s for one in sessions), sum(one.stalled_s for one in sessions)
    fetched = sum(one.fetched_s for one in sessions)
    failures: dict[str, int] = {}
    for one in sessions:
        if one.failure:
            failures[one.failure] = failures.get(one.failure, 0) + 1
    return Report(
        viewers=len(sessions),
        at_once=at_once,
        started=len(startups),
        startup_s=percentiles(startups),
        stalls=sum(one.stalls for one in sessions),
        stalled_viewers=sum(one.stalls > 0 for one in sessions),
        stalled_share=stalled / (played + stalled) if played + stalled else 0.0,
        bitrate_bps=sum(one.bit_seconds for one in sessions) / fetched if fetched else 0.0,
        switches_per_minute=60 * sum(one.switches for one in sessions) / played if played else 0.0,
        jumps=sum(one.jumps for one in sessions),
        requests=sum(one.requests for one in sessions),
        errors=sum(one.errors for one in sessions),
        received_bytes=sum(one.received_bytes for one in sessions),
        seconds=seconds,
        cpu_s=cpu_s,
        failures=failures,
        failovers=sum(move.why == FAILED for one in sessions for move in one.moves),
        steered=sum(move.why == STEERED for one in sessions for move in one.moves),
        steering_answers=sum(one.heard.steered for one in sessions),
        reported=sum(one.heard.reported for one in sessions),
    )


def percentiles(ordered: Sequence[float]) -> tuple[float, float, float]:
    """Return the median and the 95th and 99th of a hundred; 0 of nothing.

    Example:
        >>> percentiles(range(200)), percentiles([])
        ((100, 190, 198), (0.0, 0.0, 0.0))
    """
    return _at(ordered, 0.5), _at(ordered, 0.95), _at(ordered, 0.99)


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
