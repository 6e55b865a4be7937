"""Where viewers are, how far they watch, and what will therefore be asked for: learnt as they watch.

A session is a playhead that moves through a title, one segment after another.
From all of them are learnt: how likely it is to go on at each position, how
often a playhead changes its rendition, how fast it moves, and how often each
title is begun. That gives for each segment the number of requests to expect.
"""

import re
from collections import OrderedDict
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

IDLE_S: Final = 90.0
"""Seconds without a request after which a session has stopped where it was."""
LONGEST: Final = 4096
"""Segments of a title that are told apart; what lies beyond has no forecast."""

_NAME: Final = re.compile(r"(.+)/(([A-Za-z_-]*)[^/]*)/0*(\d{1,6})\.[A-Za-z0-9]+")
_HALF_LIFE_S: Final = 3600.0
_WORTHLESS: Final = 5.0
_NEWBORN_S: Final = 600.0
_LEARNT_REQUESTS: Final = 200
_LEARNT_S: Final = 30.0
_FADING: Final = 0.999
_PLACES_KEPT: Final = 200_000
_HEADS_KEPT: Final = 100_000
_CELLS_KEPT: Final = 1 << 23
_MOST_RENDITIONS: Final = 64
_MOST_STEP: Final = 3
_MOVES_KEPT: Final = 5000.0
_MOVES_DOUBTED: Final = 10.0


class Title:
    """What is known of one title: playheads by rendition and position, and how often it is begun."""

    __slots__ = (
        "all_heads",
        "asked",
        "asked_in_all",
        "heads",
        "length",
        "name",
        "renditions",
        "starts",
        "starts_at_s",
    )

    def __init__(self, name: str, now_s: float) -> None:
        self.name = name
        self.renditions: dict[str, int] = {}
        self.heads: list[Floats] = []
        self.all_heads: Floats = np.zeros(64)
        self.asked: list[float] = []
        self.asked_in_all = 0.0
        self.length = 0
        self.starts = 0.0
        self.starts_at_s = now_s

    @property
    def cells(self) -> int:
        """Numbers that its playheads take."""
        return (1 + len(self.heads)) * len(self.all_heads)

    def row(self, rendition: str) -> int:
        """Return the row of a rendition, a new one where it is new."""
        row = self.renditions.get(rendition)
        if row is None:
            row = self.renditions[rendition] = len(self.renditions)
            self.heads.append(np.zeros_like(self.all_heads))
            self.asked.append(0.0)
        return row

    def reach(self, number: int) -> None:
        """Have room for a position."""
        if number >= self.length:
            self.length = number + 1
            while self.length >= len(self.all_heads):
                self.heads = [np.concatenate([row, np.zeros_like(row)]) for row in self.heads]
                self.all_heads = np.concatenate([self.all_heads, np.zeros_like(self.all_heads)])

    def move(self, row: int, number: int, weight: float) -> None:
        """Add a playhead's weight at a position, or take it away."""
        self.heads[row][number] += weight
        self.all_heads[number] += weight

    def forget(self) -> None:
        """Give back what its playheads take; nothing more is expected of it."""
        self.heads, self.all_heads = [], np.zeros(0)

    def share(self, row: int) -> float:
        """Return the share of a rendition among what was asked for."""
        return (self.asked[row] + 1.0) / (self.asked_in_all + len(self.asked))

    def begun(self, now_s: float) -> None:
        """Count one more session that begins."""
        self.starts = 1.0 + self.starts * 0.5 ** ((now_s - self.starts_at_s) / _HALF_LIFE_S)
        self.starts_at_s = now_s

    def starts_per_s(self, now_s: float, known_s: float) -> float:
        """Return how often sessions begin, as far as it has been seen for `known_s`."""
        faded = self.starts * 0.5 ** ((now_s - self.starts_at_s) / _HALF_LIFE_S)
        memory_s = _HALF_LIFE_S / 0.693 * (1 - 0.5 ** (max(known_s, _NEWBORN_S) / _HALF_LIFE_S))
        return float(faded / memory_s)


class Place:
    """A segment: of which title, in which rendition, at which position."""

    __slots__ = ("family", "number", "row", "title")

    def __init__(self, title: Title, row: int, family: str, number: int) -> None:
        self.title = title
        self.row = row
        self.family = family
        self.number = number


class _Head:
    __slots__ = ("number", "row", "seen_at_s", "title", "weight")

    def __init__(self, title: Title, row: int, number: int, seen_at_s: float) -> None:
        self.title = title
        self.row = row
        self.number = number
        self.seen_at_s = seen_at_s
        self.weight = 0.0


class Watching:
    """Learns from what sessions ask for; forecasts what will be asked for.

    What is to come counts the less the later it comes: by half for each
    `horizon_s` x ln 2, which is about how long a cache could wait for it.

    Cost: 2 us a request, 3 us a forecast.
    Memory: 8 bytes a segment and rendition of the titles asked for last, 64 MiB
    at most; 200 bytes a session, of which 100,000 are followed at most. So no
    flood of names that are nothing takes more.
    """

    def __init__(self) -> None:
        self.sessions_seen = 0
        self._titles: OrderedDict[str, Title] = OrderedDict()  # the one asked for last at the end
        self._cells = 0
        self._places: dict[str, Place | None] = {}
        self._heads: OrderedDict[tuple[str, str, Title], _Head] = OrderedDict()
        self._since_s: float | None = None
        self._went_on = np.zeros(LONGEST)
        self._stopped = np.zeros(LONGEST)
        self._moved_s, self._moves = 4.0 * 50, 50.0
        self._stayed, self._switched = 95.0, 5.0
        self._followed, self._strayed = 0.0, 0.0
        self._learnt_at_s = -1e9
        self._asked_since = 0
        self._survival = [1.0] * LONGEST
        self._horizon_s = 600.0
        self._same: Floats = np.zeros(1)
        self._other: Floats = np.zeros(1)
        self._make_kernels()

    def place(self, path: str, now_s: float) -> Place | None:
        """Return which segment a path names; None where it names none."""
        try:
            return self._places[path]
        except KeyError:
            pass
        found = _NAME.fullmatch(path)
        place = None
        if found and int(found[4]) < LONGEST:
            place = self._placed(found, int(found[4]), now_s)
        if len(self._places) >= _PLACES_KEPT:
            self._places.clear()
        self._places[path] = place
        return place

    def asked(self, path: str, session: str, then: str, now_s: float) -> None:
        """Move a session's playhead to what it asks for now.

        Args:
            then: What it says that it will ask for next, or empty: it stands in
                that rendition already.
        """
        place = self.place(path, now_s)
        if place is None:
            return
        if self._since_s is None:
            self._since_s = now_s
        title, row, number = place.title, place.row, place.number
        self._titles.move_to_end(title.name)
        # By title too: an ad break leaves the film's playhead where it is.
        key = session, place.family, title
        head = self._heads.pop(key, None)
        self._asked_since += 1
        title.asked[row] += 1.0
        title.asked_in_all += 1.0
        if head is None:
            self.sessions_seen += 1
            title.begun(now_s)
            head = _Head(title, row, number, now_s)
        else:
            self._learn(head, row, number, now_s)
            title.move(head.row, head.number, -head.weight)
        following = self.place(then, now_s) if then else None
        if following is not None and following.title is title:
            row = following.row
        head.row, head.number, head.seen_at_s = row, number, now_s
        head.weight = 1.0 / self._survival[number]
        title.move(row, number, head.weight)
        self._heads[key] = head
        self._forget(now_s)

    @property
    def goes_on(self) -> float:
        """Share of the last thousands of moves that went on to what follows; 0 before there are any."""
        return self._followed / (self._followed + self._strayed + _MOVES_DOUBTED)

    def look_ahead(self, horizon_s: float, now_s: float) -> None:
        """Learn how far ahead matters, and take up what was learnt since the last time."""
        due = now_s - self._learnt_at_s >= _LEARNT_S and self._asked_since >= _LEARNT_REQUESTS
        if due or not 0.8 < horizon_s / self._horizon_s < 1.25:
            self._learnt_at_s = now_s
            self._asked_since = 0
            self._horizon_s = horizon_s
            self._learn_survival()
            self._make_kernels()

    def expected(self, place: Place, now_s: float) -> float:
        """Return how many requests for a segment are to be expected, the sooner the more they count."""
        title, number, row = place.title, place.number, place.row
        if not title.heads:  # it was forgotten
            return 0.0
        share = title.share(row)
        known_s = now_s - (now_s if self._since_s is None else self._since_s)
        begun = share * title.starts_per_s(now_s, known_s) * self._horizon_s * self._starting[number]
        start = max(0, number - len(self._same))
        if start == number:
            return float(begun * self._survival[number])
        at = start - number
        coming = title.heads[row][start:number].dot(self._same[at:])
        others = title.all_heads[start:number].dot(self._other[at:])
        return float((coming + share * others + begun) * self._survival[number])

    def _placed(self, found: re.Match[str], number: int, now_s: float) -> Place | None:
        name, rendition, family, _ = found.groups()
        title = self._titles.get(name)
        if title is None:
            title = self._titles[name] = Title(name, now_s)
            self._cells += title.cells
        self._titles.move_to_end(name)
        if rendition not in title.renditions and len(title.renditions) >= _MOST_RENDITIONS:
            return None
        self._cells -= title.cells
        place = Place(title, title.row(rendition), family, number)
        title.reach(number)
        self._cells += title.cells
        while self._cells > _CELLS_KEPT:
            oldest = self._titles.popitem(last=False)[1]
            self._cells -= oldest.cells
            oldest.forget()
            self._places.clear()  # some are of that title
        return place

    def _learn(self, head: _Head, row: int, number: int, now_s: float) -> None:
        step = number - head.number
        if not 1 <= step <= _MOST_STEP:
            self._strayed += step != 0
            return
        self._followed += 1.0
        if self._followed > _MOVES_KEPT:
            self._followed /= 2
            self._strayed /= 2
        self._went_on[head.number : number] += 1.0
        if now_s - head.seen_at_s < IDLE_S:
            self._moved_s += now_s - head.seen_at_s
            self._moves += step
        if row == head.row:
            self._stayed += 1.0
        else:
            self._switched += 1.0

    def _forget(self, now_s: float) -> None:
        while True:
            key = next(iter(self._heads))
            head = self._heads[key]
            if now_s - head.seen_at_s <= IDLE_S and len(self._heads) <= _HEADS_KEPT:
                return
            del self._heads[key]
            if head.title.heads:
                head.title.move(head.row, head.number, -head.weight)
            if head.number < head.title.length - 1:  # who reached the end did not stop, the title did
                self._stopped[head.number] += 1.0

    def _learn_survival(self) -> None:
        """Make survival anew: hazards by position, smoothed over neighbours that were seen too seldom."""
        stopped = _smoothed(self._stopped)
        hazard = (stopped + 0.05) / (stopped + _smoothed(self._went_on) + 5.0)
        log_survival = np.concatenate([[0.0], np.cumsum(np.log1p(-np.minimum(hazard, 0.99)))[:-1]])
        self._survival = np.exp(np.maximum(log_survival, -60.0)).tolist()
        self._went_on *= _FADING
        self._stopped *= _FADING

    def _make_kernels(self) -> None:
        """Make what a playhead so many segments behind is worth: in its rendition, and in another."""
        pace_s = self._moved_s / self._moves
        changed = min(0.2, self._switched / (self._stayed + self._switched))
        furthest = int(min(LONGEST - 1, max(4.0, _WORTHLESS * self._horizon_s / pace_s)))
        behind = np.arange(furthest, 0, -1)
        sooner = np.exp(-behind * pace_s / self._horizon_s)
        staying = (1.0 - changed) ** behind
        self._same, self._other = sooner * staying, sooner * (1.0 - staying)
        self._starting = np.exp(-np.arange(LONGEST) * pace_s / self._horizon_s).tolist()


def _smoothed(counts: Floats) -> Floats:
    """Average over neighbours: one at the beginning, an eighth of the position later on."""
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    at = np.arange(len(counts))
    reach = at // 16
    low, high = np.maximum(0, at - reach), np.minimum(len(counts), at + reach + 1)
    smoothed: Floats = (sums[high] - sums[low]) / (high - low)
    return smoothed
