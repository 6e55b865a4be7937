"""Media segments: one fragment each, written from the table of samples.

Source: ISO/IEC 23000-19 (CMAF), 7.3.2; ISO/IEC 14496-12, section 8.8.
"""

from array import array
from collections.abc import Iterator

from bijou.packaging.boxes import bad_mp4, box, full_box, pack_words, u32, u64
from bijou.packaging.samples import Samples

_DEFAULT_BASE_IS_MOOF = 0x20000
_DEFAULT_DURATION, _DEFAULT_SIZE, _DEFAULT_FLAGS = 0x8, 0x10, 0x20
_DATA_OFFSET, _FIRST_FLAGS = 0x1, 0x4
_RUN_DURATION, _RUN_SIZE, _RUN_FLAGS, _RUN_COMPOSITION = 0x100, 0x200, 0x400, 0x800
_STYP = box("styp", b"msdh", u32(0), b"msdh", b"cmfs", b"cmff")


def segment_head(samples: Samples, span: range, *, number: int, track_id: int) -> bytes:
    """Write all of a segment but its media: `styp`, `moof`, and the head of `mdat`.

    What is the same for all samples is said once, so a segment of equal
    frames costs four bytes a frame.

    Args:
        span: Indices of consecutive samples; not empty.
        number: Sequence number, from 1.

    Raises:
        InvalidRequest: `packaging.bad_mp4`, more than 4 GiB of media.
    """
    media_bytes = sum(samples.sizes[span.start : span.stop])
    if media_bytes + 8 > 0xFFFF_FFFF:
        raise bad_mp4(
            samples.offsets[span.start], f"segment {number} has {media_bytes} bytes of media; at most 4 GiB"
        )
    defaults, run = _columns(samples, span)
    mfhd = full_box("mfhd", 0, 0, u32(number))
    tfhd = full_box("tfhd", 0, _DEFAULT_BASE_IS_MOOF | defaults[0], u32(track_id), defaults[1])
    tfdt = full_box("tfdt", 1, 0, u64(samples.decode_times[span.start]))
    trun_bytes = 12 + 4 + 4 + len(run[2])
    media_offset = 8 + len(mfhd) + 8 + len(tfhd) + len(tfdt) + trun_bytes + 8
    trun = full_box("trun", run[0], run[1], u32(len(span), media_offset), run[2])
    moof = box("moof", mfhd, box("traf", tfhd, tfdt, trun))
    return _STYP + moof + u32(media_bytes + 8) + b"mdat"


def media_ranges(samples: Samples, span: range) -> Iterator[range]:
    """Yield where a segment's media lies in the file, neighbours joined."""
    start = stop = samples.offsets[span.start]
    for index in span:
        if samples.offsets[index] != stop:
            yield range(start, stop)
            start = samples.offsets[index]
        stop = samples.offsets[index] + samples.sizes[index]
    yield range(start, stop)


def _columns(samples: Samples, span: range) -> tuple[tuple[int, bytes], tuple[int, int, bytes]]:
    """What `tfhd` says (flags, values), and `trun` (version, flags, values)."""
    cut = slice(span.start, span.stop)
    durations, sizes, flags = samples.durations[cut], samples.sizes[cut], samples.flags[cut]
    delays = samples.composition_offsets[cut]
    defaults, values = 0, b""
    run_flags, run_values, columns = _DATA_OFFSET, b"", []
    for column, default, own in (
        (durations, _DEFAULT_DURATION, _RUN_DURATION),
        (sizes, _DEFAULT_SIZE, _RUN_SIZE),
    ):
        if _all_equal(column):
            defaults, values = defaults | default, values + u32(column[0])
        else:
            run_flags |= own
            columns.append(column)
    if _all_equal(flags[1:]):
        defaults, values = defaults | _DEFAULT_FLAGS, values + u32(flags[-1])
        if flags[0] != flags[-1]:
            run_flags, run_values = run_flags | _FIRST_FLAGS, u32(flags[0])
    else:
        run_flags |= _RUN_FLAGS
        columns.append(flags)
    if any(delays):
        run_flags |= _RUN_COMPOSITION
        columns.append(array("I", delays.tobytes()))
    version = int(min(delays) < 0)
    return (defaults, values), (version, run_flags, run_values + _interleaved(columns, len(span)))


def _all_equal(column: "array[int]") -> bool:
    return not column or column.count(column[0]) == len(column)


def _interleaved(columns: "list[array[int]]", count: int) -> bytes:
    table = array("I", [0]) * (count * len(columns))
    for place, column in enumerate(columns):
        table[place :: len(columns)] = column
    return pack_words(table)
