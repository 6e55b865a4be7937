"""One call for many threads: whoever asks while it runs shares its outcome."""

from collections.abc import Callable, Hashable
from threading import Event, Lock, get_ident
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """At most one call a key at a time; its value or error reaches every caller.

    Nothing is remembered: whoever comes after the call ended starts another.
    Calls of different keys do not wait for each other. A call that asks for
    its own key is refused; two calls that ask for each other's would wait for
    ever, so let loads have no circles.

    Threads: that is what it is for. `bijou.runtime` has the one for event loops.

    Example:
        >>> flights = SingleFlight[str, str]()
        >>> flights.run("a", str.upper)
        'A'
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._flights: dict[K, _Flight[V]] = {}

    def run(self, key: K, call: Callable[[K], V]) -> V:
        """Return what `call(key)` returns, or wait for the call that is under way.

        Raises:
            RuntimeError: called from within the call of the same key.
            Exception: what the call raised, the same object for all callers.
        """
        while True:
            with self._lock:
                flight = self._flights.get(key)
                if flight is None:
                    flight = self._flights[key] = _Flight()
                    break
            if flight.pilot == get_ident():
                raise RuntimeError(f"the call of {key!r} asks for {key!r} again; it would wait for itself")
            flight.landed.wait()
            if flight.error is not None:
                raise flight.error
            if flight.values:
                return flight.values[0]
            # Its thread was told to stop (KeyboardInterrupt, SystemExit): that was not meant for us.
        return self._fly(flight, key, call)

    def __len__(self) -> int:
        return len(self._flights)

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
