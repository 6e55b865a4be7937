"""One call for many threads: whoever asks while it runs shares its outcome."""

from collections.abc import Callable, Hashable
from threading import Event, Lock, get_ident
from typing import Any, ClassVar, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """At most one call a key at a time; its value or error reaches every caller.

    Nothing is remembered: whoever comes after the call ended starts another.
    Calls of different keys do not wait for each other. A call that asks for
    its own key is refused, and so is the one that would close a ring of calls
    that wait for each other, also through other flights. A ring through a
    thread that a call started and waits for is not seen: that waits for ever.

    Cost: two locks a call; one more, and a step a link of the chain, to wait.
    Threads: that is what it is for. `bijou.runtime` has the one for event loops.

    Example:
        >>> flights = SingleFlight[str, str]()
        >>> flights.run("a", str.upper)
        'A'
    """

    # Of all flights of the process: which call each thread that waits is waiting for.
    _awaited: ClassVar[dict[int, "_Flight[Any]"]] = {}
    _awaited_lock: ClassVar[Lock] = Lock()

    def __init__(self) -> None:
        self._lock = Lock()
        self._flights: dict[K, _Flight[V]] = {}

    def run(self, key: K, call: Callable[[K], V]) -> V:
        """Return what `call(key)` returns, or wait for the call that is under way.

        Raises:
            RuntimeError: called from within the call of the same key, or of
                one that this key's call waits for.
            Exception: what the call raised, the same object for all callers.
        """
        while True:
            with self._lock:
                flight = self._flights.get(key)
                if flight is None:
                    flight = self._flights[key] = _Flight()
                    break
            self._wait(flight, key)
            if flight.error is not None:
                raise flight.error
            if flight.values:
                return flight.values[0]
            # Its thread was told to stop (KeyboardInterrupt, SystemExit): that was not meant for us.
        return self._fly(flight, key, call)

    def __len__(self) -> int:
        return len(self._flights)

    def _wait(self, flight: "_Flight[V]", key: K) -> None:
        me = get_ident()
        with self._awaited_lock:
            if self._ends_at(me, flight):
                raise RuntimeError(
                    f"a call asks for {key!r}, whose own call waits for the one that asks; neither would end"
                )
            self._awaited[me] = flight
        try:
            flight.landed.wait()
        finally:
            with self._awaited_lock:
                del self._awaited[me]

    def _ends_at(self, thread: int, flight: "_Flight[Any] | None") -> bool:
        """Follow who waits for whom; a call that has ended holds up nobody, though its waiters may sleep."""
        while flight is not None and not flight.landed.is_set():
            if flight.pilot == thread:
                return True
            flight = self._awaited.get(flight.pilot)
        return False

    def _fly(self, flight: "_Flight[V]", key: K, call: Callable[[K], V]) -> V:
        try:
            value = call(key)
        except Exception as error:
            flight.error = error
            raise
        else:
            flight.values.append(value)
            return value
        finally:
            with self._lock:
                del self._flights[key]
            flight.landed.set()


class _Flight(Generic[V]):
    """A call under way, the thread that makes it, and what came of it."""

    def __init__(self) -> None:
        self.pilot = get_ident()
        self.landed = Event()
        self.values: list[V] = []
        self.error: Exception | None = None
