"""One track of a fragmented MP4: read from a file, cut, written as segments."""

from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, NamedTuple

from bijou.packaging.boxes import Box, BoxHeader, bad_mp4, read_header
from bijou.packaging.formats import Format
from bijou.packaging.fragments import FragmentReader
from bijou.packaging.init_segment import Movie, TrackHeader, read_movie
from bijou.packaging.samples import Samples
from bijou.packaging.segments import media_ranges, segment_head

MOST_HEAD_BYTES = 64 * 1024**2

_PIECE_BYTES = 1024**2
_SKIPPED = frozenset({"styp", "sidx", "ssix", "prft", "emsg", "free", "skip", "mfra", "meta", "uuid"})


@dataclass(frozen=True, slots=True)
class Track:
    """Everything of a track but its media, which stays in the file."""

    header: TrackHeader
    format: Format
    samples: Samples

    def shown_at(self, index: int) -> int:
        """Return when a sample is shown, in ticks; negative where the edit list skips it."""
        return self.samples.composed_at(index) - self.header.media_time

    @property
    def timescale(self) -> int:
        """Ticks a second."""
        return self.header.timescale

    @property
    def frame_rate(self) -> Fraction:
        """Frames a second (of sound: packets)."""
        return self.samples.rate(self.header.timescale)


class SegmentSize(NamedTuple):
    """How long a segment is.

    Args:
        key_bytes: Up to the end of the first sample: all that a player needs
            to show that one picture.
    """

    size_bytes: int
    key_bytes: int


def read_track(file: BinaryIO) -> Track:
    """Read a fragmented MP4 of one track; the media itself is not read.

    Cost: O(fragments) small reads; about 32 bytes of memory a sample.

    Raises:
        InvalidRequest: `packaging.bad_mp4`, with the byte at which the file is
            cut short, contradicts itself, or is not what CMAF allows;
            `packaging.unknown_codec`.
    """
    end = file.seek(0, 2)
    position, movie = _read_movie(file, end)
    reader = FragmentReader(movie.header.track_id, movie.defaults, movie.lead_in)
    while position < end:
        header = _header(file, position, end)
        position = header.end
        if header.kind == "moof":
            media = _header(file, position, end)
            if media.kind != "mdat":
                raise bad_mp4(media.position, f"{media.kind!r} follows a 'moof'; its 'mdat' must")
            reader.read(_load(file, header), media)
            position = media.end
        elif header.kind not in _SKIPPED:
            raise bad_mp4(header.position, f"{header.kind!r} has no place between fragments")
    return Track(movie.header, movie.format, reader.finish())


def write_segment(track: Track, span: range, number: int, source: BinaryIO, sink: BinaryIO) -> SegmentSize:
    """Copy samples from the track's file into a segment.

    Cost: O(bytes) time, a mebibyte of memory.

    Args:
        span: Indices of consecutive samples, not empty.
        number: Sequence number, from 1.

    Raises:
        InvalidRequest: `packaging.bad_mp4`, the file is shorter than when it
            was read.
    """
    head = segment_head(track.samples, span, number=number, track_id=track.header.track_id)
    sink.write(head)
    size_bytes = len(head)
    for media in media_ranges(track.samples, span):
        size_bytes += _copy(source, media, sink)
    return SegmentSize(size_bytes, len(head) + track.samples.sizes[span.start])


def _read_movie(file: BinaryIO, end: int) -> tuple[int, Movie]:
    first = _header(file, 0, end)
    if first.kind != "ftyp":
        raise bad_mp4(0, f"it begins with {first.kind!r}; an MP4 begins with 'ftyp'")
    position = first.end
    while position < end:
        header = _header(file, position, end)
        position = header.end
        if header.kind == "moov":
            return position, read_movie(_load(file, header))
        if header.kind not in _SKIPPED:
            raise bad_mp4(header.position, f"{header.kind!r} stands before 'moov'")
    raise bad_mp4(end, "it ends before 'moov'")


def _header(file: BinaryIO, position: int, end: int) -> BoxHeader:
    file.seek(position)
    return read_header(file.read(min(16, end - position)), position, end)


def _load(file: BinaryIO, header: BoxHeader) -> Box:
    body_bytes = header.end - header.body_position
    if body_bytes > MOST_HEAD_BYTES:
        raise bad_mp4(
            header.position, f"{header.kind!r} has {body_bytes} bytes; at most {MOST_HEAD_BYTES} are taken"
        )
    file.seek(header.body_position)
    return Box(header, memoryview(_exactly(file, body_bytes)))


def _copy(source: BinaryIO, media: range, sink: BinaryIO) -> int:
    source.seek(media.start)
    pieces = (min(_PIECE_BYTES, media.stop - at) for at in media[::_PIECE_BYTES])
    sink.writelines(_exactly(source, piece_bytes) for piece_bytes in pieces)
    return len(media)


def _exactly(file: BinaryIO, count: int) -> bytes:
    content = file.read(count)
    if len(content) != count:
        raise bad_mp4(file.tell(), f"the file ends here, {count - len(content)} bytes early; it has changed")
    return content
