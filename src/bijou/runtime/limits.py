"""Limiters with waiting and with a far end: what needs an event loop."""

from collections.abc import Callable
from typing import Protocol

from bijou.algorithms.limits import Decision, Grant, Lease
from bijou.ports import Clock, EngineUnavailable
from bijou.runtime.single_flight import AsyncSingleFlight

_NS_PER_S = 1_000_000_000


async def wait_to_pass(
    admit: Callable[[int], Decision], clock: Clock, *, timeout_s: float | None = None
) -> Decision:
    """Return once `admit` lets the request pass, or as soon as waiting is in vain.

    Waiters have no order: of several that wake at one moment the first to run
    passes and the others sleep again.

    Args:
        admit: A limiter's `admit`, taking monotonic nanoseconds.
        clock: Tells the time and sleeps.
        timeout_s: Longest wait; None to wait as long as it takes.

    Returns:
        The admission, or the denial whose retry lies beyond `timeout_s`.

    Example:
        >>> import asyncio
        >>> from bijou.algorithms.limits import GCRA
        >>> from bijou.ports import VirtualClock
        >>> gcra = GCRA(rate=1, period_ns=10**9, burst=1)
        >>> gcra.admit(0).allowed
        True
        >>> asyncio.run(wait_to_pass(gcra.admit, VirtualClock(), timeout_s=0.5)).retry_after_ns
        1000000000
    """
    gives_up_ns = None if timeout_s is None else clock.monotonic_ns() + round(timeout_s * _NS_PER_S)
    while True:
        now_ns = clock.monotonic_ns()
        decision = admit(now_ns)
        if decision.allowed or (gives_up_ns is not None and now_ns + decision.retry_after_ns > gives_up_ns):
            return decision
        await clock.sleep(decision.retry_after_ns / _NS_PER_S)


class PermitSource(Protocol):
    """The shared end of prepaid limits: many processes, one truth."""

    async def take(self, key: str, permits: int) -> Grant:
        """Charge up to `permits` of the key, as many as pass, in one step.

        Must do what `bijou.algorithms.limits.grant` does, by its own clock.
        """
        ...


class PrepaidLimits:
    """A limit a key, shared between processes for few calls: see `Lease`.

    When the source fails, permits in hand are spent until they spoil; after
    that its error reaches every caller.

    Cost: that of a lease; one call to the source at a time a key.
    Threads: one event loop.

    Args:
        source: Where permits come from; it enforces a rule's `prepaid(term_ns)`.
        clock: This process's clock.
        limit: What the shared limiter lets through at once.
        term_s: How long permits may be spent; the source counts them for so much longer.
        most: Permits asked for at once.
    """

    def __init__(
        self, source: PermitSource, clock: Clock, *, limit: int, term_s: float, most: int = 1000
    ) -> None:
        self._source = source
        self._clock = clock
        self._limit = limit
        self._term_ns = round(term_s * _NS_PER_S)
        self._most = most
        self._leases: dict[str, Lease] = {}
        self._sweep_at = 1024
        self._calls: AsyncSingleFlight[str, None] = AsyncSingleFlight()

    async def admit(self, key: str, cost: int = 1) -> Decision:
        """Let the key's request pass, or say when to come back.

        Raises:
            ValueError: `cost` can never pass.
            EngineUnavailable: as the source raises it, or `limits.slow_source`:
                permits came too late to be spent.
        """
        lease = self._lease(key)
        while True:
            decision = lease.spend(self._clock.monotonic_ns(), cost)
            if decision is not None:
                return decision
            await self._calls.run(key, lambda key: self._refill(key, lease, cost))

    def __len__(self) -> int:
        return len(self._leases)

    async def _refill(self, key: str, lease: Lease, cost: int) -> None:
        asked_ns = self._clock.monotonic_ns()
        given = await self._source.take(key, max(lease.wanted, cost))
        took_ns = self._clock.monotonic_ns() - asked_ns
        if took_ns >= lease.keeps_ns:
            raise EngineUnavailable(
                "limits.slow_source",
                f"permits for {key!r} came after {took_ns / _NS_PER_S:.3f} s and are good for"
                f" {lease.keeps_ns / _NS_PER_S:.3f} s from the asking; they must come sooner",
            )
        lease.refill(given, asked_ns=asked_ns)

    def _lease(self, key: str) -> Lease:
        lease = self._leases.get(key)
        if lease is None:
            self._sweep()
            lease = self._leases[key] = Lease(limit=self._limit, term_ns=self._term_ns, most=self._most)
        return lease

    def _sweep(self) -> None:
        """Drop leases that hold nothing, each time their number has doubled."""
        if len(self._leases) >= self._sweep_at:
            now_ns = self._clock.monotonic_ns()
            self._leases = {key: lease for key, lease in self._leases.items() if not lease.is_spoilt(now_ns)}
            self._sweep_at = max(1024, 2 * len(self._leases))
