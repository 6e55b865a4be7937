"""Small rules and opportunities for hypothesis: few values, so that they meet often."""

from hypothesis import strategies as st

from bijou.ads.matching import Line, Opportunity, Standing
from bijou.audience import (
    And,
    Const,
    Dimension,
    In,
    InAudience,
    Kind,
    Not,
    Or,
    Range,
    Recency,
    Registry,
    Rule,
)
from bijou.ports import Instant

MONDAY = Instant.parse("2026-03-02T00:00:00Z")
HOUR_US = 3_600_000_000
REGISTRY = Registry.shipped([Dimension("key_team", Kind.CATEGORY)])

words = st.sampled_from(["a", "b", "c", "d"])
numbers = st.one_of(st.integers(0, 6), st.sampled_from([0.5, 2.5, 5.5]))
lists = st.lists(words, min_size=1, max_size=3, unique=True).map(tuple)

tests = st.one_of(
    st.builds(In, st.sampled_from(["country", "device", "key_team", "genre", "interest"]), lists),
    st.builds(In, st.just("weekday"), st.lists(st.sampled_from(["mon", "tue"]), max_size=2).map(tuple)),
    st.builds(In, st.just("live"), st.booleans().map(lambda value: (value,))),
    st.builds(In, st.just("age"), st.lists(st.integers(0, 6), max_size=3).map(tuple)),
    st.builds(
        Range,
        st.sampled_from(["age", "duration_s", "hour"]),
        low=st.none() | numbers,
        high=st.none() | numbers,
        low_open=st.booleans(),
        high_open=st.booleans(),
    ),
    st.builds(Recency, st.just("watched"), words, st.integers(0, 5)),
    st.builds(InAudience, words),
    st.builds(Const, st.booleans()),
)
rules: st.SearchStrategy[Rule] = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=7,
)


def seconds_from_noon(seconds: int) -> Instant:
    return Instant(MONDAY + 12 * HOUR_US + seconds * 1_000_000)


instants = st.integers(0, 48).map(lambda hour: Instant(MONDAY + hour * HOUR_US))
facts = st.fixed_dictionaries(
    {},
    optional={
        "country": words | st.sampled_from(["other", 7, True]),
        "device": words,
        "key_team": words,
        "genre": st.lists(words | st.just("other"), max_size=3) | words,
        "interest": lists,
        "live": st.booleans() | words,
        "age": numbers | st.sampled_from([True, "3", float("nan"), float("inf")]),
        "duration_s": numbers,
    },
)
opportunities = st.builds(
    Opportunity,
    at=instants,
    facts=facts,
    audiences=st.none() | st.lists(words, max_size=3, unique=True),
    occasions=st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "watched": st.dictionaries(
                words,
                st.integers(-6, 6).map(lambda s: Instant(MONDAY + 12 * HOUR_US + s * 1_000_000)),
                max_size=2,
            )
        },
    ),
    utc_offset_s=st.sampled_from([0, 3600, -7200]),
)


def lines_of(*ordinals: int) -> st.SearchStrategy[Line]:
    return st.builds(
        Line,
        ordinal=st.sampled_from(ordinals),
        rank=st.integers(-2, 3),
        rule=rules,
        starts_at=instants,
        ends_at=instants,
        standing=st.sampled_from([Standing.ACTIVE, Standing.ACTIVE, Standing.PAUSED]),
    )
