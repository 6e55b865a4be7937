"""Viewers of two regions in virtual time: what they meet, what they tell, and where they go."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from bijou.delivery.steering import Level, Pathway, Pathways, Patience, order
from bijou.delivery.steering.pathways import Change
from bijou.delivery.steering.reports import Seen
from bijou.ports import VirtualClock

REGIONS = ("east", "west")


@dataclass
class Fault:
    """What is wrong with a region in a second."""

    slower: float = 1.0
    errors: float = 0.0
    thinner: float = 1.0
    probe_fails: bool = False
    dead: bool = False


Faults = Callable[[str, int], Fault]
WELL = Fault()


def none(_region: str, _second: int) -> Fault:
    return WELL


@dataclass
class Crowd:
    """Sessions that ask every ten seconds, or two in an incident, and fetch every other second.

    Every viewer has a link and a distance of its own; both vary from moment to
    moment, and one in a thousand requests fails for a reason of its own.
    """

    sessions: int
    chance: Random
    homes: Sequence[str] = REGIONS
    errors: float = 0.001
    noise: float = 0.5
    at: dict[str, str] = field(default_factory=dict)
    changes: list[tuple[int, Change]] = field(default_factory=list)
    moves: int = 0

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.pathways = Pathways([Pathway(r, f"http://{r}:1") for r in REGIONS], self.clock, Patience())
        self.home = {f"ses_{n}": self.homes[n % len(self.homes)] for n in range(self.sessions)}
        self.link = {s: self.chance.lognormvariate(math.log(8e6), 0.9) for s in self.home}
        self.far = {s: self.chance.lognormvariate(math.log(0.03), 0.6) for s in self.home}
        self.at = dict(self.home)
        self.asks = {s: self.chance.randrange(10) for s in self.home}

    def run(self, seconds: int, faults: Faults = none, start: int = 0) -> None:
        for second in range(start, start + seconds):
            for session, region in self.at.items():
                if self.chance.random() < 0.5:
                    self.fetch(session, region, faults(region, second))
            for region in REGIONS:
                fault = faults(region, second)
                if fault.dead or fault.probe_fails or self.chance.random() < fault.errors:
                    self.pathways.unanswered(region)
                else:
                    watched = self.pathways._watched[region]
                    watched.unanswered = False
            self.clock.advance(1)
            self.changes += [(second + 1, change) for change in self.pathways.look()]
            self.steer(second)

    def fetch(self, session: str, region: str, fault: Fault) -> None:
        """A response, as the player tells of it."""
        if fault.dead or self.chance.random() < self.errors + fault.errors:
            self.pathways.seen(session, Seen("e", session, f"http://{region}:1/s.m4s", 0))
            return
        wobble = self.chance.lognormvariate(0, self.noise)
        self.pathways.seen(
            session,
            Seen(
                "rr",
                session,
                f"http://{region}:1/s.m4s",
                200,
                self.far[session] * wobble * fault.slower,
                self.link[session] * self.chance.lognormvariate(0, self.noise) * fault.thinner,
            ),
        )

    def steer(self, second: int) -> None:
        ttl = 2 if self.pathways.incident else 10
        for session, home in self.home.items():
            if (second + self.asks[session]) % ttl == 0:
                first = order(session, self.pathways.candidates, home=home, locality=1000)[0]
                self.moves += first != self.at[session]
                self.at[session] = first

    def left(self, region: str) -> list[tuple[int, str]]:
        """Moments at which a region was left, and why."""
        found, was = [], Level.UP
        for second, change in self.changes:
            if change.region == region:
                if was < Level.IMPAIRED <= change.level:
                    found.append((second, change.why))
                was = change.level
        return found
