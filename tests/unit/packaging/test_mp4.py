"""Reading and writing of fragmented MP4: identity, and hostility."""

import tracemalloc
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.packaging import Samples, Track, cut, read_track, write_init_segment
from bijou.packaging.boxes import box, full_box, u32, u64
from bijou.ports import InvalidRequest
from tests.unit.packaging.tables import as_file, made_header, made_samples, made_track, tracks

REFUSALS = {"packaging.bad_mp4", "packaging.unknown_codec"}


def media_of(track: Track, content: bytes) -> bytes:
    places = zip(track.samples.offsets, track.samples.sizes, strict=True)
    return b"".join(content[offset : offset + size] for offset, size in places)


def times_of(samples: Samples) -> list[tuple[int, ...]]:
    columns = (
        samples.sizes,
        samples.decode_times,
        samples.durations,
        samples.composition_offsets,
        samples.flags,
    )
    return list(zip(*columns, strict=True))


def attempt(content: bytes) -> Track | InvalidRequest:
    try:
        return read_track(BytesIO(content))
    except InvalidRequest as error:
        return error


@settings(deadline=None, max_examples=100)
@given(tracks())
def test_what_is_written_reads_back_the_same(made: tuple[Track, bytes, list[range]]) -> None:
    track, media, spans = made

    content = as_file(track, media, spans)
    read = read_track(BytesIO(content))

    assert read.header == track.header
    assert read.format == track.format
    assert times_of(read.samples) == times_of(track.samples)
    assert media_of(read, content) == media


@settings(deadline=None, max_examples=60)
@given(tracks(), st.data())
def test_a_cut_short_file_is_refused_or_ends_with_a_whole_fragment(
    made: tuple[Track, bytes, list[range]], data: st.DataObject
) -> None:
    track, media, spans = made
    content = as_file(track, media, spans)
    short = content[: data.draw(st.integers(0, len(content) - 1))]

    read = attempt(short)

    if isinstance(read, InvalidRequest):
        assert read.code == "packaging.bad_mp4"
        assert " at byte " in read.detail
    else:
        assert len(read.samples) in {span.start for span in spans}
        assert media_of(read, short) == media_of(track, media)[: sum(read.samples.sizes)]


@settings(deadline=None, max_examples=200)
@given(tracks(), st.data())
def test_a_flipped_bit_is_refused_or_leads_to_samples_that_lie_in_the_file(
    made: tuple[Track, bytes, list[range]], data: st.DataObject
) -> None:
    content = bytearray(as_file(*made))
    for place in data.draw(st.lists(st.integers(0, 8 * len(content) - 1), min_size=1, max_size=3)):
        content[place // 8] ^= 1 << place % 8

    read = attempt(bytes(content))

    if isinstance(read, InvalidRequest):
        assert read.code in REFUSALS
        return
    samples = read.samples
    assert all(size > 0 for size in samples.sizes)
    assert all(
        offset + size <= len(content) for offset, size in zip(samples.offsets, samples.sizes, strict=True)
    )
    try:
        cuts = cut(read, [1, 2])
    except InvalidRequest:
        return
    assert as_file(read, bytes(content), [one.span for one in cuts])


def fragment(*run: bytes, head: bytes = b"", media: bytes = b"0123456789", track_id: int = 1) -> bytes:
    """A `moof` with one `trun`, and its `mdat`."""
    traf = box("traf", head or full_box("tfhd", 0, 0x20000, u32(track_id)), *run)
    return box("moof", full_box("mfhd", 0, 0, u32(1)), traf) + box("mdat", media)


def sized(*sizes: int) -> bytes:
    """A `trun` of samples of one tick each, that begin where the media does."""
    return full_box("trun", 0, 0x300, u32(len(sizes)), b"".join(u32(1, size) for size in sizes))


INIT = write_init_segment(made_header("video", 24))
GOOD = fragment(sized(4, 6))


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidRequest) as refused:
        read_track(BytesIO(content))
    assert refused.value.code == "packaging.bad_mp4"
    return refused.value.detail


def test_the_hand_made_fragment_is_good() -> None:
    assert list(read_track(BytesIO(INIT + GOOD)).samples.sizes) == [4, 6]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "at byte 0: 4 bytes wanted in a box header where 0 are left"),
        (b"hello, this is text", "claims 1751477356 bytes where 19 are left"),
        (box("moov"), "it begins with 'moov'; an MP4 begins with 'ftyp'"),
        (box("ftyp", bytes(8)), "at byte 16: it ends before 'moov'"),
        (box("ftyp", bytes(8)) + box("mdat", b"x"), "at byte 16: 'mdat' stands before 'moov'"),
        (box("ftyp", bytes(8)) + box("moov"), "the file is not fragmented"),
        (INIT, "there is not a single sample in it"),
        (INIT + GOOD + box("mdat", b"x"), "'mdat' has no place between fragments"),
        (
            INIT + GOOD[: -len(box("mdat", bytes(10)))] + box("free"),
            "'free' follows a 'moof'; its 'mdat' must",
        ),
        (INIT + fragment(sized(4, 7)), "its 'mdat' ends at"),
        (INIT + fragment(sized(4, 0)), "has a sample of 0 bytes"),
        (INIT + fragment(sized(4), track_id=2), "speaks of track 2; the only track is 1"),
        (INIT + fragment(full_box("trun", 0, 1, u32(1, 8))), "it cannot begin before"),
        (INIT + fragment(sized(4), full_box("tfdt", 1, 0, u64(0))), "comes once, before the first run"),
        (INIT + fragment(full_box("tfdt", 1, 0, u64(1 << 63)), sized(4)), "ticks are taken"),
        (
            INIT + GOOD + fragment(full_box("tfdt", 1, 0, u64(0)), sized(4)),
            "the sample before is decoded at 1",
        ),
        (INIT + fragment(full_box("trun", 0, 0xA00, u32(1, 4, 1 << 31))), "at most 2147483647 are taken"),
        (INIT + b"\0\0\0\4free", "less than its own header of 8"),
        (INIT + b"\0\0\0\1free" + u64(9), "less than its own header of 16"),
    ],
)
def test_a_broken_file_is_refused_with_the_reason(content: bytes, says: str) -> None:
    assert says in refusal(content)


def test_the_position_in_the_message_is_where_the_fault_lies() -> None:
    assert f"at byte {len(INIT + GOOD)}: 'junk'" in refusal(INIT + GOOD + box("junk") + GOOD)


def test_a_claim_of_four_billion_samples_costs_no_memory() -> None:
    head = full_box("tfhd", 0, 0x20018, u32(1, 1, 1))
    bomb = INIT + fragment(full_box("trun", 0, 0, u32(0xFFFF_FFFF)), head=head)
    tracemalloc.start()
    try:
        says = refusal(bomb)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert "has 4294967295 samples of 1 bytes or more" in says
    assert peak_bytes < 1_000_000


def test_a_later_fragments_start_ends_the_sample_before() -> None:
    content = INIT + GOOD + fragment(full_box("tfdt", 1, 0, u64(9)), sized(10))

    samples = read_track(BytesIO(content)).samples

    assert list(samples.decode_times) == [0, 1, 9]
    assert list(samples.durations) == [1, 8, 1]


def test_an_empty_edit_becomes_a_later_start() -> None:
    edits = full_box("elst", 0, 0, u32(2, 500), b"\xff" * 4, u32(0x10000, 0, 2, 0x10000))
    skips = full_box("elst", 0, 0, u32(1, 0, 2, 0x10000))
    plain = write_init_segment(made_header("video", 24, media_time=2))
    grown = plain.replace(skips, edits)
    for kind, more in (("edts", 12), ("trak", 12), ("moov", 12)):
        at = grown.index(kind.encode()) - 4
        grown = grown[:at] + u32(int.from_bytes(grown[at : at + 4]) + more) + grown[at + 4 :]

    track = read_track(BytesIO(grown + GOOD))

    assert (track.header.media_time, list(track.samples.decode_times)) == (2, [12, 13])


def test_equal_frames_are_described_once() -> None:
    even = made_track("video", 24, made_samples([1] * 90, sizes=[3] * 90, syncs=[0]))
    uneven = made_track("video", 24, made_samples([1] * 90, sizes=[3] * 89 + [4], syncs=[0]))

    lengths = [len(as_file(track, bytes(271), [range(90)])) for track in (even, uneven)]

    assert lengths[1] - lengths[0] == 90 * 4 - 4 + 1
