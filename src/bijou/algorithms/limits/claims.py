"""Several limits as one: a request passes all of them, or is charged nowhere."""

from collections.abc import Hashable, Iterable, Sequence
from threading import Lock
from typing import Any, Protocol

import msgspec

from bijou.algorithms.limits.decision import Decision, strictest
from bijou.algorithms.limits.limiter import Limiter


class Holder(Protocol):
    """Keeps the limiters of keys under one lock, which its callers hold."""

    def find(self, key: Any, now_ns: int, beside: Iterable[Limiter] = ()) -> Limiter:
        """Return the key's limiter, or a new one that is not kept yet.

        Args:
            key: Whose limiter.
            now_ns: A monotonic clock's time.
            beside: What was found here for the same request; those of them that
                are new will need places too.
        """
        ...

    def keep(self, key: Any, limiter: Limiter) -> None:
        """Keep a limiter that `find` returned and that was charged."""
        ...


class Claim(msgspec.Struct, frozen=True):
    """What one request wants of one limit; made by `Claim.on` or `KeyedLimits.claim`.

    Args:
        lock: Guards the holder.
        holder: Where the key's limiter is; a `Holder`.
        key: Whose limiter.
        cost: What the request weighs there.
    """

    lock: Any
    holder: Any
    key: Hashable
    cost: int = 1

    @staticmethod
    def on(limiter: Limiter, cost: int = 1) -> "Claim":
        """Return a claim on a limiter that stands alone."""
        return Claim(limiter.lock, _Alone(limiter), None, cost)


def admit_all(claims: Sequence[Claim], now_ns: int) -> Decision:
    """Pass a request through all limits, or charge none of them.

    Two claims on the same key of the same limit add up.

    Cost: twice that of the single limits; O(n log n) for n claims.
    Threads: safe against every other call on the same limits; locks are taken
    in one order everywhere, so two calls cannot wait for each other.

    Args:
        claims: At least one.
        now_ns: A monotonic clock's time.

    Returns:
        The strictest answer: of several denials the longest to wait for, which
        is the first moment at which all pass if nobody else calls.

    Raises:
        ValueError: there is no claim, or one whose cost can never pass.
        TypeError: `now_ns` or a cost is no integer.

    Example:
        >>> from bijou.algorithms.limits import SlidingWindowLog
        >>> account, address = SlidingWindowLog(5, 60), SlidingWindowLog(1, 60)
        >>> [admit_all([Claim.on(account), Claim.on(address)], t).allowed for t in (0, 1)]
        [True, False]
        >>> account.peek(1).remaining
        3
    """
    if not claims:
        raise ValueError("no claim was given; at least one is needed")
    locks: list[Lock] = sorted({id(claim.lock): claim.lock for claim in claims}.values(), key=id)
    taken: list[Lock] = []
    try:
        for lock in locks:
            lock.acquire()
            taken.append(lock)
        return _admit(claims, now_ns)
    finally:
        for lock in taken:
            lock.release()


def _admit(claims: Sequence[Claim], now_ns: int) -> Decision:
    found: dict[int, dict[Hashable, Limiter]] = {}
    costs: dict[Limiter, int] = {}
    for claim in claims:
        here = found.setdefault(id(claim.holder), {})
        if claim.key not in here:
            here[claim.key] = claim.holder.find(claim.key, now_ns, here.values())
        costs[here[claim.key]] = costs.get(here[claim.key], 0) + claim.cost
    decisions = [limiter.inspect(now_ns, cost) for limiter, cost in costs.items()]
    if all(decision.allowed for decision in decisions):
        decisions = [limiter.charge(now_ns, cost) for limiter, cost in costs.items()]
        for claim in claims:
            claim.holder.keep(claim.key, found[id(claim.holder)][claim.key])
    return strictest(decisions)


class _Alone:
    """The holder of a limiter that needs none."""

    __slots__ = ("_limiter",)

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    def find(self, key: None, now_ns: int, beside: Iterable[Limiter] = ()) -> Limiter:  # noqa: ARG002 - there is one
        return self._limiter

    def keep(self, key: None, limiter: Limiter) -> None:
        """Do nothing: it is kept by whoever made it."""
