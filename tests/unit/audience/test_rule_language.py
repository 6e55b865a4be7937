import pickle
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.algorithms.trees import Node
from bijou.audience import And, In, InAudience, Not, Occasion, Or, Range, Recency, Registry, Rule, Sequence
from bijou.audience.rules.printing import print_rule
from bijou.audience.rules.reading import read_rule
from bijou.audience.rules.trees import dump_rule, from_tree, load_rule, to_tree
from bijou.audience.rules.typing import check
from bijou.audience.rules.words import BadRule
from bijou.ports import BijouError, InvalidRequest
from tests.unit.audience.oracle import REGISTRY, rules

SHIPPED = Registry.shipped()


def test_the_example_of_the_manual_reads_as_it_is_meant() -> None:
    rule = read_rule(
        'country in ("DE","AT") and watched("noir", 30d) and not in audience("kids") and age 25..34', SHIPPED
    )

    assert rule == And(
        (
            In("country", ("DE", "AT")),
            Recency("watched", "noir", 30 * 86_400),
            Not(InAudience("kids")),
            Range("age", 25, 34),
        )
    )


def test_and_binds_stronger_than_or_and_not_stronger_than_both() -> None:
    rule = read_rule("live or not live and subscriber", SHIPPED)

    live, subscriber = In("live", (True,)), In("subscriber", (True,))
    assert rule == Or((live, And((Not(live), subscriber))))


def test_a_sequence_says_what_did_not_follow() -> None:
    rule = read_rule('watched("pilot") then not watched("second") within 7d', SHIPPED)

    first, then = Occasion("watched", "pilot"), Occasion("watched", "second")
    assert rule == Sequence(first, then, 7 * 86_400, absent=True)


@given(rule=rules(audiences=("kids", 'wi"th\nodd')))
def test_what_is_printed_is_read_back(rule: Rule) -> None:
    again = read_rule(print_rule(rule), REGISTRY)

    assert again == rule


@given(rule=rules(audiences=("kids",)))
def test_json_and_trees_give_the_rule_back(rule: Rule) -> None:
    assert msgspec.json.decode(msgspec.json.encode(rule), type=Rule) == rule
    assert load_rule(dump_rule(rule)) == rule
    assert from_tree(to_tree(rule)) == rule


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "empty"),
        ('country in ("DE"', 17, "the end stands where ')' must"),
        ('country in ("DE") age 3..4', 19, "age cannot follow here"),
        ("agee 3..4", 1, "did you mean age?"),
        ('live and device in ("tvv")', 10, "did you mean tv?"),
        ('age in ("x")', 1, "'x' is no value of age"),
        ("age 34..25", 1, "runs backwards"),
        ('country ("DE")', 1, "country is a category; ask country in"),
        ("live 3..4", 1, "live is a flag"),
        ('watched("noir")', 1, "watched is an event"),
        ('watched("noir", 30)', 17, "30 stands where a duration must"),
        ('watched("noir", 30x)', 17, "'3' begins no word"),
        ('watched("a") then country("b") within 7d', 1, "country is a category"),
        ('in audience("kidz")', 1, "did you mean kids?"),
        ('health_interest in ("x")', 1, "sensitive"),
        ('"tv', 1, "never closed"),
        ("live & live", 6, "begins no word"),
        ('country in ("\\ud800")', 13, "is no string"),
        ("(" * 70 + "live" + ")" * 70, 65, "levels deep"),
        ("not " * 70 + "live", 257, "levels deep"),
    ],
)
def test_an_error_says_where_and_what_would_fit(text: str, column: int, says: str) -> None:
    with pytest.raises(BadRule, match=re.escape(says)) as refused:
        read_rule(text, SHIPPED, audiences=["kids", "adults"])

    assert refused.value.detail.startswith(f"line 1, column {column}:")
    assert refused.value.at == column - 1
    assert pickle.loads(pickle.dumps(refused.value)).at == column - 1


def test_lines_are_counted() -> None:
    with pytest.raises(BadRule, match=r"line 3, column 3: there is no dimension 'agee'"):
        read_rule("live\nand\n  agee 3..4", SHIPPED)


@settings(max_examples=300)
@given(text=st.text(alphabet='age in("DE")01.,<=andortlive ;\n"{}', max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    refusal, rule = None, None
    try:
        rule = read_rule(text, SHIPPED)
    except BadRule as refused:
        refusal = refused

    if rule is None:
        assert refusal
        assert 0 <= refusal.at <= refusal.until <= len(text)
    else:
        assert read_rule(print_rule(rule), SHIPPED) == rule


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (In("agee", (3,)), "did you mean age"),
        (In("age", (True,)), "True is no value of age"),
        (In("country", ()), "name at least one"),
        (Range("age"), "a lower bound, an upper one"),
        (Range("hours_per_week", low=float("nan")), "no number"),
        (Recency("watched", "noir", 0), "0 s is no time span"),
        (Recency("watched", "", 9), "1 to 256 characters"),
        (InAudience("kidz"), "did you mean kids"),
        (Not(In("health_interest", ("x",))), "sensitive"),
        (In("age", (1 << 40,)), "outside of age"),
    ],
)
def test_a_rule_that_came_as_json_is_held_to_the_same_types(rule: Rule, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        check(rule, SHIPPED, audiences=["kids"])


def test_a_rule_of_hostile_depth_or_width_is_refused() -> None:
    deep: Rule = In("live", (True,))
    for _ in range(100):
        deep = Not(deep)

    with pytest.raises(InvalidRequest, match="levels deep"):
        check(deep, SHIPPED)
    with pytest.raises(InvalidRequest, match="4,096 tests"):
        check(Or((In("live", (True,)),) * 5000), SHIPPED)


@pytest.mark.parametrize("word", ["nor", "in", 7, None])
def test_a_tree_that_is_no_rule_is_refused(word: str | int | None) -> None:
    with pytest.raises(BijouError, match="is no rule"):
        from_tree(Node(word))
