"""What the tables of matching have in common: workloads, CPU time, targets."""

import gc
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from bijou.ads.matching import Line, Matcher, Opportunity
from bijou.ads.matching.matcher import Targeting
from bijou.ads.matching.samples import Sampler
from bijou.audience import Rule

BEST = 50
LINES_A_RULE = 20
Answer = Callable[[Opportunity, int], list[int]]


def loaded(matcher: Matcher, sampler: Sampler, count: int) -> tuple[float, float]:
    """Load line items; return us of CPU to compile a rule, and s to build it all."""
    rules = [sampler.rule() for _ in range(count // LINES_A_RULE)]
    targetings: list[Targeting] = []
    compile_s = cpu_s(lambda: targetings.extend(map(matcher.compile, rules)))
    build_s = cpu_s(lambda: matcher.load_compiled(drawn(sampler, rules, targetings, count)))
    return round(compile_s / len(rules) * 1e6, 1), build_s


def drawn(
    sampler: Sampler, rules: list[Rule], targetings: list[Targeting], count: int
) -> Iterator[tuple[Line, Targeting]]:
    """Yield line items that share rules, as those of one advertiser do."""
    chance = Random(4)
    for ordinal in range(count):
        number = chance.randrange(len(rules))
        yield sampler.line(ordinal, rules[number]), targetings[number]


def in_turn(answers: Mapping[str, Answer], opportunities: list[Opportunity]) -> dict[str, list[float]]:
    """Return milliseconds of CPU by method; everybody must answer the same."""
    taken: dict[str, list[float]] = {name: [] for name in answers}
    for answer in answers.values():
        answer(opportunities[0], BEST)
    gc.collect()
    gc.disable()
    for opportunity in opportunities:
        expected = None
        for name, answer in answers.items():
            before = time.process_time_ns()
            found = answer(opportunity, BEST)
            taken[name].append((time.process_time_ns() - before) / 1e6)
            expected = expected if expected is not None else found
            if found != expected:
                raise AssertionError(f"{name} found {found}, the first method {expected}, at {opportunity}")
    gc.enable()
    return taken


def target(
    name: str, value: float, *, at_most: float | None = None, at_least: float | None = None
) -> dict[str, Any]:
    met = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
    bound = {"at_most": at_most} if at_most is not None else {"at_least": at_least}
    return {"name": name, "value": round(float(value), 4), **bound, "met": met}


def quantile(times: list[float], percent: int) -> float:
    return round(float(np.percentile(times, percent)), 4)


def cpu_s(work: Callable[[], object]) -> float:
    before = time.process_time_ns()
    work()
    return round((time.process_time_ns() - before) / 1e9, 2)


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * resource.getpagesize() / 1e6, 1)


def step(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
