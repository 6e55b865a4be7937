import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.abr import memory, own, own_policy
from bijou.abr.expression import INPUTS, plan

LEAVES = st.one_of(st.floats(-9, 9).map(lambda x: round(x, 3)), st.sampled_from([*INPUTS, "fear"]))


def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    folds = st.tuples(st.sampled_from(["+", "-", "*", "/", "min", "max"]), inner, inner, inner).map(list)
    return folds | st.tuples(st.just("if"), inner, inner, inner).map(list)


def slowly(expression: Any, scope: dict[str, float]) -> float:
    if isinstance(expression, str):
        return scope[expression]
    if isinstance(expression, int | float):
        return float(expression)
    kind, *operands = expression
    values = [slowly(operand, scope) for operand in operands]
    if kind == "if":
        return values[1] if values[0] > 0 else values[2]
    total = values[0]
    for value in values[1:]:
        if kind == "/":
            total = total / value if value else 0.0
        else:
            total = {"+": total + value, "-": total - value, "*": total * value}.get(
                kind, min(total, value) if kind == "min" else max(total, value)
            )
    return total


def with_value(value: Any, **more: Any) -> dict[str, Any]:
    return {**own_policy(), "parameters": {"fear": 2.5}, "let": {}, **more, "value": value}


@given(st.recursive(LEAVES, deeper, max_leaves=20), st.lists(st.floats(-50, 50), min_size=14, max_size=14))
def test_instructions_give_what_the_expression_says(expression: Any, inputs: list[float]) -> None:
    ready = plan(with_value(expression))
    ready.registers[: len(INPUTS)] = inputs

    own.run(ready.once, ready.registers)
    own.run(ready.each, ready.registers)

    expected = slowly(expression, {**dict(zip(INPUTS, inputs, strict=True)), "fear": 2.5})
    assert ready.registers[ready.value] == expected or (
        np.isnan(expected) and np.isnan(ready.registers[ready.value])
    )


def test_what_does_not_depend_on_the_rung_is_computed_once() -> None:
    ready = plan(with_value(["+", ["*", "buffer_s", "fear"], ["*", "utility", ["*", "buffer_s", "fear"]]]))

    assert len(ready.once) == 1
    assert len(ready.each) == 2


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (with_value("moonlight"), "no input, parameter or earlier step"),
        (with_value(["power", 2, 3]), "no expression"),
        (with_value(["if", 1, 2]), "`if` takes three"),
        (with_value(["+", 1]), "two or more"),
        (with_value(float("inf")), "finite"),
        (with_value(1, let={"fear": 2}), "named twice"),
        (with_value(1, let={"buffer_s": 2}), "named twice"),
        (with_value(1, estimate={}), "fast_memory_s of None"),
        ({"value": 1}, "without 'estimate'"),
    ],
)
def test_a_policy_that_does_not_read_is_refused_in_words(policy: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plan(policy)


def test_our_policy_is_plain_data() -> None:
    policy = own_policy()

    assert json.loads(json.dumps(policy)) == policy
    assert {"name", "version", "estimate", "leave", "parameters", "let", "value"} <= set(policy)


def test_surprises_widen_the_spread_and_calm_narrows_it() -> None:
    ready, mind = plan(own_policy()), np.zeros(memory.SIZE)
    for _ in range(30):
        own.observe_own(mind, ready, 4e6, 1.0, 0.05)
    calm = mind[memory.OWN_SPREAD]
    own.observe_own(mind, ready, 4e6, 3.0, 0.05)

    assert calm < 1e-6
    assert mind[memory.OWN_SPREAD] > 0.01
