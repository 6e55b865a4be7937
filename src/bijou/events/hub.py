"""Fan-out inside one process: what is told once, every listener hears."""

import asyncio
from random import Random

import msgspec

from bijou.events.registry import make_envelope, registered
from bijou.ports import Clock, Envelope, Principal


class Hub:
    """Hands each event to every subscription that may see it, and never waits.

    A subscriber that falls `queue` events behind is dropped, so that a stalled
    page costs a bounded amount of memory and delays nobody.

    Cost: O(subscriptions) an event.
    Threads: one event loop.

    Args:
        clock: Dates envelopes.
        chance: Draws their ids.
        queue: Events that a subscriber may be behind, >= 1.
    """

    def __init__(self, clock: Clock, chance: Random, *, queue: int = 256) -> None:
        self._clock = clock
        self._chance = chance
        self._queue = queue
        self._subscriptions: set[Subscription] = set()
        self._told = 0
        self._dropped = 0

    def publish(self, payload: msgspec.Struct) -> None:
        """Tell of a payload whose type is registered; a `Publisher`."""
        envelope = make_envelope(payload, self._clock, self._chance)
        role = registered()[envelope.kind].role
        self._told += 1
        for subscription in [each for each in self._subscriptions if each.principal.may(role)]:
            if not subscription.offer(envelope):
                self._subscriptions.discard(subscription)
                self._dropped += 1

    def subscribe(self, principal: Principal) -> "Subscription":
        """Hear from now on what `principal` may see; `unsubscribe` ends it."""
        subscription = Subscription(principal, self._queue)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: "Subscription") -> None:
        """Stop hearing; nothing happens where it has stopped already."""
        self._subscriptions.discard(subscription)

    def statistics(self) -> dict[str, int]:
        """Return how many listen, what they were told, and how many fell behind."""
        return {"subscribers": len(self._subscriptions), "told": self._told, "dropped": self._dropped}


class Subscription:
    """One listener's events in order; made by `Hub.subscribe`."""

    def __init__(self, principal: Principal, queue: int) -> None:
        self.principal = principal
        self.too_slow = False
        self._waiting: asyncio.Queue[Envelope] = asyncio.Queue(queue)

    def offer(self, envelope: Envelope) -> bool:
        """Queue an event; False, and too slow for good, where there is no room."""
        try:
            self._waiting.put_nowait(envelope)
        except asyncio.QueueFull:
            self.too_slow = True
        return not self.too_slow

    async def next(self) -> Envelope | None:
        """Return the next event; None once a dropped listener has heard what was queued."""
        if self.too_slow and self._waiting.empty():
            return None
        return await self._waiting.get()
