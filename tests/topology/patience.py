"""How long to wait for real processes: they promise seconds on a machine of their own."""

import os


def strained(seconds: float) -> float:
    """Return so many seconds, longer by as much as the machine has more to do than it can."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
