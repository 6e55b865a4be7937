"""A policy as JSON, made ready to run.

```
{"name": ..., "version": 1,
 "estimate": {"fast_memory_s": ..., ...},      what is remembered of downloads
 "leave": {"after_s": ..., "gain": ...},       when a download is left for a lower rung
 "parameters": {"fear": 2.0, ...},             numbers with names
 "let": {"rate": ["min", "fast_bps", "slow_bps"], ...},   named steps, in order
 "value": ["-", "utility", ["*", "fear", "risk"]]}        of a rung: the greatest wins
```

An expression is a number, a name, or a list of an operation and its operands:
`+ - * / min max` take two or more, from the left, and `["if", a, b, c]` is b
where a > 0 and else c. What is divided by 0 is 0.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bijou.abr import own
from bijou.abr.film import Ints
from bijou.abr.own import Plan

_ONCE = {
    "fast_bps": own.FAST_BPS,
    "slow_bps": own.SLOW_BPS,
    "last_bps": own.LAST_BPS,
    "spread": own.SPREAD,
    "latency_s": own.LATENCY_S,
    "buffer_s": own.BUFFER_S,
    "limit_s": own.LIMIT_S,
    "segment_s": own.SEGMENT_S,
    "left_s": own.LEFT_S,
    "last_utility": own.LAST_UTILITY,
    "top_utility": own.TOP_UTILITY,
}
_EACH = {"utility": own.EACH_UTILITY, "bits": own.EACH_BITS, "first_byte_s": own.EACH_LATENCY_S}
_OPERATIONS = {
    "+": own.ADD,
    "-": own.SUB,
    "*": own.MUL,
    "/": own.DIV,
    "min": own.LEAST,
    "max": own.MOST,
    "if": own.IF,
}
INPUTS = (*_ONCE, *_EACH)
"""Names that an expression may use besides its parameters and steps."""

ESTIMATE = ("fast_memory_s", "slow_memory_s", "spread_weight", "spread_most", "early_share")
LEAVE = ("after_s", "gain")


def plan(policy: Mapping[str, Any]) -> Plan:
    """Make a policy ready: instructions for once a decision, and for each rung.

    What several steps share is computed once.

    Raises:
        ValueError: a part is missing, a name is unknown or given twice, or an
            expression is none.
    """
    for part in ("estimate", "leave", "parameters", "let", "value"):
        if part not in policy:
            raise ValueError(f"policy without {part!r}; it has estimate, leave, parameters, let and value")
    numbers = [_number(policy["estimate"], name) for name in ESTIMATE]
    numbers += [_number(policy["leave"], name) for name in LEAVE]
    making = _Making(policy["parameters"])
    for name, expression in policy["let"].items():
        making.bind(name, making.place(expression))
    value = making.place(policy["value"])
    registers = np.zeros(making.count)
    for number, at in making.constants.items():
        registers[at] = number
    return Plan(_rows(making.once), _rows(making.each), value, registers, np.asarray(numbers, np.float64))


def _number(part: Mapping[str, Any], name: str) -> float:
    if not isinstance(part.get(name), int | float):
        raise ValueError(f"{name} of {part.get(name)!r}; it is a number")  # noqa: TRY004 - data, not code
    return float(part[name])


def _rows(rows: list[tuple[int, ...]]) -> Ints:
    return np.asarray(rows, np.int64).reshape(len(rows), 5)


class _Making:
    """Registers and instructions as they are handed out."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self.count = len(INPUTS)
        self.once: list[tuple[int, ...]] = []
        self.each: list[tuple[int, ...]] = []
        self.constants: dict[float, int] = {}
        self._names: dict[str, int] = {**_ONCE, **_EACH}
        self._known: dict[tuple[int, ...], int] = {}
        self._varying = set(_EACH.values())
        for name in parameters:
            self.bind(name, self._constant(_number(parameters, name)))

    def bind(self, name: str, at: int) -> None:
        if name in self._names:
            raise ValueError(f"{name!r} is named twice; inputs, parameters and steps have names of their own")
        self._names[name] = at

    def place(self, expression: Any) -> int:
        """Return the register that will hold the expression's value."""
        if isinstance(expression, int | float):
            return self._constant(float(expression))
        if isinstance(expression, str):
            if expression not in self._names:
                raise ValueError(f"{expression!r} is no input, parameter or earlier step")
            return self._names[expression]
        if not isinstance(expression, list) or not expression or expression[0] not in _OPERATIONS:
            raise ValueError(
                f"{expression!r} is no expression: a number, a name, or an operation and its operands"
            )
        kind, places = _OPERATIONS[expression[0]], [self.place(operand) for operand in expression[1:]]
        if len(places) != 3 if kind == own.IF else len(places) < 2:
            raise ValueError(
                f"{expression!r} has {len(places)} operands; `if` takes three, others two or more"
            )
        if kind == own.IF:
            return self._result(kind, places[0], places[1], places[2])
        at = places[0]
        for operand in places[1:]:
            at = self._result(kind, at, operand, 0)
        return at

    def _constant(self, number: float) -> int:
        if not np.isfinite(number):
            raise ValueError(f"{number} in a policy; its numbers are finite")
        return self._register(self.constants, number)

    def _register(self, known: dict[Any, int], key: Any) -> int:
        if key not in known:
            known[key] = self.count
            self.count += 1
        return known[key]

    def _result(self, kind: int, a: int, b: int, c: int) -> int:
        instruction = (kind, a, b, c)
        if instruction in self._known:
            return self._known[instruction]
        at = self._register(self._known, instruction)
        operands = {a, b, c} if kind == own.IF else {a, b}
        if operands & self._varying:
            self._varying.add(at)
            self.each.append((*instruction, at))
        else:
            self.once.append((*instruction, at))
        return at
