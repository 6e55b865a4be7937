"""The nouns of chunked encoding: a film's picture, a chunk's plan, what became of it.

All of it but `ChunkMade` travels in tasks, so it is small, frozen and JSON.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import groupby

from msgspec import Struct

from bijou.encoding.inspection import Film
from bijou.encoding.ladder import Rung
from bijou.encoding.presentation import timescale
from bijou.packaging import FinalSegment, TrackHead


class PictureSource(Struct, frozen=True):
    """What an encode of any piece of a film must know of its picture.

    The film's own clock starts with its first frame and has `per_s` ticks a
    second; even frames are put exactly in their places.

    Args:
        stream: Index of the picture in the file.
        tick: The file's unit of time in seconds, as two whole numbers.
        first: When the first frame is shown, by the file.
        last_duration: Of the last packet in the file's units; 0 if it says none.
        per_s: Ticks a second of the film's clock.
        frame_ticks: How long each frame is shown; 0 where the frame rate varies.
        rate: Frames a second, on average, as two whole numbers.
        longest_group_s: Longest time from one key frame to the next, or to the
            film's end; 0 where nobody has looked. Files without an index are
            then decoded from their start for every chunk.
    """

    container: str
    stream: int
    tick: tuple[int, int]
    first: int
    last_duration: int
    per_s: int
    frame_ticks: int
    rate: tuple[int, int]
    interlaced: bool = False
    hdr: bool = False
    longest_group_s: float = 0.0

    def film_ticks(self, moment: int) -> int:
        """Return when a frame is shown by the film's clock.

        Args:
            moment: When it is shown by the file, not before the first.

        Example:
            >>> source = PictureSource("matroska", 0, (1, 1000), 7, 0, 24000, 1000, (24, 1))
            >>> [source.film_ticks(7 + ms) for ms in (0, 42, 83)]
            [0, 1000, 2000]
        """
        moved = self._rescaled(moment) - self.origin
        if self.frame_ticks:
            return _nearest(moved, self.frame_ticks) * self.frame_ticks
        return moved

    @property
    def origin(self) -> int:
        """The film's start in ticks of the film's length, counted from the file's zero."""
        return self._rescaled(self.first)

    @property
    def frame_s(self) -> Fraction:
        """How long a frame is shown, on average."""
        return Fraction(self.rate[1], self.rate[0])

    def _rescaled(self, moment: int) -> int:
        return _nearest(moment * self.tick[0] * self.per_s, self.tick[1])


class Chunk(Struct, frozen=True):
    """One piece of a film, planned: what is encoded, and how it will be cut.

    Two encodes of it, anywhere, at any time, by the same recipe on the same
    build, give the same bytes.

    Args:
        first_frame: Its number in the film, from 0.
        source_start: When that frame is shown by the file's clock.
        start: When it is shown by the film's clock.
        runs: How long frames are shown: ticks, and how many frames in a row.
        segments: Which of its frames open segments, 0 first.
        first_number: Of its first segment in the film, from 1.
        shots: Which of its frames open shots, 0 first, as if one began there.
        ends_on_cut: Whether the film's next frame begins a shot, or there is none.
        tail_frames: How many frames behind its end may be looked at.
    """

    index: int
    first_frame: int
    source_start: int
    start: int
    runs: tuple[tuple[int, int], ...]
    segments: tuple[int, ...]
    first_number: int
    shots: tuple[int, ...]
    ends_on_cut: bool
    tail_frames: int

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return sum(count for _, count in self.runs)

    @property
    def ticks(self) -> int:
        """How long it is shown."""
        return sum(duration * count for duration, count in self.runs)

    @property
    def end(self) -> int:
        """When the next chunk begins, by the film's clock."""
        return self.start + self.ticks

    def durations(self) -> list[int]:
        """Return how long each frame is shown."""
        return [duration for duration, count in self.runs for _ in range(count)]

    def boundaries(self) -> list[int]:
        """Return when its segments begin, by the film's clock."""
        durations, moments, moment = self.durations(), [], self.start
        for frame, duration in enumerate(durations):
            if frame in self.segments:
                moments.append(moment)
            moment += duration
        return moments


class ChunkWork(Struct, frozen=True):
    """One chunk at one rendition: the payload of one task.

    Args:
        crfs: Rate factor of each shot of the chunk; empty for the rung's own.
    """

    picture: PictureSource
    chunk: Chunk
    rung: Rung
    crfs: tuple[float, ...] = ()


class ChunkMade(Struct, frozen=True):
    """A chunk at one rendition, final.

    Args:
        head: The same, to the byte, for all chunks of the rendition.
        cpu_s: What the encode has cost.
    """

    head: TrackHead
    segments: list[FinalSegment]
    cpu_s: float
    wall_s: float


def picture_source(film: Film) -> PictureSource:
    """Return what chunk tasks must know of a film that was inspected."""
    clock, picture, rate = timescale(film), film.picture, film.cadence.rate
    return PictureSource(
        container=film.container,
        stream=picture.index,
        tick=picture.tick,
        first=film.ticks[0],
        last_duration=picture.last_ticks,
        per_s=clock.per_s,
        frame_ticks=clock.frame_ticks,
        rate=(rate.numerator, rate.denominator),
        interlaced=picture.interlaced,
        hdr=film.media.video[0].hdr,
    )


def runs_of(durations: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return durations with the same ones in a row counted.

    Example:
        >>> runs_of([40, 40, 80])
        ((40, 2), (80, 1))
    """
    return tuple((duration, len(list(run))) for duration, run in groupby(durations))


def _nearest(numerator: int, denominator: int) -> int:
    """Round a fraction half away from zero, as ffmpeg does."""
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole
