"""Turns: what is dear is done by few at a time, and a crowd is told when to come back."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, TypeVar

import msgspec

from bijou.ports import Clock

LONGEST_AWAY_S: Final = 60.0
"""Beyond it the moments to come back are drawn, from half of this to half more."""

_LEARNING: Final = 1 / 8
_JITTER: Final = 0.25

T = TypeVar("T")


class TurnStatistics(msgspec.Struct, frozen=True):
    """What a guard has done since it was made.

    Args:
        running: Calls under way.
        waiting: Callers in line.
        served: Calls that ended.
        sent_away: Callers who were told to come back.
        call_s: What a call takes of late.
    """

    running: int
    waiting: int
    served: int
    sent_away: int
    call_s: float


class Turns:
    """At most `at_once` calls at a time, and before them a line that is short and fair.

    Whoever could not be served within `patience_s` is told so at once, and who
    was misjudged when that time is over; each is told a moment to come back of
    its own, one after the other at the pace at which calls end, so that those
    sent away do not return as one. Callers with the same key have one line,
    and the lines take turns; where there is no room, the longest line gives up
    its newest. Who leaves is forgotten; a call that was begun keeps its place
    until it has really ended.

    Cost: O(keys in line) a call that has to wait.
    Threads: one event loop.

    Args:
        chance: Draws a little of the time to come back.
        busy: Makes the error that callers are sent away with, of the seconds until they may come back.
        at_once: Calls at the same time, >= 1.
        room: Callers in line, >= 1.
        patience_s: Longest wait in line, > 0.
        usual_s: What a call takes, until that is known, > 0.

    Example:
        >>> from bijou.ports import VirtualClock
        >>> turns = Turns(VirtualClock(), Random(1), lambda away_s: TimeoutError(f"busy for {away_s} s"))
        >>> async def double() -> int:
        ...     return 2 * 21
        >>> asyncio.run(turns.run("10.0.0.1", double))
        42
    """

    def __init__(
        self,
        clock: Clock,
        chance: Random,
        busy: Callable[[float], Exception],
        *,
        at_once: int = 2,
        room: int = 256,
        patience_s: float = 5.0,
        usual_s: float = 0.2,
    ) -> None:
        if at_once < 1 or room < 1 or patience_s <= 0 or usual_s <= 0:
            bounds = f"at_once {at_once}, room {room}, patience_s {patience_s}, usual_s {usual_s}"
            raise ValueError(f"{bounds}: each must be above 0")
        self._clock, self._chance, self._make_busy = clock, chance, busy
        self._at_once, self._room, self._patience_s = at_once, room, patience_s
        self._call_s = usual_s
        self._running = self._waiting = self._served = self._sent_away = 0
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._returns_ns = 0

    async def run(self, key: str, call: Callable[[], Awaitable[T]]) -> T:
        """Return what `call()` returns, once it is the caller's turn.

        Args:
            key: Of those who share one line, such as an address.

        Raises:
            Exception: what `busy` made, or what the call raised.
        """
        if self._running >= self._at_once:
            await self._wait(key)  # whoever ends hands the turn on
        else:
            self._running += 1
        calling = asyncio.ensure_future(self._called(call))
        calling.add_done_callback(_looked_at)
        return await asyncio.shield(calling)

    def statistics(self) -> TurnStatistics:
        """Return what is going on, and what was done."""
        return TurnStatistics(self._running, self._waiting, self._served, self._sent_away, self._call_s)

    async def _called(self, call: Callable[[], Awaitable[T]]) -> T:
        began_ns = self._clock.monotonic_ns()
        try:
            return await call()
        finally:
            took_s = (self._clock.monotonic_ns() - began_ns) / 1e9
            self._call_s += (took_s - self._call_s) * _LEARNING
            self._served += 1
            self._hand_on()

    async def _wait(self, key: str) -> None:
        """Return when it is this caller's turn."""
        own = len(self._lines.get(key, ()))
        before = own + sum(min(len(line), own + 1) for name, line in self._lines.items() if name != key)
        if (before + 1) * self._pace_s > self._patience_s or not self._makes_room(own):
            raise self._busy()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(key, deque()).append(turn)
        self._waiting += 1
        patience = asyncio.ensure_future(self._lose_patience(key, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._hand_on()  # it was given the turn and left in the same moment
            else:
                self._leave(key, turn)
            raise
        finally:
            patience.cancel()

    async def _lose_patience(self, key: str, turn: "asyncio.Future[None]") -> None:
        await self._clock.sleep(self._patience_s)
        self._send_away(key, turn)

    def _makes_room(self, own: int) -> bool:
        """Tell whether there is room for one more of a key, if need be at the longest line's cost."""
        if self._waiting < self._room:
            return True
        longest = max(self._lines, key=lambda name: len(self._lines[name]))
        if len(self._lines[longest]) <= own + 1:
            return False
        self._send_away(longest, self._lines[longest][-1])
        return True

    def _hand_on(self) -> None:
        """Give a turn that is free to the first of the line whose turn it is."""
        while self._lines:
            key, line = self._lines.popitem(last=False)
            turn = line.popleft()
            self._waiting -= 1
            if line:
                self._lines[key] = line
            if not turn.done():  # else it left, and has not said so yet
                turn.set_result(None)
                return
        self._running -= 1

    def _send_away(self, key: str, turn: "asyncio.Future[None]") -> None:
        if self._leave(key, turn) and not turn.done():
            turn.set_exception(self._busy())

    def _leave(self, key: str, turn: "asyncio.Future[None]") -> bool:
        """Take a caller out of its line; tell whether it was there."""
        line = self._lines.get(key, deque())
        if turn not in line:
            return False
        line.remove(turn)
        self._waiting -= 1
        if not line:
            del self._lines[key]
        return True

    @property
    def _pace_s(self) -> float:
        """Seconds from one turn to the next."""
        return self._call_s / self._at_once

    def _busy(self) -> Exception:
        self._sent_away += 1
        return self._make_busy(self._away_s())

    def _away_s(self) -> float:
        """Return when to come back: after all who were sent away before, but for a little chance."""
        now_ns = self._clock.monotonic_ns()
        first_ns = now_ns + round(self._waiting * self._pace_s * 1e9)
        next_ns = max(self._returns_ns, first_ns) + round(self._pace_s * 1e9)
        last_ns = now_ns + round(LONGEST_AWAY_S * 1e9)
        if next_ns > last_ns:
            return LONGEST_AWAY_S * self._chance.uniform(0.5, 1.5)
        self._returns_ns = next_ns
        return max(1.0, (next_ns - now_ns) / 1e9 * self._chance.uniform(1.0, 1.0 + _JITTER))


def _looked_at(calling: "asyncio.Future[T]") -> None:
    """Take note of an error whose caller has left, so that nobody calls it forgotten."""
    if not calling.cancelled():
        calling.exception()
