"""What an encode says of itself while it runs, and whether it still moves."""

from msgspec import Struct

from bijou.ports import Clock


class Said(Struct, frozen=True):
    """The last word of an encode."""

    step: str = ""
    progress: float = 0.0
    speed: float = 0.0


class Pulse:
    """Collects words faster than anybody wants to hear them.

    Progress never goes back. Threads: one event loop.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.said = Said()
        self._fresh = True
        self._moved_ns = self._taken_ns = clock.monotonic_ns()

    def say(self, step: str, progress: float, speed: float) -> None:
        """Note where the encode is."""
        progress = max(progress, self.said.progress)
        if (step, progress) != (self.said.step, self.said.progress):
            self._moved_ns = self._clock.monotonic_ns()
            self._fresh = True
        self.said = Said(step, progress, speed)

    def due(self, beat_s: float) -> bool:
        """Tell whether there is news, or the last word is `beat_s` old."""
        return self._fresh or self._clock.monotonic_ns() - self._taken_ns >= beat_s * 1e9

    def take(self) -> Said:
        """Return the last word, which is no news from now on."""
        self._fresh = False
        self._taken_ns = self._clock.monotonic_ns()
        return self.said

    def idle_s(self) -> float:
        """Return for how long nothing has moved."""
        return (self._clock.monotonic_ns() - self._moved_ns) / 1e9
