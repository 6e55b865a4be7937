"""Bits at equal quality: our ladder beside the one that Shaka Streamer takes by default.

Its ladder is rebuilt from its published defaults: a fixed average bit rate for
each resolution, one pass of x264, a key frame every four seconds. Twice: with
our own preset, so that nothing but the choice of bits differs, and with the
preset it ships, `slow`. Both sides are scored by VMAF against the source at
the rendition's own size, one frame in six, and both are counted as fragmented
MP4. Ours is encoded for several targets around the quality that theirs
reached; what ours needs for just that quality lies between.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise
from math import exp, log
from pathlib import Path
from statistics import fmean

import msgspec

from benchmarks.encode.measuring import CLOCK, LIMITS, Film, one_piece, run
from bijou.encoding.chunks import ChunkWork, encode_chunk
from bijou.encoding.ffmpeg import ffmpeg
from bijou.encoding.hull import ShotPoints, choose_quality
from bijou.encoding.ladder import Rung
from bijou.encoding.quality import analyse_chunk, measure_vmaf
from bijou.encoding.recipes import recipe

# Shaka Streamer's default H.264 bit rates, by lines; its film is cut every 4 s.
SHAKA_BPS = {144: 108_000, 240: 242_000, 360: 400_000, 480: 2_000_000, 720: 3_000_000, 1080: 5_000_000}
SHAKA_PRESET = "slow"
_GROUP_S = 4
_FACTORS = (0.5, 1.0, 2.0)
_CRFS = (12, 18, 24, 30, 36, 42)
_CRF_RANGE = (12, 46)
_EVERY = 6
# Our cap of a rung's rate would end the curve below what theirs spends at 480 lines.
_UNCAPPED = 4


class Point(msgspec.Struct, frozen=True):
    """One encode of a whole film.

    Args:
        low: VMAF that nineteen frames in twenty reach.
    """

    size_bytes: int
    vmaf: float
    low: float


class Row(msgspec.Struct, frozen=True):
    """One rendition of one film: theirs as it is by default, and ours at the same quality.

    Args:
        share: Our bytes for the quality that theirs has with our preset; None where ours does not span it.
        share_of_slow: The same, of theirs with the preset it ships.
        share_at_low: The same as `share`, where nineteen frames in twenty shall be as good as theirs.
        bd_rate: Mean difference of rate over the qualities that both have, -0.2 for a fifth fewer.
    """

    film: str
    rung: str
    theirs: Point
    theirs_slow: Point
    ours_bytes: float | None
    share: float | None
    share_of_slow: float | None
    share_at_low: float | None
    bd_rate: float | None


async def compare(film: Film, folder: Path, *, smallest_only: bool) -> list[Row]:
    rows = []
    rungs = [rung for rung in film.rungs if rung.lines in SHAKA_BPS]
    for rung in rungs[-1:] if smallest_only else rungs:
        rows.append(await _rung(film, rung, folder))
        row = rows[-1]
        print(f"{film.name} {rung.name}: {row.share} of theirs, BD-rate {row.bd_rate}", file=sys.stderr)
    return rows


async def _rung(film: Film, rung: Rung, folder: Path) -> Row:
    bps = SHAKA_BPS[rung.lines]
    preset = recipe("h264_aac").video.preset
    theirs = [await _theirs(film, rung, round(bps * factor), preset, folder) for factor in _FACTORS]
    slow = await _theirs(film, rung, bps, SHAKA_PRESET, folder)
    own = theirs[_FACTORS.index(1.0)]
    ours = await _ours(film, rung, [point.vmaf for point in (*theirs, slow)], folder)
    needed = bytes_at(ours, own.vmaf)
    needed_of_slow = bytes_at(ours, slow.vmaf)
    return Row(
        film=film.name,
        rung=rung.name,
        theirs=own,
        theirs_slow=slow,
        ours_bytes=needed,
        share=_ratio(needed, own.size_bytes),
        share_of_slow=_ratio(needed_of_slow, slow.size_bytes),
        share_at_low=_ratio(bytes_at([_by_low(one) for one in ours], own.low), own.size_bytes),
        bd_rate=bd_rate(theirs, ours),
    )


async def _theirs(film: Film, rung: Rung, bps: int, preset: str, folder: Path) -> Point:
    out, keys = folder / "theirs.mp4", str(round(_GROUP_S * film.rate))
    coder = ("-c:v", "libx264", "-preset", preset, "-flags", "+cgop", "-profile:v", "main")
    argv = [
        *(*ffmpeg(), "-y", "-i", str(film.path), "-map", "0:v:0", "-threads", "1", *coder, "-b:v", str(bps)),
        *("-keyint_min", keys, "-g", keys, "-pix_fmt", "yuv420p"),
        *("-vf", f"scale={rung.width}:{rung.height}", "-fps_mode", "passthrough"),
        *("-movflags", "+frag_keyframe+delay_moov+default_base_moof", str(out)),
    ]
    await run(argv)
    return await _scored(film, rung, out, folder)


async def _ours(film: Film, rung: Rung, wanted: Sequence[float], folder: Path) -> list[Point]:
    """Encode for each quality that theirs has reached, and once more with the aim corrected.

    What analysis has found serves all of them.
    """
    ours = _Ours(film, rung, folder)
    await ours.analyse()
    for vmaf in wanted:
        made = await ours.encode(vmaf)
        await ours.encode(vmaf + 1.5 * (vmaf - made.vmaf))
    return list(ours.points.values())


class _Ours:
    """Encodes of one film at one rung, for several targets."""

    def __init__(self, film: Film, rung: Rung, folder: Path) -> None:
        free = msgspec.structs.replace(rung, peak_bps=rung.peak_bps * _UNCAPPED)
        self.points: dict[tuple[tuple[float, ...], ...], Point] = {}
        self._film = film
        self._rung = rung
        self._folder = folder
        self._works = [ChunkWork(film.picture, chunk, free) for chunk in film.chunks]
        self._recipe = recipe("h264_aac")
        self._found: list[list[ShotPoints]] = []

    async def analyse(self) -> None:
        """Learn what bits buy in each shot."""
        for work in self._works:
            self._found.append(
                await analyse_chunk(
                    self._film.path,
                    work,
                    self._recipe,
                    crfs=_CRFS,
                    folder=self._folder,
                    limits=LIMITS,
                    clock=CLOCK,
                )
            )

    async def encode(self, target: float) -> Point:
        """Encode all chunks for a quality; the same choice is not encoded twice."""
        chosen = tuple(choose_quality(shots, target, _CRF_RANGE).crfs for shots in self._found)
        if chosen not in self.points:
            out = self._folder / "ours.mp4"
            with out.open("wb") as whole:
                for work, crfs in zip(self._works, chosen, strict=True):
                    made = await encode_chunk(
                        self._film.path,
                        msgspec.structs.replace(work, crfs=crfs),
                        self._recipe,
                        folder=self._folder,
                        limits=LIMITS,
                        clock=CLOCK,
                    )
                    whole.write(b"" if whole.tell() else made.head.init)
                    whole.write(b"".join(segment.content for segment in made.segments))
            self.points[chosen] = await _scored(self._film, self._rung, out, self._folder)
        return self.points[chosen]


async def _scored(film: Film, rung: Rung, out: Path, folder: Path) -> Point:
    (score,) = await measure_vmaf(
        film.path,
        film.picture,
        one_piece(film.chunks),
        [out],
        size=(rung.width, rung.height),
        folder=folder,
        limits=LIMITS,
        clock=CLOCK,
        every=_EVERY,
    )
    return Point(size_bytes(out), round(score.mean, 2), round(score.low, 2))


def size_bytes(path: Path) -> int:
    return path.stat().st_size


def _by_low(point: Point) -> Point:
    return msgspec.structs.replace(point, vmaf=point.low)


def bytes_at(points: Sequence[Point], vmaf: float) -> float | None:
    """Return what a quality costs, between the two encodes around it; None outside of all."""
    for below, above in pairwise(_rising(points)):
        if below.vmaf <= vmaf <= above.vmaf:
            share = (vmaf - below.vmaf) / max(above.vmaf - below.vmaf, 1e-9)
            return exp(log(below.size_bytes) * (1 - share) + log(above.size_bytes) * share)
    return None


def bd_rate(theirs: Sequence[Point], ours: Sequence[Point], steps: int = 64) -> float | None:
    """Return the mean difference of rate over the qualities that both have.

    The mean over quality of the logarithm of the ratio, as Bjøntegaard's, with
    straight lines between the encodes in place of a polynomial through them.
    """
    one, two = _rising(theirs), _rising(ours)
    low, high = max(one[0].vmaf, two[0].vmaf), min(one[-1].vmaf, two[-1].vmaf)
    if high <= low:
        return None
    logs = []
    for step in range(steps + 1):
        vmaf = low + (high - low) * step / steps
        own, beside = bytes_at(two, vmaf), bytes_at(one, vmaf)
        if own and beside:
            logs.append(log(own / beside))
    return round(exp(fmean(logs)) - 1, 3)


def _rising(points: Sequence[Point]) -> list[Point]:
    """The encodes that no cheaper one beats, the cheapest first."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda point: (point.size_bytes, -point.vmaf)):
        if not kept or point.vmaf > kept[-1].vmaf:
            kept.append(point)
    return kept


def _ratio(ours: float | None, theirs: float) -> float | None:
    return round(ours / theirs, 3) if ours is not None else None
