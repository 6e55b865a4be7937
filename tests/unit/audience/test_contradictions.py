import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.audience import Registry, Rule
from bijou.audience.rules.contradictions import disjunctive, warnings_of
from bijou.audience.rules.reading import read_rule
from tests.unit.audience.oracle import REGISTRY, matches, rules, viewers

SHIPPED = Registry.shipped()
NOW_S = 1_700_000_000


def kinds(text: str) -> list[str]:
    return [warned.kind for warned in warnings_of(read_rule(text, SHIPPED), SHIPPED)]


@pytest.mark.parametrize(
    "text",
    [
        'country in ("DE") and country in ("AT")',
        'country in ("DE") and country not in ("DE", "AT")',
        "age 20..30 and age 31..40",
        "age > 30 and age < 31",
        "age 200..300",
        "age in (3, 4) and age > 4",
        "age in (3) and not age 1..9",
        "live and not live",
        'in audience("a") and (live and not in audience("a"))',
        'watched("noir", 7d) and not watched("noir", 30d)',
        'device in ("tv") and device not in ("tv")',
        "false",
        "age > 5 and age < 3 or live and false",
    ],
)
def test_what_can_never_match_is_warned_of(text: str) -> None:
    assert kinds(text) == ["never"]


@pytest.mark.parametrize(
    "text",
    [
        'country in ("DE") and country in ("AT", "DE")',
        'likes in ("noir") and likes in ("kids")',
        "age 20..30 and age 30..40",
        "hours_per_week > 30 and hours_per_week < 31",
        'watched("noir", 30d) and not watched("noir", 7d)',
        'not country in ("DE") and not country in ("AT")',
        "not age 0..60 and not age 50..130",
    ],
)
def test_what_can_match_is_not_called_dead(text: str) -> None:
    assert kinds(text) == []


def test_a_dead_alternative_and_a_rule_for_everybody_are_told() -> None:
    assert kinds("live or age 20..30 and age 31..40") == ["dead"]
    assert kinds("live or not live") == ["always"]
    assert kinds("not (live and not live)") == ["always"]


def test_the_message_names_the_pair() -> None:
    (warned,) = warnings_of(read_rule('age 3..9 and country in ("DE") and age > 9', SHIPPED), SHIPPED)

    assert warned.says == "this can never match: age 3..9 and age > 9 exclude each other"


@settings(max_examples=400)
@given(rule=rules(), viewer=viewers(NOW_S), data=st.data())
def test_nobody_ever_matches_what_is_called_dead(
    rule: Rule, viewer: dict[str, object], data: st.DataObject
) -> None:
    found = {warned.kind for warned in warnings_of(rule, REGISTRY)}

    if "never" in found:
        assert not matches(rule, viewer, NOW_S)
    if "always" in found:
        assert matches(rule, viewer, NOW_S)


@settings(max_examples=300)
@given(rule=rules(), viewer=viewers(NOW_S))
def test_the_disjunctive_form_matches_the_same_viewers(rule: Rule, viewer: dict[str, object]) -> None:
    form = disjunctive(rule)

    assert form is not None
    assert matches(rule, viewer, NOW_S) == any(
        all(matches(literal.rule(), viewer, NOW_S) for literal in conjunction) for conjunction in form
    )
