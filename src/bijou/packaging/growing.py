"""A fragmented MP4 that is still being written, and its sound cut as it comes."""

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import BinaryIO

from bijou.packaging.boxes import Box, BoxHeader, bad_mp4, read_header
from bijou.packaging.chunk import FinalSegment, TrackHead, final_segment, track_head
from bijou.packaging.fragments import FragmentReader
from bijou.packaging.init_segment import Movie, read_movie
from bijou.packaging.track import MOST_HEAD_BYTES, Track
from bijou.ports import InvalidRequest

_LONGEST_S, _SHORTEST_S = 4, 1


class GrowingTrack:
    """The whole fragments of a one-track file, as many as there are by now.

    Cost: O(new fragments) a call; about 32 bytes of memory a sample.

    Args:
        file: May be empty yet; others append to it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.end = 0
        self._movie: Movie | None = None
        self._reader: FragmentReader | None = None
        self._moof: Box | None = None
        self._fragments = 0

    def advance(self) -> Track | None:
        """Read what has been completed since; None while there is no sample.

        Raises:
            InvalidRequest: `packaging.bad_mp4`.
        """
        size = self.file.seek(0, 2)
        while (header := self._next(size)) is not None:
            self._take(header)
        if not self._fragments or self._movie is None or self._reader is None:
            return None
        return Track(self._movie.header, self._movie.format, self._reader.finish())

    def _next(self, size: int) -> BoxHeader | None:
        """The next box, if all of it is there."""
        at = self._moof.header.end if self._moof else self.end
        if size - at < 16:
            return None
        self.file.seek(at)
        header = read_header(self.file.read(16), at, 1 << 62)
        return header if header.end <= size else None

    def _take(self, header: BoxHeader) -> None:
        if self._moof is not None:
            if header.kind != "mdat" or self._reader is None:
                raise bad_mp4(header.position, f"{header.kind!r} follows a 'moof'; its 'mdat' must")
            self._reader.read(self._moof, header)
            self._moof, self._fragments = None, self._fragments + 1
        elif header.kind == "moov":
            self._movie = read_movie(self._load(header))
            known = self._movie
            self._reader = FragmentReader(known.header.track_id, known.defaults, known.lead_in)
        elif header.kind == "moof":
            self._moof = self._load(header)
            return
        self.end = header.end

    def _load(self, header: BoxHeader) -> Box:
        body_bytes = header.end - header.body_position
        if body_bytes > MOST_HEAD_BYTES:
            raise bad_mp4(
                header.position,
                f"{header.kind!r} has {body_bytes} bytes; at most {MOST_HEAD_BYTES} are taken",
            )
        self.file.seek(header.body_position)
        return Box(header, memoryview(self.file.read(body_bytes)))


class SoundCutter:
    """Cuts sound that is still being encoded, on a grid that is still being found.

    The cuts are those of `cut`: at the packet nearest to each boundary, so
    that no sample is lost, doubled or moved. Sound that goes on behind the
    last boundary is cut every 4 s.

    Args:
        file: A fragmented MP4 of one sound track; others append to it. What
            there is of it ends at `end_s`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._growing = GrowingTrack(file)
        self._firsts = [0]
        self._used = 0
        self._made = 0
        self._ended = False
        self.end_s = Fraction(0)
        self.head: TrackHead | None = None

    def take(self, boundaries_s: Sequence[Fraction], *, ended: bool, most: int = 16) -> list[FinalSegment]:
        """Return the next segments that are final by now, at most `most`.

        Args:
            boundaries_s: All that are known, rising; only ever appended to.
            ended: Nothing will be appended, neither to the file nor to the
                boundaries.

        Raises:
            InvalidRequest: `packaging.bad_mp4`; `packaging.no_sound`, the
                sound has ended without a single packet.
        """
        track = self._growing.advance()
        if track is None:
            if ended:
                raise InvalidRequest("packaging.no_sound", "the sound track has not a single packet")
            return []
        self.head = self.head or track_head(track)
        self.end_s = Fraction(_end(track), track.timescale)
        while self._used < len(boundaries_s) and self._decide(track, boundaries_s[self._used], ended=ended):
            self._used += 1
        if ended and not self._ended:
            self._ended = True
            self._cut_the_rest(track, boundaries_s[-1] if boundaries_s else Fraction(0))
        stops = [*self._firsts[1:], len(track.samples)] if ended else self._firsts[1:]
        return [self._segment(track, stop) for stop in stops[self._made : self._made + most]]

    def _decide(self, track: Track, boundary_s: Fraction, *, ended: bool) -> bool:
        """Find the packet for one boundary; False while what follows it is not there."""
        count, ticks = len(track.samples), boundary_s * track.timescale
        after = bisect_left(range(count), ceil(ticks), key=track.shown_at)
        if after == count and not ended:
            return False
        later = track.shown_at(after) if after < count else _end(track)
        first = after - 1 if after and ticks - track.shown_at(after - 1) <= later - ticks else after
        if first < count and track.shown_at(first) > max(0, track.shown_at(self._firsts[-1])):
            self._firsts.append(first)
        return True

    def _cut_the_rest(self, track: Track, last_s: Fraction) -> None:
        boundary_s = last_s + _LONGEST_S
        while self.end_s - boundary_s >= _SHORTEST_S:
            self._decide(track, boundary_s, ended=True)
            boundary_s += _LONGEST_S

    def _segment(self, track: Track, stop: int) -> FinalSegment:
        first = self._firsts[self._made]
        start = max(0, track.shown_at(first))
        end = track.shown_at(stop) if stop < len(track.samples) else _end(track)
        self._made += 1
        return final_segment(track, range(first, stop), self._made, self._growing.file, range(start, end))


def _end(track: Track) -> int:
    last = len(track.samples) - 1
    return track.shown_at(last) + track.samples.durations[last]
