"""How good an encode looks, by libvmaf; and cheap encodes to learn what bits buy.

libvmaf pairs frames by time stamp. Two files whose clocks tick differently are
paired wrongly, and it says 8 where 94 is true (measured). So both sides are
given the same stamps by counting frames, the number of scores is checked, and
before the first score is believed, a picture is compared with itself and with
the frame after it, through two clocks.
"""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean, quantiles

import msgspec
from msgspec import Struct

from bijou.encoding.chunks.command import (
    analysis_argv,
    chosen,
    chosen_input,
    light,
    samples,
    scaled,
    true_path,
)
from bijou.encoding.chunks.model import Chunk, ChunkWork, PictureSource
from bijou.encoding.ffmpeg import FEW_HEAPS, failure, ffmpeg, ffmpeg_path
from bijou.encoding.hull import Point, ShotPoints
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.recipes import Recipe
from bijou.packaging import read_track
from bijou.ports import Clock, EngineUnavailable, InvalidRequest
from bijou.runtime.children import Finished, run_child
from bijou.runtime.confinement import Confinement

_SAME_CLOCK = "settb=1/25,setpts=N"
_TRUSTED: set[Path] = set()
_SELF_FRAMES = 6
_SAMPLE_EVERY = 4


class VmafScore(Struct, frozen=True):
    """How much an encode looks like its source.

    Args:
        frames: Score of every `every`-th frame, from the first on.
        every: 1 where each frame was scored.
    """

    frames: tuple[float, ...]
    every: int

    @property
    def mean(self) -> float:
        """Over all scored frames."""
        return fmean(self.frames)

    @property
    def low(self) -> float:
        """What nineteen frames in twenty reach."""
        return quantiles(self.frames, n=20)[0] if len(self.frames) > 1 else self.frames[0]

    def over(self, first: int, stop: int) -> float:
        """Return the mean of the frames [first, stop), or of the scored one nearest before."""
        inside = self.frames[-(-first // self.every) : -(-stop // self.every)]
        return fmean(inside) if inside else self.frames[first // self.every]


class _Frame(Struct):
    metrics: dict[str, float]


class _Log(Struct):
    frames: list[_Frame]


async def measure_vmaf(
    source: Path,
    picture: PictureSource,
    chunk: Chunk,
    encoded: Sequence[Path],
    *,
    size: tuple[int, int],
    folder: Path,
    limits: EncodingLimits,
    clock: Clock,
    every: int = 1,
) -> list[VmafScore]:
    """Score encodes of one chunk against their source.

    Cost: one decode of the chunk; 5 to 15 ms of one core a scored frame of 480p.
    Threads: the main thread's event loop, as `run_child` asks.

    Args:
        encoded: Files of an init segment and the chunk's segments.
        size: Of the pictures that are compared; both sides are scaled to it.
        folder: Scratch; the caller's to empty. Must hold `encoded`.
        every: Score one frame in so many.

    Raises:
        EngineUnavailable: `encoding.vmaf_untrusted`, libvmaf does not score
            what it should; see also `failure`.
        InvalidRequest: the film cannot be decoded here.
    """
    source = true_path(source)
    opened = chosen_input(source, picture, chunk)
    chain = f"[0:{picture.stream}]{chosen(picture, chunk, 0)},{light(picture)}{scaled(*size, 'yuv420p')}"
    comparison = _Comparison(opened, chain, chunk.frames, size, every)
    return await _compare(comparison, encoded, folder, limits, clock, source)


class _Comparison(Struct, frozen=True):
    """What encodes are compared with.

    Args:
        opened: Options that open the reference, the first input.
        chain: Filters that make it what was encoded.
    """

    opened: list[str]
    chain: str
    frames: int
    size: tuple[int, int]
    every: int

    def argv(self, encoded: Sequence[Path], logs: Sequence[Path]) -> list[str]:
        numbers = range(len(encoded))
        taps = "".join(f"[r{number}]" for number in numbers)
        cut = f"trim=end_frame={self.frames},{_SAME_CLOCK}"
        chains = [f"{self.chain},{cut},split={len(encoded)}{taps}"]
        for number, log in zip(numbers, logs, strict=True):
            chains.append(f"[{number + 1}:v]{scaled(*self.size, 'yuv420p')},{cut}[d{number}]")
            chains.append(f"[d{number}][r{number}]{_libvmaf(log, self.every)}[o{number}]")
        return [
            *(*ffmpeg(), "-filter_complex_threads", "1", *self.opened),
            *(part for path in encoded for part in ("-threads", "1", "-f", "mov", "-i", f"file:{path}")),
            *("-filter_complex", ";".join(chains)),
            *(part for number in numbers for part in ("-map", f"[o{number}]", "-f", "null", "-")),
        ]


async def _compare(
    comparison: _Comparison,
    encoded: Sequence[Path],
    folder: Path,
    limits: EncodingLimits,
    clock: Clock,
    *read: Path,
) -> list[VmafScore]:
    await self_check(folder, limits, clock)
    logs = [folder / f"vmaf.{number}.json" for number in range(len(encoded))]
    try:
        argv = comparison.argv(encoded, logs)
        await _run(argv, "measuring its quality", folder, limits, clock, *read)
        return [await asyncio.to_thread(_read, log, comparison.frames, comparison.every) for log in logs]
    finally:
        for log in logs:
            log.unlink(missing_ok=True)


async def analyse_chunk(
    source: Path,
    work: ChunkWork,
    recipe: Recipe,
    *,
    crfs: Sequence[int] = (),
    folder: Path,
    limits: EncodingLimits,
    clock: Clock,
) -> list[ShotPoints]:
    """Learn what bits buy in each shot of a chunk, from a second of each.

    Cost: one decode of the chunk; for each shot and rate factor an encode of 24
    frames by the recipe's analysis preset, and the scores of six.
    Threads: the main thread's event loop, as `run_child` asks.

    Args:
        crfs: Rate factors to try, two or more: the whole of the budget. By
            default the recipe's.

    Raises:
        EngineUnavailable: see `measure_vmaf`.
        InvalidRequest: the film cannot be decoded here.
    """
    crfs = crfs or recipe.video.analysis_crfs
    files = [folder / f"analysis.{crf}.mp4" for crf in crfs]
    reference = folder / "analysis.y4m"
    source, kept = true_path(source), samples(work.chunk)
    frames, size = sum(map(len, kept)), (work.rung.width, work.rung.height)
    opened = ["-threads", "1", "-f", "yuv4mpegpipe", "-i", f"file:{reference}"]
    comparison = _Comparison(opened, "[0:v]null", frames, size, _SAMPLE_EVERY)
    try:
        argv = analysis_argv(source, work, recipe, list(zip(crfs, files, strict=True)), reference)
        await _run(argv, "trying rate factors", folder, limits, clock, source)
        scores = await _compare(comparison, files, folder, limits, clock)
        sizes = [await asyncio.to_thread(_frame_bytes, file) for file in files]
    finally:
        for file in (*files, reference):
            file.unlink(missing_ok=True)
    tried = list(zip(crfs, sizes, scores, strict=True))
    return _points(work.chunk, kept, tried, recipe.video.analysis_excess_vmaf)


def _points(
    chunk: Chunk,
    kept: Sequence[range],
    tried: Sequence[tuple[int, Sequence[int], VmafScore]],
    excess_vmaf: float,
) -> list[ShotPoints]:
    """What the samples say of their shots; a sample's first frame follows another's, so it has no say."""
    shots, at = [], 0
    for sample, (first, stop) in zip(kept, pairwise([*chunk.shots, chunk.frames]), strict=True):
        share, end = (stop - first) / len(sample), at + len(sample)
        points = tuple(
            Point(
                crf,
                8.0 * share * sum(frame_bytes[at:end]),
                score.over(min(at + 1, end - 1), end) - excess_vmaf,
            )
            for crf, frame_bytes, score in tried
        )
        shots.append(ShotPoints(stop - first, points))
        at = end
    return shots


async def self_check(folder: Path, limits: EncodingLimits, clock: Clock) -> None:
    """Have libvmaf score a picture beside itself and one frame late, once a process.

    Raises:
        EngineUnavailable: `encoding.vmaf_untrusted`.
    """
    if ffmpeg_path() in _TRUSTED:
        return
    same, late = folder / "vmaf.same.json", folder / "vmaf.late.json"
    picture = (
        f"testsrc2=size=320x180:rate=24,trim=end_frame={_SELF_FRAMES},format=yuv420p,split=4[a][b][c][d]"
    )
    graph = (
        f"{picture};[a]settb=1/1000,{_SAME_CLOCK}[a1];[b]settb=1/90000,{_SAME_CLOCK}[b1];"
        f"[c]trim=start_frame=1,{_SAME_CLOCK}[c1];[d]trim=end_frame={_SELF_FRAMES - 1},{_SAME_CLOCK}[d1];"
        f"[a1][b1]{_libvmaf(same, 1)}[o];[c1][d1]{_libvmaf(late, 1)}[p]"
    )
    argv = [
        *(*ffmpeg(), "-filter_complex", graph),
        *("-map", "[o]", "-f", "null", "-", "-map", "[p]", "-f", "null", "-"),
    ]
    try:
        await _run(argv, "checking libvmaf", folder, limits, clock)
    except InvalidRequest as error:  # no film is in it
        raise EngineUnavailable(
            "encoding.vmaf_untrusted",
            f"libvmaf could not be tried ({error.code}); another build of ffmpeg is needed; see the log",
        ) from error
    try:
        scored = _read(same, _SELF_FRAMES, 1).mean
        beside = _read(late, _SELF_FRAMES - 1, 1).mean
    finally:
        same.unlink(missing_ok=True)
        late.unlink(missing_ok=True)
    judge_self_check(scored, beside)
    _TRUSTED.add(ffmpeg_path())


def judge_self_check(same: float, late: float) -> None:
    """Refuse a libvmaf that does not know a picture, or does not see that it is late.

    Raises:
        EngineUnavailable: `encoding.vmaf_untrusted`.
    """
    if same < 95 or late > same - 3:
        raise EngineUnavailable(
            "encoding.vmaf_untrusted",
            f"libvmaf gives {same:.1f} to a picture beside itself and {late:.1f} to one that is a frame late;"
            " 95 or more, and at least 3 less, are right: another build of ffmpeg is needed",
        )


def _libvmaf(log: Path, every: int) -> str:
    return f"libvmaf=log_fmt=json:log_path={log.name}:n_subsample={every}:n_threads=1:shortest=1"


def _read(log: Path, frames: int, every: int) -> VmafScore:
    scores = [frame.metrics["vmaf"] for frame in msgspec.json.decode(log.read_bytes(), type=_Log).frames]
    expected = -(-frames // every)
    if len(scores) != expected:
        raise EngineUnavailable(
            "encoding.vmaf_untrusted",
            f"libvmaf gave {len(scores)} scores for {frames} frames, one in {every}; {expected} are right",
        )
    return VmafScore(tuple(scores), every)


def _frame_bytes(file: Path) -> list[int]:
    """Bytes of each frame, in the order in which they are shown."""
    with file.open("rb") as content:
        track = read_track(content)
    return [track.samples.sizes[index] for index in sorted(range(len(track.samples)), key=track.shown_at)]


async def _run(
    argv: list[str], doing: str, folder: Path, limits: EncodingLimits, clock: Clock, *read: Path
) -> Finished:
    finished = await run_child(
        argv,
        limits=limits.of_child(),
        clock=clock,
        cwd=folder,
        confinement=Confinement(read=read, write=(folder,)),
        env=FEW_HEAPS,
    )
    if not finished.ok:
        raise failure(finished, doing)
    return finished
