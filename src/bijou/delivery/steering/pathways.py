"""All pathways as one process sees them, and what it thinks of each."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from bijou.delivery.steering.choosing import Candidate, Level
from bijou.delivery.steering.evidence import Baselines, Evidence, Sums
from bijou.delivery.steering.health import Finding, Health, Patience
from bijou.delivery.steering.judging import Tolerance, worse
from bijou.delivery.steering.reports import Seen
from bijou.ports import Clock

TOP_RUNG: Final = "top-rung"

_BROWN_OUT: Final = 0.85
_FULL: Final = 0.95
_ROOM_AGAIN: Final = 0.85
_ALIVE_BY_SESSIONS: Final = 3
_PEER_S: Final = 3.0
_AFTER_AUTHORITY: Final = re.compile(r"[/?#]")
_LEVELS: Final = {level.name.lower(): level for level in Level if level is not Level.UP}


class Pathway(msgspec.Struct, frozen=True):
    """One region's edge.

    Args:
        base_url: Without a slash at its end.
        capacity: Sessions that it can serve; None: as many as any other, and never full.
        cost: Of a byte, relative to the others'.
    """

    region: str
    base_url: str
    capacity: float | None = None
    cost: float = 1.0


class PathwayStatus(msgspec.Struct, frozen=True):
    """A pathway as an edge's `/healthz` shows it, to people and to other edges.

    Args:
        why: It is not well, or empty.
        probe_s: What the last probe took; None: it failed, or there was none.
        seen: What this process was told of it of late.
    """

    region: str
    level: str
    share: float
    trips: int
    why: str = ""
    probe_s: float | None = None
    seen: Sums = msgspec.field(default_factory=Sums)


class PeerHealth(msgspec.Struct, frozen=True):
    """What one edge learns from another's `/healthz`.

    Args:
        connections: That it serves.
        pathways: As it sees them.
    """

    connections: int = 0
    pathways: list[PathwayStatus] = []


class Change(msgspec.Struct, frozen=True):
    """A pathway changed its level."""

    region: str
    level: Level
    why: str


def _authority(address: str) -> str:
    """Return host and port as they stand there, whatever they are: players write what they like."""
    return _AFTER_AUTHORITY.split(address.partition("://")[2], maxsplit=1)[0]


class _Watched:
    """One pathway, and all that is known of it."""

    def __init__(self, pathway: Pathway, patience: Patience, baselines: Baselines, clock: Clock) -> None:
        self.pathway = pathway
        self.health = Health(patience, clock.monotonic_ns)
        self.evidence = Evidence(pathway.region, baselines)
        self.why = ""
        self.probe_s: float | None = None
        self.unanswered = False
        self.peer: PeerHealth | None = None
        self.peer_ns = 0
        self.sums = Sums()  # what this process was told of it, as of the last look
        self.full = False

    @property
    def connections(self) -> int:
        return self.peer.connections if self.peer else 0

    def refill(self) -> None:
        """See whether it is full; it stays so until there is room for some."""
        capacity = self.pathway.capacity
        if capacity is not None:
            self.full = self.connections >= capacity * (_ROOM_AGAIN if self.full else _FULL)


class Pathways:
    """What is known of all pathways, and what follows.

    Evidence comes from probes and from players, of this process and of the
    others: every probe brings what the probed one was told. A pathway that
    only looks worse is left only where another is well.

    `turn` counts the looks after which sessions are told something else than before.

    Threads: one event loop.

    Args:
        own: Region of this process, which needs no probe to know that it is there.
    """

    def __init__(
        self,
        pathways: Sequence[Pathway],
        clock: Clock,
        patience: Patience | None = None,
        tolerance: Tolerance | None = None,
        *,
        own: str = "",
    ) -> None:
        self.all = {pathway.region: pathway for pathway in pathways}
        self.own = own
        self.candidates: tuple[Candidate, ...] = ()
        self.brown_out = ""
        self.incident = False
        self.turn = 0
        self._clock = clock
        self._tolerance = tolerance or Tolerance()
        baselines = Baselines()
        self._watched = {
            pathway.region: _Watched(pathway, patience or Patience(), baselines, clock)
            for pathway in pathways
        }
        self._regions = {_authority(pathway.base_url): pathway.region for pathway in pathways}
        self._newcomer = True
        self._refresh()

    def is_well(self, region: str) -> bool:
        """Tell whether a pathway answers, and no worse than others."""
        return region in self._watched and self._watched[region].health.level < Level.IMPAIRED

    def answered(self, region: str, took_s: float, told: PeerHealth) -> None:
        """Note that a probe was answered, and with what."""
        watched = self._watched[region]
        watched.probe_s, watched.unanswered = took_s, False
        watched.peer, watched.peer_ns = told, self._clock.monotonic_ns()
        if self._newcomer:
            self._inherit(told)

    def unanswered(self, region: str) -> None:
        """Note that a probe was not answered in time, or badly."""
        watched = self._watched[region]
        watched.probe_s, watched.unanswered = None, True

    def loaded(self, connections: int) -> None:
        """Note how many connections our own edge serves."""
        if self.own in self._watched:
            self._watched[self.own].peer = PeerHealth(connections)

    def seen(self, session: str, event: Seen) -> None:
        """Note what a session saw; addresses that are nobody's are passed over."""
        region = self._regions.get(_authority(event.url))
        failed = event.failed
        if region is None or failed is None:
            return
        watched, now_ns = self._watched[region], self._clock.monotonic_ns()
        watched.evidence.met(session, now_ns, failed=failed)
        if failed:
            return
        learn = watched.health.level is Level.UP
        if event.first_byte_s is not None:
            watched.evidence.first_byte(session, now_ns, event.first_byte_s, learn=learn)
        if event.rate_bps is not None:
            watched.evidence.rate(session, now_ns, event.rate_bps, learn=learn)

    def measured(self, session: str, region: str, rate_bps: float) -> None:
        """Note the throughput that a session has on a pathway."""
        watched = self._watched[region]
        learn = watched.health.level is Level.UP
        watched.evidence.rate(session, self._clock.monotonic_ns(), rate_bps, learn=learn)

    def look(self) -> list[Change]:
        """Think anew of all pathways; to be called after each round of probes."""
        now_ns = self._clock.monotonic_ns()
        for watched in self._watched.values():
            watched.sums = watched.evidence.sums(now_ns)
        sums = {region: self._sums(region) for region in self._watched}
        changes = []
        for region, watched in self._watched.items():
            finding, why = self._find(region, sums)
            if watched.health.look(finding):
                watched.why = why
                if watched.health.level is Level.RETURNING:
                    watched.evidence.forget()
                    watched.sums = Sums()
                changes.append(Change(region, watched.health.level, why))
            watched.refill()
        self._refresh()
        return changes

    def status(self) -> list[PathwayStatus]:
        """Return what is thought of each, and what this process was told, as of the last look.

        Cost: O(pathways), whatever was told.
        """
        return [
            PathwayStatus(
                region,
                watched.health.level.name.lower(),
                round(watched.health.share, 3),
                watched.health.trips,
                watched.why if watched.health.level is not Level.UP else "",
                watched.probe_s,
                watched.sums,
            )
            for region, watched in self._watched.items()
        ]

    def _inherit(self, told: PeerHealth) -> None:
        """Learn from the first who answers what became of us and others: who comes back, comes slowly."""
        self._newcomer = not told.pathways
        for status in told.pathways:
            watched = self._watched.get(status.region)
            if watched and status.trips and status.level in _LEVELS:
                watched.health.inherit(_LEVELS[status.level], status.share, status.trips)
                watched.why = status.why

    def _find(self, region: str, sums: dict[str, Sums]) -> tuple[Finding, str]:
        watched = self._watched[region]
        if watched.unanswered and not self._lives(region, sums[region]):
            return Finding.DEAD, "probe"
        if watched.unanswered:
            return Finding.WELL, ""
        others = Sums()
        well = [other for other in self._watched if other != region and self._takes_more(other)]
        for other in well:
            others.take(sums[other])
        why = worse(sums[region], others, self._tolerance) if well else ""
        return (Finding.GREY, why) if why else (Finding.WELL, "")

    def _lives(self, region: str, sums: Sums) -> bool:
        """Tell whether somebody else reached what our probe did not."""
        if sums.fresh >= _ALIVE_BY_SESSIONS and sums.failures.bad <= sums.failures.good / 10:
            return True
        return any(
            status.region == region and status.probe_s is not None
            for other, watched in self._watched.items()
            if other != region and (peer := self._fresh_peer(watched))
            for status in peer.pathways
        )

    def _takes_more(self, region: str) -> bool:
        watched = self._watched[region]
        return watched.health.level is Level.UP and not watched.unanswered and not watched.full

    def _sums(self, region: str) -> Sums:
        """Return what we were told of a pathway, and what all others were."""
        sums = Sums()
        sums.take(self._watched[region].sums)
        for other, watched in self._watched.items():
            peer = self._fresh_peer(watched) if other != self.own else None
            for status in peer.pathways if peer else ():
                if status.region == region:
                    sums.take(status.seen)
        return sums

    def _fresh_peer(self, watched: _Watched) -> PeerHealth | None:
        age_s = (self._clock.monotonic_ns() - watched.peer_ns) / 1e9
        return watched.peer if watched.peer and not watched.unanswered and age_s < _PEER_S else None

    def _refresh(self) -> None:
        before = self.candidates, self.incident, self.brown_out
        self.candidates = tuple(
            Candidate(
                region,
                (watched.pathway.capacity or 1.0) / watched.pathway.cost,
                watched.health.level,
                watched.health.share,
                watched.full,
            )
            for region, watched in self._watched.items()
        )
        self.incident = any(each.health.level is not Level.UP for each in self._watched.values())
        well = [each for each in self._watched.values() if each.health.level < Level.IMPAIRED]
        capacity = sum(each.pathway.capacity or 0.0 for each in well)
        crowded = capacity > 0 and sum(each.connections for each in well) >= capacity * _BROWN_OUT
        self.brown_out = TOP_RUNG if crowded else ""
        self.turn += before != (self.candidates, self.incident, self.brown_out)
