"""Where a film is cut into chunks, decided while it is still being looked through.

Whole shots where there are cuts; but what a chunk is, is settled twelve
seconds of film after its start, whatever comes later. So the first chunk can
be encoded before the last shot is known, and the plan of the first half of a
film is the first half of the plan.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil

from msgspec import Struct

from bijou.encoding.chunks.model import Chunk, PictureSource, runs_of
from bijou.encoding.grid import segment_grid
from bijou.ports import InvalidRequest

_USUAL_FRAMES = 10


class ChunkRules(Struct, frozen=True):
    """How long chunks are.

    Longer ones cost less and retry more: measured, 10 s chunks cost 0 to 16 %
    more CPU time than one piece, 6 s ones 6 to 8 %, 4 s ones 17 to 20 %.

    Args:
        shortest_s, longest_s: A chunk ends at the last cut between them.
        even_s: Where it ends if there is none.
        settled_s: What is left of a film is one chunk up to this length; what
            comes later has no say.
        tail_frames: Most frames that an encoder may look ahead behind a chunk.
    """

    shortest_s: int = 6
    longest_s: int = 10
    even_s: int = 8
    settled_s: int = 12
    tail_frames: int = 48


class SeenFrame(Struct, frozen=True):
    """A frame as it was found.

    Args:
        moment: When it is shown, by the file's clock.
        cut: Whether it begins a shot.
    """

    moment: int
    cut: bool = False


def plan_chunks(
    frames: Iterable[SeenFrame],
    picture: PictureSource,
    *,
    breaks_s: Sequence[Fraction | float] = (),
    rules: ChunkRules | None = None,
) -> Iterator[Chunk]:
    """Yield the chunks of a film, each as soon as it is settled.

    Cost: O(frames) time; memory for the frames of twelve seconds.

    Args:
        frames: In the order in which they are shown.
        breaks_s: Moments of the film at which a segment must begin, rising:
            there may be advertisements.

    Raises:
        InvalidRequest: `encoding.times_stand_still`, a frame is shown no later
            than the one before.
    """
    planner = ChunkPlanner(picture, breaks_s=breaks_s, rules=rules)
    for frame in frames:
        yield from planner.add(frame)
    yield from planner.finish()


class ChunkPlanner:
    """The plan as far as it is settled; see `plan_chunks`.

    Args:
        picture: Tells the film's clock.
    """

    def __init__(
        self,
        picture: PictureSource,
        *,
        breaks_s: Sequence[Fraction | float] = (),
        rules: ChunkRules | None = None,
    ) -> None:
        self._picture = picture
        self._rules = rules or ChunkRules()
        self._breaks = [ceil(Fraction(moment) * picture.per_s) for moment in breaks_s]
        self._next_break = 0
        self._frames: list[SeenFrame] = []
        self._ticks: list[int] = []
        self._forced: list[bool] = []
        self._index = self._first_frame = 0
        self._number = 1

    def add(self, frame: SeenFrame) -> list[Chunk]:
        """Take the next frame; return the chunks that it settles.

        Raises:
            InvalidRequest: `encoding.times_stand_still`.
        """
        tick = self._picture.film_ticks(frame.moment)
        if self._ticks and tick <= self._ticks[-1]:
            raise InvalidRequest(
                "encoding.times_stand_still",
                f"frame {self._first_frame + len(self._ticks)} is shown at tick {tick}, the one before at"
                f" {self._ticks[-1]}; each must be shown later than the last",
            )
        self._frames.append(frame)
        self._ticks.append(tick)
        self._forced.append(self._pass_breaks(tick))
        chunks = []
        while tick - self._ticks[0] >= self._in_ticks(self._rules.settled_s):
            chunks.append(self._emit(self._choose()))
        return chunks

    def finish(self) -> list[Chunk]:
        """Return the last chunks: there are no more frames."""
        chunks: list[Chunk] = []
        if not self._ticks:
            return chunks
        end = self._ticks[-1] + self._last_duration()
        while len(self._ticks) > 1 and end - self._ticks[0] > self._in_ticks(self._rules.settled_s):
            chunks.append(self._emit(self._choose()))
        return [*chunks, self._emit(len(self._ticks), end)]

    def _pass_breaks(self, tick: int) -> bool:
        passed = self._next_break
        while self._next_break < len(self._breaks) and self._breaks[self._next_break] <= tick:
            self._next_break += 1
        return self._next_break > passed

    def _choose(self) -> int:
        """The number of frames in the next chunk, at least 1: to a break, a cut, or 8 s."""
        start, rules = self._ticks[0], self._rules
        soonest, latest = start + self._in_ticks(rules.shortest_s), start + self._in_ticks(rules.longest_s)
        window = [n for n, tick in enumerate(self._ticks) if n and soonest <= tick <= latest]
        for wanted in (self._forced.__getitem__, lambda n: self._frames[n].cut):
            if found := [n for n in window if wanted(n)]:
                return found[-1]
        even = start + self._in_ticks(rules.even_s)
        return max(1, sum(tick <= even for tick in self._ticks) - 1)

    def _emit(self, count: int, end: int | None = None) -> Chunk:
        ticks = self._ticks[:count]
        stop = end if end is not None else self._ticks[count]
        cuts = [n for n in range(1, count) if self._frames[n].cut]
        segments = self._segments(ticks, cuts, stop)
        on_cut = end is not None or self._frames[count].cut
        chunk = Chunk(
            index=self._index,
            first_frame=self._first_frame,
            source_start=self._frames[0].moment,
            start=ticks[0],
            runs=runs_of(after - before for before, after in pairwise([*ticks, stop])),
            segments=tuple(segments),
            first_number=self._number,
            shots=(0, *cuts),
            ends_on_cut=on_cut,
            tail_frames=0 if on_cut else self._tail(count),
        )
        self._index, self._first_frame = self._index + 1, self._first_frame + count
        self._number += len(segments)
        del self._ticks[:count], self._frames[:count], self._forced[:count]
        return chunk

    def _tail(self, count: int) -> int:
        """Frames behind the chunk that were there before it was settled."""
        horizon = self._ticks[0] + self._in_ticks(self._rules.settled_s)
        known = sum(tick < horizon for tick in self._ticks[count:])
        return min(self._rules.tail_frames, known)

    def _segments(self, ticks: list[int], cuts: list[int], stop: int) -> list[int]:
        """Which frames open segments: those at breaks, and what the grid says in between."""
        edges = [0, *(n for n in range(1, len(ticks)) if self._forced[n]), len(ticks)]
        segments: list[int] = []
        for first, last in pairwise(edges):
            piece = ticks[first:last]
            end = ticks[last] if last < len(ticks) else stop
            times_s = [self._seconds(tick - piece[0]) for tick in piece]
            cuts_s = [times_s[n - first] for n in cuts if first < n < last]
            starts = set(segment_grid(times_s, cuts_s, self._seconds(end - piece[0])))
            segments += [first + n for n, moment in enumerate(times_s) if moment in starts]
        return segments

    def _last_duration(self) -> int:
        """What the last packet says if that is sane, or the usual duration."""
        if self._picture.frame_ticks:
            return self._picture.frame_ticks
        usual = max(1, round(self._picture.frame_s * self._picture.per_s))
        recent = pairwise(self._ticks[-_USUAL_FRAMES:])
        longest = max((after - before for before, after in recent), default=usual)
        last = self._frames[-1].moment
        said = self._picture.film_ticks(last + self._picture.last_duration) - self._ticks[-1]
        return said if 0 < said <= 2 * max(usual, longest) else usual

    def _in_ticks(self, seconds: int) -> int:
        return seconds * self._picture.per_s

    def _seconds(self, ticks: int) -> float:
        return ticks / self._picture.per_s
