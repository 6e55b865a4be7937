"""Movie fragments, read into the table of samples.

Source: ISO/IEC 14496-12, section 8.8.
"""

from array import array
from dataclasses import dataclass
from itertools import accumulate

from bijou.packaging.boxes import Box, BoxHeader, Fields, bad_mp4, children, only
from bijou.packaging.init_segment import Defaults
from bijou.packaging.samples import Samples

MOST_SAMPLES = 1 << 23
MOST_TICKS = 1 << 61

_BASE_DATA_OFFSET, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
_DATA_OFFSET, _FIRST_FLAGS = 0x1, 0x4
_RUN_DURATION, _RUN_SIZE, _RUN_FLAGS, _RUN_COMPOSITION = 0x100, 0x200, 0x400, 0x800


@dataclass(slots=True)
class _Place:
    """Where data of runs lies: their base, where the next begins, the `mdat` around it."""

    base: int
    next_byte: int
    media: BoxHeader


@dataclass(slots=True)
class _Run:
    """The samples of one `trun`, a column a fact."""

    durations: "array[int]"
    sizes: "array[int]"
    flags: "array[int]"
    composition_offsets: "array[int]"


class FragmentReader:
    """Appends the samples of one fragment after the other to a table.

    Cost: O(samples) time and memory; a run's count is checked against the
    bytes that there are before any memory is taken for it.

    Args:
        track_id: The only track that fragments may speak of.
        defaults: From `trex`.
        lead_in: Ticks added to every decode time.
    """

    def __init__(self, track_id: int, defaults: Defaults, lead_in: int) -> None:
        self._samples = Samples()
        self._track_id = track_id
        self._defaults = defaults
        self._lead_in = lead_in
        self._next_time = lead_in

    def read(self, moof: Box, media: BoxHeader) -> None:
        """Read a `moof` whose data lies in the `mdat` that follows it.

        Raises:
            InvalidRequest: `packaging.bad_mp4`.
        """
        only(moof, "mfhd")
        parts = children(only(moof, "traf"))
        head = next(parts, None)
        if head is None or head.kind != "tfhd":
            raise moof.bad("has a 'traf' that does not begin with 'tfhd'")
        defaults, base = self._head(head, moof.header.position)
        place = _Place(base, media.body_position, media)
        timed = False
        for part in parts:
            if part.kind == "tfdt":
                if timed:
                    raise part.bad(
                        "stands behind a run or a second time; it comes once, before the first run"
                    )
                self._rebase(part)
            elif part.kind == "trun":
                self._append(part, _read_run(part, defaults, place), place)
            timed = timed or part.kind in {"tfdt", "trun"}

    def finish(self) -> Samples:
        """Return the table once all fragments are read; there must be a sample."""
        samples = self._samples
        if not len(samples):
            raise bad_mp4(0, "there is not a single sample in it")
        if not samples.durations[-1]:
            samples.durations[-1] = samples.durations[-2] if len(samples) > 1 else 1
        if 0 in samples.durations:
            index = samples.durations.index(0)
            raise bad_mp4(samples.offsets[index], f"sample {index + 1} lasts 0 ticks; only the last one may")
        return samples

    def _head(self, tfhd: Box, moof_position: int) -> tuple[Defaults, int]:
        _, flags, fields = tfhd.full()
        track_id = fields.unsigned(4)
        if track_id != self._track_id:
            raise tfhd.bad(f"speaks of track {track_id}; the only track is {self._track_id}")
        base = fields.unsigned(8) if flags & _BASE_DATA_OFFSET else moof_position
        if flags & _DESCRIPTION and fields.unsigned(4) != 1:
            raise tfhd.bad("wants another sample entry than the only one")
        known = self._defaults
        duration = fields.unsigned(4) if flags & _DURATION else known.duration
        size = fields.unsigned(4) if flags & _SIZE else known.size
        return Defaults(duration, size, fields.unsigned(4) if flags & _FLAGS else known.flags), base

    def _rebase(self, tfdt: Box) -> None:
        """Take a fragment's own start; the sample before lasts until then."""
        version, _, fields = tfdt.full()
        start = fields.unsigned(8 if version == 1 else 4) + self._lead_in
        samples = self._samples
        if len(samples) and start != self._next_time:
            lasts = start - samples.decode_times[-1]
            if not 0 < lasts <= 0xFFFF_FFFF:
                raise tfdt.bad(f"says {start}; the sample before is decoded at {samples.decode_times[-1]}")
            samples.durations[-1] = lasts
        if start > MOST_TICKS:
            raise tfdt.bad(f"says {start}; at most {MOST_TICKS} ticks are taken")
        self._next_time = start

    def _append(self, trun: Box, run: _Run, place: _Place) -> None:
        samples = self._samples
        if len(samples) + len(run.sizes) > MOST_SAMPLES:
            raise trun.bad(f"brings the samples to more than the {MOST_SAMPLES} that are taken")
        times = list(accumulate(run.durations, initial=self._next_time))
        if times[-1] > MOST_TICKS:
            raise trun.bad(f"is decoded until {times[-1]}; at most {MOST_TICKS} ticks are taken")
        offsets = list(accumulate(run.sizes, initial=place.next_byte))
        if offsets[-1] > place.media.end:
            raise trun.bad(f"has data up to byte {offsets[-1]}; its 'mdat' ends at {place.media.end}")
        self._next_time, place.next_byte = times[-1], offsets[-1]
        samples.offsets.extend(offsets[:-1])
        samples.decode_times.extend(times[:-1])
        samples.sizes.extend(run.sizes)
        samples.durations.extend(run.durations)
        samples.flags.extend(run.flags)
        samples.composition_offsets.extend(run.composition_offsets)


def _read_run(trun: Box, defaults: Defaults, place: _Place) -> _Run:
    """Read a `trun` and move `place` to where its data begins."""
    _, flags, fields = trun.full()
    count = fields.unsigned(4)
    if flags & _DATA_OFFSET:
        start = place.base + fields.signed(4)
        if start < place.next_byte:
            raise trun.bad(f"puts its data at byte {start}; it cannot begin before {place.next_byte}")
        place.next_byte = start
    first_flags = fields.unsigned(4) if flags & _FIRST_FLAGS else None
    smallest = 1 if flags & _RUN_SIZE else max(1, defaults.size)
    if count * smallest > place.media.end - place.next_byte:
        raise trun.bad(
            f"has {count} samples of {smallest} bytes or more; its 'mdat' ends at byte {place.media.end}"
        )
    run = _columns(trun, fields, defaults, count)
    if first_flags is not None and count:
        run.flags[0] = first_flags
    if 0 in run.sizes:
        raise trun.bad("has a sample of 0 bytes")
    return run


def _columns(trun: Box, fields: Fields, defaults: Defaults, count: int) -> _Run:
    version, flags = trun.body[0], int.from_bytes(trun.body[1:4])
    given = [flag for flag in (_RUN_DURATION, _RUN_SIZE, _RUN_FLAGS, _RUN_COMPOSITION) if flags & flag]
    table = fields.words(count * len(given))

    def column(flag: int, otherwise: int) -> "array[int]":
        if flag in given:
            return table[given.index(flag) :: len(given)]
        return array("I", [otherwise]) * count

    composition = column(_RUN_COMPOSITION, 0)
    if version == 0 and composition and max(composition) > 0x7FFF_FFFF:
        raise trun.bad(f"delays a sample by {max(composition)} ticks; at most 2147483647 are taken")
    return _Run(
        durations=column(_RUN_DURATION, defaults.duration),
        sizes=column(_RUN_SIZE, defaults.size),
        flags=column(_RUN_FLAGS, defaults.flags),
        composition_offsets=array("i", composition.tobytes()),
    )
