"""The slowest obvious evaluation of a rule: one viewer, plain Python."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from bijou.audience import (
    And,
    Const,
    Dimension,
    In,
    InAudience,
    Kind,
    Not,
    Occasion,
    Or,
    Range,
    Recency,
    Registry,
    Rule,
    Sequence,
)

REGISTRY = Registry(
    (
        Dimension("country", Kind.CATEGORY),
        Dimension("device", Kind.CATEGORY, values=("tv", "phone")),
        Dimension("likes", Kind.SET),
        Dimension("age", Kind.INTEGER, low=0, high=130),
        Dimension("hours", Kind.NUMBER),
        Dimension("subscriber", Kind.FLAG),
        Dimension("watched", Kind.EVENT),
        Dimension("consent", Kind.SET),
    )
)
COUNTRIES, DEVICES, LIKES = ("DE", "AT", "CH"), ("tv", "phone"), ("noir", "kids", "sport")


def matches(  # noqa: PLR0911 - one answer a node
    rule: Rule, viewer: Mapping[str, Any], now_s: int, audiences: frozenset[str] = frozenset()
) -> bool:
    """Tell whether a viewer matches; a missing key is an unknown value."""
    match rule:
        case Const(value):
            return value
        case Not(of):
            return not matches(of, viewer, now_s, audiences)
        case And(parts):
            return all(matches(part, viewer, now_s, audiences) for part in parts)
        case Or(parts):
            return any(matches(part, viewer, now_s, audiences) for part in parts)
        case InAudience(name):
            return name in audiences
        case In(dimension, values):
            held = viewer.get(dimension)
            held = held if isinstance(held, frozenset) else {held}
            return bool(held & set(values)) if held != {None} else False
        case Range():
            return _in_range(rule, viewer.get(rule.dimension))
        case Recency(event, value, within_s):
            return any(now_s - within_s <= at <= now_s for at in _moments(viewer, event, value))
        case Sequence(first, then, within_s, absent):
            return _in_order(viewer, first, then, within_s, absent=absent, now_s=now_s)


def _in_range(rule: Range, value: float | None) -> bool:
    if value is None:
        return False
    above = rule.low is None or (value > rule.low if rule.low_open else value >= rule.low)
    below = rule.high is None or (value < rule.high if rule.high_open else value <= rule.high)
    return above and below


def _moments(viewer: Mapping[str, Any], event: str, value: str) -> list[int]:
    return sorted(viewer.get(f"{event}:{value}", ()))


def _in_order(
    viewer: Mapping[str, Any], first: Occasion, then: Occasion, within_s: int, *, absent: bool, now_s: int
) -> bool:
    for at in _moments(viewer, first.event, first.value):
        if at > now_s:
            continue
        follows = any(
            at < later <= min(at + within_s, now_s) for later in _moments(viewer, then.event, then.value)
        )
        if absent and not follows and at + within_s <= now_s:
            return True
        if not absent and follows:
            return True
    return False


def rules(audiences: tuple[str, ...] = (), *, sequences: bool = True) -> st.SearchStrategy[Rule]:
    """Rules of everything the language has."""
    strings = {"country": COUNTRIES, "device": DEVICES, "likes": LIKES}
    occasions = st.builds(Occasion, st.just("watched"), st.sampled_from(LIKES))
    times = st.sampled_from((60, 3600, 86_400, 7 * 86_400))
    ages = st.integers(0, 60)
    kinds: list[st.SearchStrategy[Rule]] = [
        st.builds(Const, st.booleans()),
        *(
            st.builds(In, st.just(name), st.lists(st.sampled_from(values), min_size=1, max_size=3).map(tuple))
            for name, values in strings.items()
        ),
        st.builds(In, st.just("age"), st.lists(ages, min_size=1, max_size=3).map(tuple)),
        st.builds(In, st.just("subscriber"), st.sampled_from(((True,), (False,)))),
        st.tuples(ages, ages).map(lambda pair: Range("age", min(pair), max(pair))),
        st.builds(Range, st.just("age"), low=ages, low_open=st.booleans()),
        st.builds(
            Range,
            st.sampled_from(("hours", "age")),
            high=st.integers(0, 200).map(lambda n: n / 4),
            high_open=st.booleans(),
        ),
        st.builds(Recency, st.just("watched"), st.sampled_from(LIKES), times),
    ]
    if sequences:
        kinds.append(st.builds(Sequence, occasions, occasions, times, st.booleans()))
    if audiences:
        kinds.append(st.builds(InAudience, st.sampled_from(audiences)))

    def joined(inner: st.SearchStrategy[Rule]) -> st.SearchStrategy[tuple[Rule, ...]]:
        return st.lists(inner, min_size=2, max_size=3).map(tuple)

    return st.recursive(
        st.one_of(kinds),
        lambda inner: st.one_of(
            st.builds(Not, inner), st.builds(And, joined(inner)), st.builds(Or, joined(inner))
        ),
        max_leaves=8,
    )


def viewers(now_s: int) -> st.SearchStrategy[dict[str, Any]]:
    """Viewers of whom much, little or nothing is known."""
    moments = st.lists(st.integers(now_s - 9 * 86_400, now_s), max_size=3).map(tuple)
    return st.fixed_dictionaries(
        {},
        optional={
            "country": st.sampled_from(COUNTRIES),
            "device": st.sampled_from(DEVICES),
            "likes": st.frozensets(st.sampled_from(LIKES)),
            "age": st.integers(0, 60),
            "hours": st.integers(0, 200).map(lambda n: n / 4),
            "subscriber": st.booleans(),
            **{f"watched:{value}": moments for value in LIKES},
        },
    )
