"""What an edge was asked for, counted as it serves: title, hour, position, rendition, and nobody's name."""

import re
from collections import Counter
from typing import Final

import msgspec

HOUR_S: Final = 3600
DAY_S: Final = 86_400
SLOT_S: Final = 300
"""Seconds of one point of the demand curve."""
BANDS: Final = (1, 2, 4, 8)
"""Positions at which another share of the renditions begins: players start low and climb."""
LONGEST: Final = 16_384
"""Segments of a rendition that are counted; what lies beyond is not."""

_SEGMENT: Final = re.compile(r"(/media/[^/]+)/(.+)/0*([1-9]\d{0,5})\.m4s")
_FADING: Final = 0.8
_DAYS_KEPT: Final = 14
_TITLES: Final = 10_000
_RENDITIONS: Final = 256


class Begun(msgspec.Struct, array_like=True):
    """How often a title was begun, faded; and the most segments that are known of it."""

    times: float = 0.0
    length: int = 0


class LedgerImage(msgspec.Struct):
    """All that a ledger knows, as it is kept and handed out."""

    since_s: float
    until_s: float
    starts: dict[str, dict[int, int]] = {}
    positions: list[float] = []
    bands: dict[str, list[float]] = {}
    begun: dict[str, Begun] = {}
    slots: dict[int, int] = {}


class Ledger:
    """Counts of requests for segments that were served.

    A request for a rendition's first segment is a start, whoever sends it.
    Positions and renditions fade by a fifth a day, starts by hour are kept for
    two weeks; of more than 10,000 titles those are forgotten that were begun
    longest ago.

    Cost: 3 us a request; a number an hour and title in which it was begun.
    Threads: one event loop.

    Args:
        since_s: Unix seconds from when on all requests are told.

    Example:
        >>> ledger = Ledger(0)
        >>> for number in (1, 2, 1):
        ...     ledger.asked(f"/media/ast_1/v360/{number:05}.m4s", 1000, 7200)
        >>> dict(ledger.starts["/media/ast_1"]), ledger.positions
        ({2: 2}, [2.0, 1.0])
    """

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        self.until_s = since_s
        self.starts: dict[str, Counter[int]] = {}
        self.positions: list[float] = []
        self.bands: dict[str, list[float]] = {}
        self.begun: dict[str, Begun] = {}
        self.slots: Counter[int] = Counter()
        self._day = int(since_s // DAY_S)

    @classmethod
    def of(cls, image: LedgerImage) -> "Ledger":
        """Return the ledger that an image was made of."""
        ledger = cls(image.since_s)
        ledger.until_s = image.until_s
        ledger.starts = {title: Counter(hours) for title, hours in image.starts.items()}
        ledger.positions = list(image.positions)
        ledger.bands = {name: list(shares) for name, shares in image.bands.items()}
        ledger.begun = {title: Begun(each.times, each.length) for title, each in image.begun.items()}
        ledger.slots = Counter(image.slots)
        ledger._day = int(image.until_s // DAY_S)
        return ledger

    def image(self) -> LedgerImage:
        """Return all of it, apart from what is counted next."""
        return LedgerImage(
            self.since_s,
            self.until_s,
            {title: dict(hours) for title, hours in self.starts.items()},
            list(self.positions),
            {name: list(shares) for name, shares in self.bands.items()},
            {title: Begun(each.times, each.length) for title, each in self.begun.items()},
            dict(self.slots),
        )

    def asked(self, path: str, size_bytes: int, at_s: float) -> None:
        """Count a request; what is no segment of a title is not counted."""
        found = _SEGMENT.fullmatch(path)
        if found is not None:
            title, rendition, number = found.groups()
            self.count(title, rendition, int(number) - 1, size_bytes, at_s)

    def count(self, title: str, rendition: str, position: int, size_bytes: int, at_s: float) -> None:
        """Count a request for a position from 0 on; times must not run backwards by more than a day."""
        bands = self.bands.get(rendition)
        if position >= LONGEST or (bands is None and len(self.bands) >= _RENDITIONS):
            return
        self.until_s = max(self.until_s, at_s)
        if at_s // DAY_S > self._day:
            self._fade(int(at_s // DAY_S))
            bands = self.bands.get(rendition)
        if bands is None:
            bands = self.bands[rendition] = [0.0] * (len(BANDS) + 1)
        self.slots[int(at_s // SLOT_S)] += size_bytes
        self.know(position + 1)
        self.positions[position] += 1.0
        bands[band_of(position)] += 1.0
        if position == 0:
            self._begin(title, int(at_s // HOUR_S))
        elif (begun := self.begun.get(title)) is not None and begun.length <= position:
            begun.length = position + 1

    def know(self, length: int) -> None:
        """Have room for so many positions."""
        if length > len(self.positions):
            self.positions += [0.0] * (length - len(self.positions))

    def _begin(self, title: str, hour: int) -> None:
        hours = self.starts.pop(title, None)
        if hours is None and len(self.starts) >= _TITLES:
            forgotten = next(iter(self.starts))
            del self.starts[forgotten]
            self.begun.pop(forgotten, None)
        hours = self.starts[title] = Counter() if hours is None else hours  # it is the last begun now
        hours[hour] += 1
        begun = self.begun.setdefault(title, Begun())
        begun.times += 1.0
        begun.length = max(begun.length, 1)

    def _fade(self, day: int) -> None:
        fading = _FADING ** (day - self._day)
        self._day = day
        self.positions = [count * fading for count in self.positions]
        self.bands = {name: [count * fading for count in shares] for name, shares in self.bands.items()}
        for begun in self.begun.values():
            begun.times *= fading
        oldest = day - _DAYS_KEPT
        for hours in self.starts.values():
            for hour in [hour for hour in hours if hour < oldest * 24]:
                del hours[hour]
        for slot in [slot for slot in self.slots if slot < oldest * DAY_S // SLOT_S]:
            del self.slots[slot]


def band_of(position: int) -> int:
    """Return the band of a position.

    Example:
        >>> [band_of(position) for position in (0, 1, 3, 4, 8, 900)]
        [0, 1, 2, 3, 4, 4]
    """
    for band, first in enumerate(BANDS):
        if position < first:
            return band
    return len(BANDS)
