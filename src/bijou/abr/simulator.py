"""Many sessions at once, as machine code where numba is installed."""

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module, resources
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from bijou.abr import bola, bola_e, expression, memory, mpc, network, own, playout, rates, session
from bijou.abr.film import Film, Floats, Ints
from bijou.abr.traces import Packed, Trace, packed
from bijou.algorithms.compiled import is_native

KINDS = {
    "throughput": session.THROUGHPUT_RULE,
    "bola": session.BOLA,
    "bola-e": session.BOLA_E,
    "dynamic": session.DYNAMIC,
    "mpc": session.MPC,
    "bijou": session.OWN,
}
"""The policies by name."""

LIMIT_S = 25.0
"""Seconds of buffer, where nobody says otherwise."""

_LOOPS = (network, playout, rates, bola, bola_e, mpc, own, session)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What each session's viewer saw; arrays of one number a session.

    Attributes:
        utility: Mean ln(rate / lowest rate), over the time it took.
        bitrate_bps: Mean rate, likewise.
        rebuffer: Share of the time that stood still.
        rebuffer_s: Seconds of it.
        events: Times that the picture stopped.
        switches: Changes of rung.
        uneven: Mean change of utility from one segment to the next.
        score: `utility` less five times `rebuffer`.
        abandoned: Downloads left.
        startup_s: Until the first picture.
        total_s: From the beginning to the end.
    """

    utility: Floats
    bitrate_bps: Floats
    rebuffer: Floats
    rebuffer_s: Floats
    events: Floats
    switches: Floats
    uneven: Floats
    score: Floats
    abandoned: Floats
    startup_s: Floats
    total_s: Floats


class Room(NamedTuple):
    """What one session after the other writes on; the loops allocate nothing."""

    memory: Floats
    clock: Floats
    chosen: Ints


@cache
def own_policy() -> Mapping[str, Any]:
    """Return the policy that viewers get."""
    return json.loads(resources.files("bijou.abr").joinpath("policy.json").read_bytes())  # type: ignore[no-any-return]


def simulate(
    film: Film,
    traces: Sequence[Trace],
    policy: str | Mapping[str, Any] = "bijou",
    *,
    limit_s: float = LIMIT_S,
    native: bool | None = None,
) -> Outcomes:
    """Watch the film once over each trace.

    Cost: 40 to 200 us a session of 199 segments; without numba 500 times that.

    Args:
        policy: A name of `KINDS`, or a policy of our own as `expression` reads it.
        limit_s: Most seconds in the buffer, two segments or more.
        native: Run compiled; None: where numba is installed. The numbers are the same.

    Raises:
        ValueError: an unknown name, a policy that does not read, a small buffer.
    """
    if not 2 * film.segment_s <= limit_s < np.inf:
        raise ValueError(f"a buffer of {limit_s} s; it holds two segments of {film.segment_s} s or more")
    kind = session.OWN if isinstance(policy, Mapping) else KINDS.get(policy, -1)
    if kind < 0:
        raise ValueError(f"policy {policy!r}; there are {', '.join(KINDS)}")
    plan = expression.plan(policy if isinstance(policy, Mapping) else own_policy())
    tallies = np.zeros((len(traces), playout.SIZE))
    if traces:
        loop = _native() if is_native(asked=native) else play_all
        room = Room(np.zeros(memory.SIZE), np.zeros(2), np.zeros(len(film.sizes), np.int64))
        loop(kind, limit_s, film, packed(traces), plan, room, tallies)
    return _outcomes(film, tallies)


def play_all(
    kind: int, limit_s: float, film: Film, traces: Packed, plan: own.Plan, room: Room, tallies: Floats
) -> None:
    """Play a session over each trace, and keep its tally."""
    for at in range(len(tallies)):
        start, stop = traces.starts[at], traces.starts[at + 1]
        link = network.Link(
            traces.durations[start:stop], traces.rates[start:stop], traces.latencies[start:stop], room.clock
        )
        screen = playout.Screen(room.chosen, tallies[at])
        session.play(session.Viewer(kind, limit_s, film, link, screen, room.memory, plan))


def _outcomes(film: Film, tallies: Floats) -> Outcomes:
    total = tallies[:, playout.TOTAL_S]
    each = film.segment_s / np.where(total > 0.0, total, 1.0)
    utility, rebuffer_s = tallies[:, playout.UTILITY] * each, tallies[:, playout.REBUFFER_S]
    return Outcomes(
        utility=utility,
        bitrate_bps=tallies[:, playout.BITRATE] * each,
        rebuffer=rebuffer_s * each / film.segment_s,
        rebuffer_s=rebuffer_s,
        events=tallies[:, playout.EVENTS],
        switches=tallies[:, playout.SWITCHES],
        uneven=tallies[:, playout.LOG_CHANGE] * each,
        score=utility - bola.GP * rebuffer_s * each / film.segment_s,
        abandoned=tallies[:, playout.ABANDONED],
        startup_s=tallies[:, playout.STARTUP_S],
        total_s=total,
    )


@cache
def _native() -> Callable[..., None]:
    """Return `play_all` compiled, with all that it calls.

    numba's memory on disk sees changes of the outermost function only; so that
    one holds a digest of all sources.
    """
    numba, extending = import_module("numba"), import_module("numba.extending")
    register = extending.register_jitable(
        _nrt=False, error_model="numpy"
    )  # counting references would cost more than all the rest
    for module in _LOOPS:
        for function in _functions(module):
            register(function)
    register(play_all)
    digest = hashlib.sha256("".join(inspect.getsource(module) for module in _LOOPS).encode()).hexdigest()
    loop = _sealed(digest)
    try:
        return numba.njit(nogil=True, cache=True, _nrt=False, error_model="numpy")(loop)  # type: ignore[no-any-return]
    except RuntimeError:  # no folder that it may write to
        return numba.njit(nogil=True, _nrt=False, error_model="numpy")(loop)  # type: ignore[no-any-return]


def _functions(module: ModuleType) -> list[Callable[..., Any]]:
    return [
        one for _, one in inspect.getmembers(module, inspect.isfunction) if one.__module__ == module.__name__
    ]


def _sealed(digest: str) -> Callable[..., None]:
    def sealed(
        kind: int, limit_s: float, film: Film, traces: Packed, plan: own.Plan, room: Room, tallies: Floats
    ) -> None:
        if len(digest) == 64:
            play_all(kind, limit_s, film, traces, plan, room, tallies)

    return sealed
