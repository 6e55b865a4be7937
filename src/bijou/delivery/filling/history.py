"""What was asked for, counted by hour: starts of titles, positions, renditions, bytes."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from bijou.ports import InvalidRequest

Floats = npt.NDArray[np.float64]

HOUR_S: Final = 3600
DAY_S: Final = 86_400
SLOT_S: Final = 300
"""Seconds of one point of the demand curve."""
BANDS: Final = (1, 2, 4, 8)
"""Positions at which another share of the renditions begins: players start low and climb."""

_FADING: Final = 0.8
_DAYS_KEPT: Final = 14


class Rendition:
    """One rendition's objects in the order in which they are played.

    Args:
        name: The same in all titles that have it, such as `v360`.
        paths: Of the first object on.
        sizes_bytes: One for each path, each >= 1.

    Raises:
        InvalidRequest: `delivery.bad_fill`: none, or not as many sizes as paths, or a size below 1.
    """

    __slots__ = ("name", "paths", "sizes_bytes")

    def __init__(self, name: str, paths: Sequence[str], sizes_bytes: Sequence[int]) -> None:
        if not paths or len(paths) != len(sizes_bytes) or min(sizes_bytes) < 1:
            rule = "each object needs a size of at least 1, and there is at least one"
            raise InvalidRequest(
                "delivery.bad_fill",
                f"rendition {name}: {len(paths)} objects, {len(sizes_bytes)} sizes; {rule}",
            )
        self.name = name
        self.paths = tuple(paths)
        self.sizes_bytes = np.asarray(sizes_bytes, np.int64)


class TitleMedia:
    """A title's media: since when it can be watched, and its renditions."""

    __slots__ = ("available_at_s", "length", "name", "renditions")

    def __init__(self, name: str, available_at_s: float, renditions: Sequence[Rendition]) -> None:
        self.name = name
        self.available_at_s = available_at_s
        self.renditions = tuple(renditions)
        self.length = max((len(one.paths) for one in renditions), default=0)


class History:
    """Counts of requests for the titles that are published here.

    A request for the first object of a rendition is a start, whoever sends
    it; what names no published object is not counted, so no flood of names
    takes memory. Positions and renditions fade by a fifth a day, starts by
    hour are kept for two weeks.

    Cost: 2 us a request; a number an hour and title, and a reference a path.

    Args:
        since_s: From when on all requests are told.
    """

    def __init__(self, since_s: float) -> None:
        self.since_s = since_s
        self.until_s = since_s
        self.titles: dict[str, TitleMedia] = {}
        self.starts: dict[str, Counter[int]] = {}
        self.positions: Floats = np.zeros(64)
        self.bands: dict[str, Floats] = {}
        self.slots: Counter[int] = Counter()
        self._objects: dict[str, tuple[TitleMedia, int, int]] = {}
        self._begun: dict[int, float] = {}
        self._day = int(since_s // DAY_S)

    def publish(self, title: TitleMedia) -> None:
        """Take in a title; one of the same name is replaced, its starts stay."""
        self.withdraw(title.name)
        self.titles[title.name] = title
        self.starts.setdefault(title.name, Counter())
        for row, rendition in enumerate(title.renditions):
            self.bands.setdefault(rendition.name, np.zeros(len(BANDS) + 1))
            for number, path in enumerate(rendition.paths):
                self._objects[path] = title, row, number
        if title.length > len(self.positions):
            self.positions = np.concatenate([self.positions, np.zeros(title.length - len(self.positions))])

    def withdraw(self, name: str) -> None:
        """Let go of a title's objects, as when its rights end; nothing happens where there is none."""
        title = self.titles.pop(name, None)
        if title is not None:
            for rendition in title.renditions:
                for path in rendition.paths:
                    del self._objects[path]

    def asked(self, path: str, at_s: float) -> None:
        """Count a request; times must not run backwards by more than a day."""
        found = self._objects.get(path)
        if found is None:
            return
        title, row, number = found
        self.until_s = max(self.until_s, at_s)
        if at_s // DAY_S > self._day:
            self._fade(int(at_s // DAY_S))
        rendition = title.renditions[row]
        self.slots[int(at_s // SLOT_S)] += int(rendition.sizes_bytes[number])
        self.positions[number] += 1.0
        self.bands[rendition.name][band_of(number)] += 1.0
        if number == 0:
            self.starts[title.name][int(at_s // HOUR_S)] += 1
            self._begun[title.length] = self._begun.get(title.length, 0.0) + 1.0

    def could_reach(self) -> Floats:
        """Return for each position the starts of titles that are long enough, faded as positions are."""
        ended = np.zeros(len(self.positions) + 1)
        for length, begun in self._begun.items():
            ended[length] += begun
        reaching: Floats = ended.sum() - np.cumsum(ended)[:-1]
        return reaching

    def _fade(self, day: int) -> None:
        fading = _FADING ** (day - self._day)
        self._day = day
        self.positions *= fading
        self.bands = {name: shares * fading for name, shares in self.bands.items()}
        for length in self._begun:
            self._begun[length] *= fading
        oldest = day - _DAYS_KEPT
        for starts in self.starts.values():
            for hour in [hour for hour in starts if hour < oldest * 24]:
                del starts[hour]
        for slot in [slot for slot in self.slots if slot < oldest * DAY_S // SLOT_S]:
            del self.slots[slot]


def band_of(number: int) -> int:
    """Return the band of a position.

    Example:
        >>> [band_of(number) for number in (0, 1, 3, 4, 8, 900)]
        [0, 1, 2, 3, 4, 4]
    """
    for band, first in enumerate(BANDS):
        if number < first:
            return band
    return len(BANDS)
