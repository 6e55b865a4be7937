"""How often each of many keys was seen lately, in a few bytes a key."""

from collections.abc import Hashable

_ROWS = 4
_MOST = 63
_WORD = (1 << 64) - 1
_MIX = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93


class FrequencySketch:
    """Counts of keys that are never too low and seldom too high, and that fade.

    Four rows of one-byte counters; a key has one counter in each, and its
    count is the smallest. Only the smallest are raised, so that keys that
    share a counter do each other little harm. After `fade` additions a key of
    the capacity all counts are halved: the sketch remembers what was popular
    lately.

    Cost: O(1) time amortised; 16 to 32 bytes a key of the capacity.

    Args:
        keys: How many keys matter at once, >= 1.
        fade: Additions a key after which counts are halved, >= 1.

    Raises:
        ValueError: `keys` or `fade` is below 1.

    Source: G. Cormode, S. Muthukrishnan, "An improved data stream summary: the
        count-min sketch", 2005; conservative update and halving as in
        G. Einziger et al., "TinyLFU", ACM Transactions on Storage, 2017.

    Example:
        >>> sketch = FrequencySketch(100)
        >>> for key in "aaab":
        ...     sketch.add(key)
        >>> [sketch.count(key) for key in "abc"]
        [3, 1, 0]
    """

    def __init__(self, keys: int, *, fade: int = 20) -> None:
        if keys < 1 or fade < 1:
            raise ValueError(f"keys {keys} and fade {fade} must be at least 1")
        self.keys = keys
        self._width = 1 << (4 * keys - 1).bit_length()
        self._counters = bytearray(_ROWS * self._width)
        self._added = 0
        self._fades_at = fade * keys

    def add(self, key: Hashable) -> None:
        """Count one more of `key`."""
        counters = self._counters
        a, b, c, d = self._places(key)
        least = min(counters[a], counters[b], counters[c], counters[d])
        if least < _MOST:
            for place in (a, b, c, d):
                if counters[place] == least:
                    counters[place] = least + 1
        self._added += 1
        if self._added >= self._fades_at:
            self._fade()

    def count(self, key: Hashable) -> int:
        """Return how often `key` was counted, at least, up to 63."""
        counters = self._counters
        a, b, c, d = self._places(key)
        return min(counters[a], counters[b], counters[c], counters[d])

    def _places(self, key: Hashable) -> tuple[int, int, int, int]:
        width = self._width
        mask = width - 1
        mixed = (hash(key) * _MIX[0]) & _WORD
        mixed = ((mixed ^ mixed >> 32) * _MIX[1]) & _WORD
        start, step = mixed >> 32, (mixed & 0xFFFFFFFF) | 1
        return (
            start & mask,
            width + (start + step & mask),
            2 * width + (start + 2 * step & mask),
            3 * width + (start + 3 * step & mask),
        )

    def _fade(self) -> None:
        self._counters = self._counters.translate(_HALVED)
        self._added //= 2


_HALVED = bytes(count >> 1 for count in range(256))
