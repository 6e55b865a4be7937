"""Tracks made up without an encoder: their samples are what a test says."""

from array import array
from collections.abc import Collection, Sequence
from fractions import Fraction
from io import BytesIO
from itertools import accumulate

from hypothesis import strategies as st

from bijou.packaging import Samples, Track, TrackHeader, write_init_segment, write_segment
from bijou.packaging.boxes import Box, BoxHeader, box, u16, u32
from bijou.packaging.formats import Kind, read_format

SYNC, NON_SYNC = 0x0200_0000, 0x0101_0000

AVC1 = box("avc1", bytes(24), u16(320, 180), bytes(50), box("avcC", bytes.fromhex("0164001effe10000")))
OPUS = box("Opus", bytes(16), u16(2, 16), bytes(4), u32(48000 << 16), box("dOps", bytes(11)))


def whole(entry: bytes) -> Box:
    """Hold one written box as a reader would."""
    return Box(BoxHeader(entry[4:8].decode(), 0, 8, len(entry)), memoryview(entry)[8:])


def made_header(kind: Kind, timescale: int, media_time: int = 0, entry: bytes = b"") -> TrackHeader:
    return TrackHeader(
        track_id=1,
        kind=kind,
        timescale=timescale,
        movie_timescale=1000,
        language=0x55C4,
        geometry=bytes(60),
        sample_entry=entry or (AVC1 if kind == "video" else OPUS),
        media_time=media_time,
    )


def made_samples(
    durations: Sequence[int],
    *,
    sizes: Sequence[int] = (),
    delays: Sequence[int] = (),
    syncs: Collection[int] | None = None,
    start: int = 0,
) -> Samples:
    count = len(durations)
    lengths = sizes or [1] * count
    return Samples(
        offsets=array("Q", list(accumulate(lengths, initial=0))[:-1]),
        sizes=array("I", lengths),
        decode_times=array("Q", list(accumulate(durations, initial=start))[:-1]),
        durations=array("I", durations),
        composition_offsets=array("i", delays or [0] * count),
        flags=array("I", [SYNC if syncs is None or index in syncs else NON_SYNC for index in range(count)]),
    )


def made_track(kind: Kind, timescale: int, samples: Samples, media_time: int = 0) -> Track:
    header = made_header(kind, timescale, media_time)
    return Track(header, read_format(whole(header.sample_entry), kind), samples)


def frames_at(rate: Fraction, count: int, syncs: Sequence[int]) -> Track:
    """A picture track of `count` frames with a tick for each numerator of `rate`."""
    return made_track("video", rate.numerator, made_samples([rate.denominator] * count, syncs=syncs))


def as_file(track: Track, media: bytes, spans: Sequence[range]) -> bytes:
    """Write a track as one fragmented file."""
    sink = BytesIO()
    sink.write(write_init_segment(track.header))
    for number, span in enumerate(spans, 1):
        write_segment(track, span, number, BytesIO(media), sink)
    return sink.getvalue()


@st.composite
def tracks(draw: st.DrawFn) -> tuple[Track, bytes, list[range]]:
    """Any track that a file can hold, its media, and a way to cut it."""
    count = draw(st.integers(1, 12))

    def column(least: int, most: int) -> list[int]:
        values = st.one_of(st.just(least), st.integers(least, most))
        return draw(
            st.one_of(
                values.map(lambda value: [value] * count), st.lists(values, min_size=count, max_size=count)
            )
        )

    sizes = column(1, 40)
    samples = made_samples(
        column(1, 2**32 - 1),
        sizes=sizes,
        delays=column(-(2**31), 2**31 - 1),
        syncs=draw(st.sets(st.integers(0, count - 1))),
        start=draw(st.integers(0, 2**60)),
    )
    media = draw(st.binary(min_size=sum(sizes), max_size=sum(sizes)))
    firsts = sorted({0, *draw(st.sets(st.integers(0, count - 1)))})
    spans = [range(first, stop) for first, stop in zip(firsts, [*firsts[1:], count], strict=True)]
    kind: Kind = draw(st.sampled_from(["video", "audio"]))
    timescale = draw(st.integers(1, 2**32 - 1))
    return made_track(kind, timescale, samples, draw(st.integers(0, 2**40))), media, spans
