"""The drill: everyone presses play in one minute, compressed."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import msgspec

from bijou.drills.drawing import Line, Panel, timeline_svg
from bijou.drills.peak.admitting import Name
from bijou.drills.peak.person import Person
from bijou.drills.peak.tiers import TIERS, Tier, Try, over_time, tier_of
from bijou.drills.verdict import Claim, claims_text, passed
from bijou.drills.watching import cancelled
from bijou.ports import Clock

AVAILABLE = 0.999
_LOOK_S = 0.25

Told = Callable[[str, float], None]


class Plan(msgspec.Struct, frozen=True):
    """Who comes, and in how long.

    Args:
        within_s: They press play at moments drawn evenly from this time.
        signing: Share of them who have to sign in; the others did so days ago.
    """

    people: int = 500
    within_s: float = 15.0
    signing: float = 0.05


class Outcome(msgspec.Struct, frozen=True):
    """What came of it.

    Args:
        began: People whose film began.
        worst_lag_s: By how much the machine itself was late at the worst moment.
    """

    plan: Plan
    passed: bool
    claims: list[Claim]
    began: int
    seconds: float
    worst_lag_s: float
    tiers: list[Tier]
    tries: list[Try]

    def text(self) -> str:
        """Return it for people: a line a tier, and the verdict."""
        plan = self.plan
        head = f"{'tier':<10}{'tries':>7}{'available':>11}{'median':>10}{'95 %':>10}{'99 %':>10}"
        rows = [_row(tier) for tier in self.tiers]
        facts = (
            f"{self.began} of {plan.people} people saw their film begin; they pressed play in"
            f" {plan.within_s:g} s, {plan.signing:.0%} signed in; done after {self.seconds:.1f} s,"
            f" the machine itself up to {self.worst_lag_s:.2f} s late"
        )
        return "\n".join([head, *rows, facts, "", claims_text(self.claims)])

    def figures(self) -> dict[str, object]:
        """Return what programs want to know, without the tries."""
        return {
            "drill": "peak",
            "passed": self.passed,
            "people": self.plan.people,
            "within_s": self.plan.within_s,
            "began": self.began,
            "tiers": self.tiers,
            "worst_lag_s": self.worst_lag_s,
        }

    def svg(self) -> str:
        """Draw availability and waiting by tier over time."""
        shares = [Line(tier.name, over_time(tier.name, self.tries)) for tier in self.tiers if tier.tries]
        waits = [Line(tier.name, _waits(tier.name, self.tries)) for tier in self.tiers if tier.tries]
        title = f"{self.plan.people} people press play in {self.plan.within_s:g} s"
        panels = [Panel("available, %", shares, top=100.0), Panel("longest wait, s", waits)]
        return timeline_svg(title, panels, [(self.plan.within_s, "the last presses play")])


async def everyone(
    page: str, names: Sequence[Name], plan: Plan, *, clock: Clock, chance: Random, told: Told
) -> Outcome:
    """Let all press play, and judge each tier.

    Args:
        page: Address of the title's page.
        names: Accounts of those who sign in, used in turn.
    """
    begun_s = clock.monotonic_ns() / 1e9
    tries: list[Try] = []
    ended: list[bool] = []
    lags: list[float] = []

    async def one(presses_s: float, name: Name | None) -> None:
        await clock.sleep(presses_s)
        ended.append(await Person(page, name, tries, begun_s, clock=clock).press_play())

    async def look() -> None:
        while True:
            due_s = clock.monotonic_ns() / 1e9 + _LOOK_S
            await clock.sleep(_LOOK_S)
            lags.append(clock.monotonic_ns() / 1e9 - due_s)
            told("peak", len(ended) / plan.people)

    people = []
    for number in range(plan.people):
        signs_in = bool(names) and chance.random() < plan.signing
        name = names[number % len(names)] if signs_in else None
        people.append(asyncio.create_task(one(chance.uniform(0.0, plan.within_s), name)))
    looking = asyncio.create_task(look())
    try:
        await asyncio.gather(*people)
    finally:
        await cancelled(looking, *people)
    tiers = [tier_of(name, tries) for name in TIERS]
    claims = [
        Claim(
            f"{tier.name}: {tier.availability:.2%} of {tier.tries} tries (at least {AVAILABLE:.1%})",
            tier.availability >= AVAILABLE if tier.tries else None,
        )
        for tier in tiers
    ]
    seconds = clock.monotonic_ns() / 1e9 - begun_s
    return Outcome(plan, passed(claims), claims, sum(ended), seconds, max(lags, default=0.0), tiers, tries)


def _waits(name: str, tries: Sequence[Try]) -> list[tuple[float, float]]:
    longest: dict[int, float] = {}
    for one in tries:
        if one.tier == name:
            longest[int(one.at_s)] = max(longest.get(int(one.at_s), 0.0), one.took_s)
    return [(second + 0.5, wait_s) for second, wait_s in sorted(longest.items())]


def _row(tier: Tier) -> str:
    times = "".join(f"{1000 * took_s:>7.0f} ms" for took_s in tier.took_s)
    troubles = "".join(f"  {count} x {words}" for words, count in sorted(tier.troubles.items()))
    return f"{tier.name:<10}{tier.tries:>7}{tier.availability:>10.2%} {times}{troubles}"
