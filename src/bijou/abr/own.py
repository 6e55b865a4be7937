"""Our own policy at work: what it observes, and the rung its expression likes best.

The same steps stand in `web/src/player/abr_policy.ts`; only sums, products,
quotients and comparisons are used, so that both give the same bits.
"""

from typing import NamedTuple

from bijou.abr.film import Film, Floats, Ints
from bijou.abr.memory import (
    OWN_FAST_BITS,
    OWN_FAST_S,
    OWN_FORCED,
    OWN_LAST_BPS,
    OWN_LATENCY_S,
    OWN_RUNG,
    OWN_SLOW_BITS,
    OWN_SLOW_S,
    OWN_SPREAD,
)

ADD, SUB, MUL, DIV, LEAST, MOST, IF = 0, 1, 2, 3, 4, 5, 6

# Registers of what is the same for every rung, and of what is each rung's own.
FAST_BPS, SLOW_BPS, LAST_BPS, SPREAD, LATENCY_S, BUFFER_S, LIMIT_S, SEGMENT_S, LEFT_S = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
)
LAST_UTILITY, TOP_UTILITY = 9, 10
EACH_UTILITY, EACH_BITS, EACH_LATENCY_S = 11, 12, 13

# Of the estimate and of leaving a download, in this order in `Plan.numbers`.
FAST_MEMORY_S, SLOW_MEMORY_S, SPREAD_WEIGHT, SPREAD_MOST, EARLY_SHARE, LEAVE_AFTER_S, LEAVE_GAIN = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
)


class Plan(NamedTuple):
    """A policy made ready: instructions over registers.

    Attributes:
        once: int64 [n, 5], operation, three operands and the result's register;
            computed once a decision.
        each: The same, for each rung.
        value: Register of the value at the end of `each`.
        registers: float64, with the constants in their places.
        numbers: What is not part of the expression.
    """

    once: Ints
    each: Ints
    value: int
    registers: Floats
    numbers: Floats


def run(code: Ints, registers: Floats) -> None:
    """Carry out instructions; what is divided by 0 is 0."""
    for at in range(len(code)):
        kind, a, b = code[at, 0], registers[code[at, 1]], registers[code[at, 2]]
        if kind == MUL:
            result = a * b
        elif kind == ADD:
            result = a + b
        elif kind == SUB:
            result = a - b
        elif kind == DIV:
            result = a / b if b != 0.0 else 0.0
        elif kind == LEAST:
            result = min(a, b)
        elif kind == MOST:
            result = max(a, b)
        else:
            result = b if a > 0.0 else registers[code[at, 3]]
        registers[code[at, 4]] = result


def observe_own(memory: Floats, plan: Plan, bits: float, time_s: float, latency_s: float) -> None:
    """Take a download, whole or left, into both averages and the spread."""
    numbers = plan.numbers
    if memory[OWN_FAST_S] > 0.0:
        fast, slow = memory[OWN_FAST_BITS] / memory[OWN_FAST_S], memory[OWN_SLOW_BITS] / memory[OWN_SLOW_S]
        late = time_s * (min(fast, slow)) / bits - 1.0
        miss = late if late > 0.0 else -late * numbers[EARLY_SHARE]
        miss = min(miss, numbers[SPREAD_MOST])
        memory[OWN_SPREAD] += (miss - memory[OWN_SPREAD]) * numbers[SPREAD_WEIGHT]
        memory[OWN_LATENCY_S] += (latency_s - memory[OWN_LATENCY_S]) * numbers[SPREAD_WEIGHT]
    else:
        memory[OWN_LATENCY_S] = latency_s
    keeps = numbers[FAST_MEMORY_S] / (numbers[FAST_MEMORY_S] + time_s)
    memory[OWN_FAST_BITS] = memory[OWN_FAST_BITS] * keeps + bits
    memory[OWN_FAST_S] = memory[OWN_FAST_S] * keeps + time_s
    keeps = numbers[SLOW_MEMORY_S] / (numbers[SLOW_MEMORY_S] + time_s)
    memory[OWN_SLOW_BITS] = memory[OWN_SLOW_BITS] * keeps + bits
    memory[OWN_SLOW_S] = memory[OWN_SLOW_S] * keeps + time_s
    memory[OWN_LAST_BPS] = bits / time_s


def look(film: Film, memory: Floats, plan: Plan, limit_s: float, left_s: float, level_s: float) -> None:
    """Fill the registers with how things stand."""
    registers = plan.registers
    registers[FAST_BPS] = memory[OWN_FAST_BITS] / memory[OWN_FAST_S]
    registers[SLOW_BPS] = memory[OWN_SLOW_BITS] / memory[OWN_SLOW_S]
    registers[LAST_BPS] = memory[OWN_LAST_BPS]
    registers[SPREAD] = memory[OWN_SPREAD]
    registers[LATENCY_S] = memory[OWN_LATENCY_S]
    registers[BUFFER_S] = level_s
    registers[LIMIT_S] = limit_s
    registers[SEGMENT_S] = film.segment_s
    registers[LEFT_S] = left_s
    registers[LAST_UTILITY] = film.utilities[int(memory[OWN_RUNG])]
    registers[TOP_UTILITY] = film.utilities[-1]


def worth(plan: Plan, utility: float, bits: float, latency_s: float) -> float:
    """Return the value of fetching so many bits for that utility."""
    registers = plan.registers
    registers[EACH_UTILITY] = utility
    registers[EACH_BITS] = bits
    registers[EACH_LATENCY_S] = latency_s
    run(plan.each, registers)
    return float(registers[plan.value])


def by_own(film: Film, memory: Floats, plan: Plan, limit_s: float, left_s: float, level_s: float) -> int:
    """Choose the rung of the greatest value; among equals the lowest."""
    forced = int(memory[OWN_FORCED])
    if forced >= 0:
        memory[OWN_FORCED] = -1.0
        memory[OWN_RUNG] = forced
        return forced
    look(film, memory, plan, limit_s, left_s, level_s)
    run(plan.once, plan.registers)
    rung, most = 0, 0.0
    for other in range(len(film.bitrates)):
        value = worth(
            plan, film.utilities[other], film.bitrates[other] * film.segment_s, memory[OWN_LATENCY_S]
        )
        if other == 0 or value > most:
            rung, most = other, value
    memory[OWN_RUNG] = rung
    return rung


def leave_own(
    film: Film,
    memory: Floats,
    plan: Plan,
    limit_s: float,
    left_s: float,
    rung: int,
    bits: float,
    got: float,
    time_s: float,
    latency_s: float,
    level_s: float,
) -> int:
    """Return the rung to begin anew with, or -1 to go on.

    Going on is a rung like the others, of which only the rest is to be
    fetched, at the rate of this very download.
    """
    streaming_s = time_s - latency_s
    if rung == 0 or time_s < plan.numbers[LEAVE_AFTER_S] or streaming_s <= 0.0:
        return -1
    rate = got / streaming_s
    if (bits - got) <= rate * level_s:
        return -1
    look(film, memory, plan, limit_s, left_s, level_s)
    registers = plan.registers
    registers[FAST_BPS] = registers[SLOW_BPS] = registers[LAST_BPS] = rate
    run(plan.once, registers)
    most, lower = worth(plan, film.utilities[rung], bits - got, 0.0) + plan.numbers[LEAVE_GAIN], -1
    for other in range(rung):
        size = bits * film.bitrates[other] / film.bitrates[rung]
        value = worth(plan, film.utilities[other], size, memory[OWN_LATENCY_S])
        if size < bits - got and value > most:
            most, lower = value, other
    if lower >= 0:
        memory[OWN_FORCED] = lower
    return lower
