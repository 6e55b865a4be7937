"""The drill: everyone presses play in one minute, compressed."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import msgspec

from bijou.drills.drawing import Line, Panel, timeline_svg
from bijou.drills.peak.admitting import Name
from bijou.drills.peak.person import Person
from bijou.drills.peak.tiers import SIGN_IN, TIERS, Entry, Tier, Try, over_time, tier_of
from bijou.drills.swarm import percentiles
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
        patience_s: For how long they go on trying to sign in, when the service says.
    """

    people: int = 500
    within_s: float = 15.0
    signing: float = 0.05
    patience_s: float = 60.0


class Outcome(msgspec.Struct, frozen=True):
    """What came of it.

    Args:
        began: People whose film began.
        worst_lag_s: By how much the machine itself was late at the worst moment.
        entries: What became of each who had to sign in.
    """

    plan: Plan
    passed: bool
    claims: list[Claim]
    began: int
    seconds: float
    worst_lag_s: float
    tiers: list[Tier]
    tries: list[Try]
    entries: list[Entry] = []

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
        return "\n".join([head, *rows, facts, *_entries_text(self.entries), "", claims_text(self.claims)])

    def figures(self) -> dict[str, object]:
        """Return what programs want to know, without the tries."""
        return {
            "drill": "peak",
            "passed": self.passed,
            "people": self.plan.people,
            "within_s": self.plan.within_s,
            "began": self.began,
            "tiers": self.tiers,
            "signed_in": sum(entry.let_in for entry in self.entries),
            "had_to_sign_in": len(self.entries),
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
    entries: list[Entry] = []
    ended: list[bool] = []
    lags: list[float] = []

    async def one(presses_s: float, name: Name | None) -> None:
        await clock.sleep(presses_s)
        person = Person(page, name, tries, begun_s, clock=clock, patience_s=plan.patience_s, entries=entries)
        ended.append(await person.press_play())

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
    claims = [_entering(entries), *(_claim(tier) for tier in tiers if tier.name != SIGN_IN)]
    seconds = clock.monotonic_ns() / 1e9 - begun_s
    return Outcome(
        plan, passed(claims), claims, sum(ended), seconds, max(lags, default=0.0), tiers, tries, entries
    )


def _claim(tier: Tier) -> Claim:
    words = f"{tier.name}: {tier.availability:.2%} of {tier.tries} tries (at least {AVAILABLE:.1%})"
    return Claim(words, tier.availability >= AVAILABLE if tier.tries else None)


def _entering(entries: Sequence[Entry]) -> Claim:
    """Judge sign-in by people and not by tries: who is told when to come back, and comes, is let in."""
    share = sum(entry.let_in for entry in entries) / len(entries) if entries else 1.0
    words = f"{SIGN_IN}: {share:.2%} of {len(entries)} people came in (at least {AVAILABLE:.1%})"
    return Claim(words, share >= AVAILABLE if entries else None)


def _entries_text(entries: Sequence[Entry]) -> list[str]:
    let_in = sorted(entry.took_s for entry in entries if entry.let_in)
    if not entries:
        return []
    median_s, most_s, _ = percentiles(let_in)
    tries = sum(entry.tries for entry in entries) / len(entries)
    words = (
        f"{len(let_in)} of {len(entries)} who had to sign in came in, after {median_s:.1f} s at the median,"
        f" {most_s:.1f} s at 95 % and {max(let_in, default=0.0):.1f} s at most, with {tries:.1f} tries each"
    )
    return [words]


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
