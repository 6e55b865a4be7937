"""What was asked for, beside what there is: a ledger's counts and the titles that they are of."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from bijou.delivery.filling.ledger import BANDS, DAY_S, HOUR_S, SLOT_S, Ledger, band_of
from bijou.ports import InvalidRequest

Floats = npt.NDArray[np.float64]

__all__ = ["BANDS", "DAY_S", "HOUR_S", "SLOT_S", "History", "Rendition", "TitleMedia", "band_of"]


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

    What names no published object is not counted, so no flood of names takes
    memory.

    Cost: 2 us a request; a number an hour and title, and a reference a path
    once a request is told.

    Args:
        since_s: From when on all requests are told.
        ledger: What was counted before, or elsewhere; `since_s` is its own then.
    """

    def __init__(self, since_s: float, ledger: Ledger | None = None) -> None:
        self.titles: dict[str, TitleMedia] = {}
        self._ledger = Ledger(since_s) if ledger is None else ledger
        self._objects: dict[str, tuple[TitleMedia, int, int]] | None = None

    @property
    def since_s(self) -> float:
        """From when on all requests were told."""
        return self._ledger.since_s

    @property
    def until_s(self) -> float:
        """When the last request came."""
        return self._ledger.until_s

    @property
    def starts(self) -> Mapping[str, Counter[int]]:
        """Starts by title and hour since the epoch, of what was begun at all."""
        return self._ledger.starts

    @property
    def positions(self) -> Floats:
        """Requests by position, faded."""
        longest = max((title.length for title in self.titles.values()), default=0)
        self._ledger.know(max(64, longest))
        return np.asarray(self._ledger.positions, np.float64)

    @property
    def slots(self) -> Mapping[int, int]:
        """Bytes by the number of the five minutes since the epoch."""
        return self._ledger.slots

    def bands(self, rendition: str) -> Floats:
        """Return the requests for a rendition by band of positions, faded."""
        return np.asarray(self._ledger.bands.get(rendition, [0.0] * (len(BANDS) + 1)), np.float64)

    def publish(self, title: TitleMedia) -> None:
        """Take in a title; one of the same name is replaced, its starts stay."""
        self.withdraw(title.name)
        self.titles[title.name] = title
        if self._objects is not None:
            self._index(title, self._objects)

    def withdraw(self, name: str) -> None:
        """Let go of a title's objects, as when its rights end; nothing happens where there is none."""
        title = self.titles.pop(name, None)
        if title is not None and self._objects is not None:
            for rendition in title.renditions:
                for path in rendition.paths:
                    del self._objects[path]

    def asked(self, path: str, at_s: float) -> None:
        """Count a request; times must not run backwards by more than a day."""
        if self._objects is None:  # whoever only plans needs no index
            self._objects = {}
            for each in self.titles.values():
                self._index(each, self._objects)
        found = self._objects.get(path)
        if found is not None:
            title, row, number = found
            rendition = title.renditions[row]
            self._ledger.count(title.name, rendition.name, number, int(rendition.sizes_bytes[number]), at_s)

    def could_reach(self) -> Floats:
        """Return for each position the starts of titles that are long enough, faded as positions are."""
        ended = np.zeros(len(self.positions) + 1)
        for name, begun in self._ledger.begun.items():
            title = self.titles.get(name)
            ended[begun.length if title is None else title.length] += begun.times
        reaching: Floats = ended.sum() - np.cumsum(ended)[:-1]
        return reaching

    def _index(self, title: TitleMedia, objects: dict[str, tuple[TitleMedia, int, int]]) -> None:
        for row, rendition in enumerate(title.renditions):
            for number, path in enumerate(rendition.paths):
                objects[path] = title, row, number
