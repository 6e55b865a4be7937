"""How pathways are left and come back: a machine that tries whatever probes and players may say."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bijou.delivery.steering import Candidate, Finding, Health, Level, Pathway, Pathways, Patience, order
from bijou.delivery.steering.pathways import PathwayStatus, PeerHealth
from bijou.delivery.steering.reports import Seen
from bijou.ports import VirtualClock

HOLD_S, RAMP_S = 8.0, 20.0
PATIENCE = Patience(hold_s=HOLD_S, longest_hold_s=60.0, ramp_s=RAMP_S)
ALL = ("east", "north", "west")
SESSIONS = [f"ses_{n}" for n in range(25)]


class Regions(RuleBasedStateMachine):
    """Three regions; probes fail or not, players tell whatever they like, time passes."""

    @initialize(count=st.integers(1, 3), own=st.sampled_from(["", "east"]))
    def begin(self, count: int, own: str) -> None:
        self.regions = ALL[:count]
        self.clock = VirtualClock()
        self.pathways = Pathways(
            [Pathway(region, f"http://{region}:1", capacity=50) for region in self.regions],
            self.clock,
            PATIENCE,
            own=own,
        )
        self.levels = dict.fromkeys(self.regions, Level.UP)
        self.left_ns: dict[str, int] = {}
        self.back: dict[str, set[str]] = {}
        self.quiet(1)

    @rule(dead=st.sets(st.sampled_from(ALL)), connections=st.integers(0, 60))
    def probe(self, dead: set[str], connections: int) -> None:
        for region in self.regions:
            if region in dead:
                self.pathways.unanswered(region)
            else:
                self.pathways.answered(region, 0.01, PeerHealth(connections))
        self.look()

    @rule(
        region=st.sampled_from(ALL),
        slower=st.sampled_from([1.0, 10.0]),
        failed=st.integers(0, 25),
        seconds=st.integers(1, 8),
    )
    def players_tell(self, region: str, slower: float, failed: int, seconds: int) -> None:
        for _ in range(seconds):
            for place in self.regions:
                for n, session in enumerate(SESSIONS):
                    bad = place == region and n < failed
                    took_s = 0.02 * (slower if place == region else 1.0)
                    event = Seen(
                        "e" if bad else "rr", session, f"http://{place}:1/a", 0 if bad else 200, took_s
                    )
                    self.pathways.seen(session, event)
            self.look()

    @rule(seconds=st.sampled_from([1, 8, 20]))
    def quiet(self, seconds: int) -> None:
        for region in self.regions:
            self.pathways.answered(region, 0.01, PeerHealth())
        for _ in range(seconds):
            self.look()

    @rule(region=st.sampled_from(ALL), probe_s=st.sampled_from([0.01, None]))
    def another_tells(self, region: str, probe_s: float | None) -> None:
        status = PathwayStatus(region, "up", 1.0, 0, probe_s=probe_s)
        self.pathways.answered(self.regions[-1], 0.01, PeerHealth(1, [status]))
        self.look()

    def look(self) -> None:
        others_up = {
            region: any(self.levels[other] is Level.UP for other in self.regions if other != region)
            for region in self.regions
        }
        self.clock.advance(1)
        self.pathways.look()
        for candidate in self.pathways.candidates:
            self.check(candidate, another_was_up=others_up[candidate.region])

    def check(self, candidate: Candidate, *, another_was_up: bool) -> None:
        region, before, now_ns = candidate.region, self.levels[candidate.region], self.clock.monotonic_ns()
        self.levels[region] = candidate.level
        if before < Level.IMPAIRED <= candidate.level:
            if region in self.left_ns:
                assert now_ns - self.left_ns[region] >= HOLD_S * 1e9, "left again within the hold"
            self.left_ns[region] = now_ns
        if before < Level.IMPAIRED and candidate.level is Level.IMPAIRED:
            assert another_was_up, "left for being worse, with nowhere better to go"
        if before >= Level.IMPAIRED > candidate.level:
            assert candidate.level is Level.RETURNING
            assert now_ns - self.left_ns[region] >= HOLD_S * 1e9
        admitted = {s for s in SESSIONS if order(s, [candidate, Candidate("")], home=region, locality=1e9)[0]}
        if candidate.level is Level.RETURNING and not candidate.full:
            if before is Level.RETURNING:
                assert self.back[region] <= admitted, "a session that came back was sent away"
            self.back[region] = admitted
        else:
            self.back[region] = set()

    @invariant()
    def nobody_is_left_without_a_region(self) -> None:
        if not hasattr(self, "pathways"):
            return
        for session in SESSIONS[:5]:
            told = order(session, self.pathways.candidates, home="east", locality=1000)
            assert sorted(told) == sorted(self.regions)
            if any(level < Level.IMPAIRED for level in self.levels.values()):
                assert self.levels[told[0]] < Level.IMPAIRED


Regions.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestRegions = Regions.TestCase


def looked(health: Health, clock: VirtualClock, *findings: Finding) -> list[Level]:
    levels = []
    for finding in findings:
        clock.advance(1)
        health.look(finding)
        levels.append(health.level)
    return levels


def test_one_lost_probe_is_nothing_and_two_are_a_death() -> None:
    clock = VirtualClock()
    health = Health(Patience(), clock.monotonic_ns)

    assert looked(health, clock, Finding.WELL, Finding.DEAD, Finding.WELL, Finding.DEAD)[-1] is Level.UP
    assert looked(health, clock, Finding.DEAD)[-1] is Level.DOWN


def test_a_region_that_starts_a_little_later_is_up_as_soon_as_it_answers() -> None:
    clock = VirtualClock()
    health = Health(Patience(), clock.monotonic_ns)

    assert looked(health, clock, Finding.DEAD, Finding.DEAD, Finding.WELL) == [
        Level.DOWN,
        Level.DOWN,
        Level.UP,
    ]
    assert (health.trips, health.share) == (0, 1.0)


def test_a_region_that_is_first_met_while_it_is_worse_than_others_is_no_dead_one() -> None:
    clock = VirtualClock()
    health = Health(Patience(), clock.monotonic_ns)

    assert looked(health, clock, Finding.GREY, Finding.GREY) == [Level.UP] * 2
    assert looked(health, clock, Finding.GREY) == [Level.IMPAIRED]
    assert looked(health, clock, Finding.WELL) == [Level.IMPAIRED]
    assert health.trips == 1


def test_the_hold_doubles_with_each_relapse_and_is_forgiven_when_it_was_up_for_as_long() -> None:
    clock = VirtualClock()
    health = Health(Patience(hold_s=10, longest_hold_s=35, ramp_s=10), clock.monotonic_ns)
    holds = []
    looked(health, clock, Finding.WELL)
    for _ in range(4):
        looked(health, clock, Finding.DEAD, Finding.DEAD)
        holds.append(health.hold_s)
        while health.level is Level.DOWN:
            looked(health, clock, Finding.WELL)

    assert holds == [10, 20, 35, 35]
    looked(health, clock, *[Finding.WELL] * 60)
    assert (health.level, health.trips) == (Level.UP, 0)


def test_the_share_grows_from_a_few_to_all_within_the_ramp() -> None:
    clock = VirtualClock()
    health = Health(Patience(hold_s=5, ramp_s=10, first_share=0.1), clock.monotonic_ns)
    looked(health, clock, Finding.WELL, Finding.DEAD, Finding.DEAD)
    while health.level is Level.DOWN:
        looked(health, clock, Finding.WELL)
    shares = [health.share]
    while health.level is Level.RETURNING:
        looked(health, clock, Finding.WELL)
        shares.append(health.share)

    assert shares[0] == 0.1
    assert shares == sorted(shares)
    assert (len(shares), shares[-1]) == (11, 1.0)
