import math
from collections.abc import Mapping

import pytest
from hypothesis import given, settings

from bijou.ads.matching import MAX_CONJUNCTIONS, Opportunity, normalise
from bijou.ads.matching.normal_form import Conjunction, Term
from bijou.ads.matching.vocabulary import Vocabulary, clauses
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
from bijou.ports import InvalidRequest
from tests.unit.ads.matching import drawing, oracle

REGISTRY = drawing.REGISTRY


def forms(rule: Rule) -> tuple[Conjunction, ...]:
    return normalise(rule, REGISTRY).conjunctions


def listed(*values: str) -> Term:
    return Term(some=(frozenset(values),))


def test_a_negation_moves_down_to_the_tests() -> None:
    rule = Not(And((In("country", ("DE",)), Not(In("genre", ("noir",))))))

    assert forms(rule) == ({"country": Term(none=frozenset({"DE"}))}, {"genre": listed("noir")})


def test_a_category_has_one_value_so_lists_are_intersected() -> None:
    rule = And(
        (In("country", ("DE", "AT", "CH")), In("country", ("AT", "CH", "FR")), Not(In("country", ("CH",))))
    )

    assert forms(rule) == ({"country": listed("AT")},)


def test_a_set_has_several_values_so_lists_stand_side_by_side() -> None:
    rule = And((In("genre", ("noir", "war")), In("genre", ("war",)), In("genre", ("kids",))))

    assert forms(rule) == ({"genre": Term(some=(frozenset({"kids"}), frozenset({"war"})))},)


def test_alternatives_of_one_dimension_are_one_list() -> None:
    rule = Or((InAudience("a"), InAudience("b"), Or((InAudience("c"), InAudience("a")))))

    assert forms(rule) == ({"audience": listed("a", "b", "c")},)


def test_outside_of_a_range_is_one_test_and_no_alternative() -> None:
    assert forms(Not(Range("age", low=18, high=25, high_open=True))) == (
        {"age": Term(spans=((-math.inf, 18.0), (25.0, math.inf)))},
    )


@pytest.mark.parametrize(
    "rule",
    [
        And((In("country", ("DE",)), In("country", ("AT",)))),
        And((InAudience("a"), Not(InAudience("a")))),
        And((Range("age", high=17), Range("age", low=18))),
        And((In("live", (True,)), Not(In("live", (True,))))),
        Const(False),
        In("country", ()),
    ],
)
def test_a_contradiction_is_warned_of_and_matches_nobody(rule: Rule) -> None:
    form = normalise(rule, REGISTRY)

    assert (form.conjunctions, form.warnings) == (
        (),
        ("the targeting contradicts itself: it can never match",),
    )


@pytest.mark.parametrize(
    ("rule", "code", "says"),
    [
        (
            And((In("device", ("tv",)), Not(In("contry", ("DE",))))),
            "audience.no_dimension",
            "$.of[1].of: there is no dimension 'contry'; did you mean country?",
        ),
        (In("country", (7,)), "ads.targeting_test", "$: 7 in a test of country, which is a category"),
        (In("age", (True,)), "ads.targeting_test", "$: True in a test of age, which is a integer"),
        (
            Range("country", low=1),
            "ads.targeting_test",
            "$: country is a category; this test is of a integer or a number",
        ),
        (Recency("age", "x", 3), "ads.targeting_test", "$: age is a integer; this test is of a event"),
        (
            Or((In("health_interest", ("flu",)),)),
            "ads.targeting_test",
            "$.of[0]: health_interest is sensitive; no targeting may ask it",
        ),
        (
            Sequence(Occasion("watched", "a"), Occasion("watched", "b"), 60),
            "ads.targeting_test",
            "$: a sequence; an audience is built of it, and that can be targeted",
        ),
        (
            Range("age", low=math.nan),
            "ads.targeting_test",
            "$: a bound of nan; a bound is a number of at most 2^53",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(rule: Rule, code: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        normalise(rule, REGISTRY)

    assert (refused.value.code, refused.value.detail) == (code, says)


def test_a_product_of_alternatives_is_bounded_and_says_where() -> None:
    pair = Or((In("country", ("DE",)), In("device", ("tv",))))
    wide = [Or((In(f"key_{n}", ("x",)), In(f"other_{n}", ("y",)))) for n in range(7)]
    registry = Registry.shipped(
        [Dimension(f"{name}_{n}", Kind.CATEGORY) for n in range(7) for name in ("key", "other")]
    )

    with pytest.raises(InvalidRequest) as refused:
        normalise(Or((pair, And(tuple(wide)))), registry)

    assert refused.value.code == "ads.targeting_too_large"
    assert refused.value.detail.startswith(
        f"$.of[1]: the targeting has more than {MAX_CONJUNCTIONS} alternatives"
    )


def test_a_rule_of_a_thousand_levels_is_refused_and_not_followed() -> None:
    rule: Rule = InAudience("a")
    for _ in range(1000):
        rule = Not(rule)

    with pytest.raises(InvalidRequest, match="the targeting has 65 levels here; at most 64"):
        normalise(rule, REGISTRY)


def test_too_many_values_are_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"\$: the targeting has 20,001 values here; at most 20,000"):
        normalise(In("title", tuple(f"t{n}" for n in range(20_001))), REGISTRY)


def truth_of(term: Term, fact: object) -> bool:
    """A term, read by its words."""
    if fact is None:
        return False
    if term.spans is not None:
        return isinstance(fact, int | float) and any(low <= fact < high for low, high in term.spans)
    values = set(fact) if isinstance(fact, list | tuple) else {fact}
    return all(values & some for some in term.some) and not values & term.none


def facts_of(opportunity: Opportunity) -> Mapping[str, object]:
    names = ("country", "device", "key_team", "genre", "interest", "age", "duration_s", "hour", "weekday")
    facts = {name: oracle.fact_of(name, opportunity, REGISTRY) for name in names}
    live = oracle.fact_of("live", opportunity, REGISTRY)
    facts["live"] = None if live is None else str(live).lower()
    facts["audience"] = None if opportunity.audiences is None else list(opportunity.audiences)
    for word in "abcd":
        last = (opportunity.occasions or {}).get("watched", {}).get(word)
        ago_s = math.inf if last is None else (opportunity.at - last) / 1e6
        never_or_ago = 1e300 if last is None else ago_s
        facts[f"watched:{word}"] = None if opportunity.occasions is None or ago_s < 0 else never_or_ago
    return facts


@settings(max_examples=150, deadline=None)
@given(rule=drawing.rules, opportunity=drawing.opportunities)
def test_the_normal_form_holds_where_the_rule_is_true(rule: Rule, opportunity: Opportunity) -> None:
    try:
        conjunctions = forms(rule)
    except InvalidRequest as error:
        assert error.code == "ads.targeting_too_large"  # noqa: PT017 - that is the one way out
        return
    facts = facts_of(opportunity)
    holds = any(all(truth_of(term, facts[name]) for name, term in each.items()) for each in conjunctions)

    assert holds == (oracle.truth(rule, opportunity, REGISTRY) is True)


def test_programs_read_back_what_was_written() -> None:
    vocabulary = Vocabulary(REGISTRY)
    vocabulary.program(forms(In("title", tuple(f"t{n}" for n in range(20_000)))))
    for first in range(0, 60_000, 20_000):
        vocabulary.program(forms(In("title", tuple(f"u{n}" for n in range(first, first + 20_000)))))
    rule = And((In("title", ("u0", "u59999")), Not(In("genre", tuple("abcdefghijklmnopqrst")))))

    ((genre, title),) = clauses(vocabulary.program(forms(rule)))

    assert (vocabulary.names[title.dimension], title.kind, len(title.values)) == ("title", 0, 2)
    assert max(title.values) > 65_535
    assert (vocabulary.names[genre.dimension], genre.kind, len(genre.values)) == ("genre", 1, 20)


def test_more_dimensions_than_a_head_holds_are_written_in_a_word_of_their_own() -> None:
    names = [f"key_{number}" for number in range(600)]
    vocabulary = Vocabulary(Registry([Dimension(name, Kind.CATEGORY) for name in names]))
    form = normalise(And((In("key_599", ("x",)), In("key_1", ("y",)))), vocabulary.registry)

    ((low, high),) = clauses(vocabulary.program(form.conjunctions))

    assert [vocabulary.names[each.dimension] for each in (low, high)] == ["key_1", "key_599"]
