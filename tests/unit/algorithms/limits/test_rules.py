from functools import partial
from typing import Any

import pytest

from bijou.algorithms.limits import CounterRule, GcraRule, KeyedLimits, LogRule, Rule

RULES: list[Rule] = [LogRule(2, 100), CounterRule(2, 100, 10), GcraRule(2, 100, 2)]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_makes_the_limiter_that_it_describes(rule: Rule) -> None:
    table: KeyedLimits[str] = KeyedLimits(rule.limiter)

    assert [table.admit("ann", 0).allowed for _ in range(3)] == [True, True, False]
    assert table.admit("ann", 110).allowed
    assert rule.window_s == pytest.approx(100e-9)


def test_a_prepaid_rule_counts_each_permit_a_term_longer() -> None:
    assert LogRule(2, 100).prepaid(20) == LogRule(2, 120)
    assert CounterRule(2, 100, 10).prepaid(20) == CounterRule(2, 120, 10)
    assert GcraRule(2, 100, 9).prepaid(51) == GcraRule(2, 100, 7)


@pytest.mark.parametrize(
    "make",
    [partial(LogRule, 0, 1), partial(CounterRule, 1, 1, 0), partial(GcraRule, 1, 0, 1)],
)
def test_a_rule_that_means_nothing_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"must be (at least 1|above 0)"):
        make()


def test_a_term_that_refills_the_whole_burst_is_refused() -> None:
    with pytest.raises(ValueError, match="term 100 ns refills 2 of burst 2"):
        GcraRule(2, 100, 2).prepaid(100)
