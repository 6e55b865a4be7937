"""Why a film is encoded as it is: its chunks, shots, ladder, and what each rate factor was chosen from."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from bijou.catalog import MediaInfo
from bijou.encoding.chunks import Chunk, ChunkWork, PictureSource, find_chunks, picture_source
from bijou.encoding.hull import Choice, Point, ShotPoints, choose_quality, interpolated
from bijou.encoding.inspection import examine
from bijou.encoding.ladder import Rung
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.presentation import seen_size
from bijou.encoding.quality import analyse_chunk
from bijou.encoding.recipes import Recipe, engine_id
from bijou.ports import Clock


class Tried(Struct, frozen=True):
    """What one rate factor costs and gives, by the analysis encoder.

    Args:
        bps: Bits a second while the shot lasts: a measure, not the size of what comes out.
    """

    crf: float
    bps: int
    vmaf: float


class Curve(Struct, frozen=True):
    """What bits buy in one shot, or in a whole chunk where all its shots share a rate factor.

    Args:
        start_s: In the film.
        measured: What was encoded and scored.
        hull: What is worth choosing of what lies between, the cheapest first.
        chosen: What was taken: a point on the hull, or the recipe's own.
    """

    start_s: float
    duration_s: float
    measured: tuple[Tried, ...]
    hull: tuple[Tried, ...]
    chosen: Tried


class RungPlan(Struct, frozen=True):
    """How one rendition of one chunk will be encoded, and why so.

    Args:
        crfs: Rate factor of each shot.
        vmaf: Expected of the chunk.
        bps: Expected by the analysis encoder.
        because: One sentence.
    """

    rung: str
    target_vmaf: float
    crfs: tuple[float, ...]
    vmaf: float
    bps: int
    reached: bool
    because: str
    curves: tuple[Curve, ...]


class ChunkPlan(Struct, frozen=True):
    """One chunk of a film.

    Args:
        shots_s: When each of its shots begins, in the film.
        ends: Why it ends there: `cut`, `even` or `film`.
        tail_frames: How many frames behind it are shown to the encoder.
    """

    index: int
    start_s: float
    duration_s: float
    frames: int
    segments: int
    shots_s: tuple[float, ...]
    ends: str
    tail_frames: int
    rungs: tuple[RungPlan, ...]


class FilmPlan(Struct, frozen=True):
    """A film's encode by one recipe, before it is made.

    Args:
        identity: Of the recipe on this build of ffmpeg.
    """

    recipe: str
    identity: str
    media: MediaInfo
    ladder: tuple[Rung, ...]
    chunks: tuple[ChunkPlan, ...]


async def explain_film(
    source: Path,
    made_by: Recipe,
    *,
    folder: Path,
    limits: EncodingLimits,
    clock: Clock,
    tell: Callable[[str, float], None] = lambda _step, _share: None,
) -> FilmPlan:
    """Plan a film as an encode would, and keep what every choice was made from.

    Cost: two cheap decodes of the film, and what `analyse_chunk` takes for each
    chunk and rung: together about as much as the encodes themselves.
    Threads: the main thread's event loop, as `run_child` asks.

    Args:
        folder: Scratch; the caller's to empty.
        tell: Called with the step, and how far it is.

    Raises:
        InvalidRequest: the film is refused; `encoding.beyond_codec`.
        EngineUnavailable: see `examine` and `analyse_chunk`.
    """
    film = await examine(source, limits=limits, clock=clock, tell=lambda share: tell("inspect", share))
    picture, duration_s = picture_source(film), film.media.duration_s
    rungs = made_by.ladder(*seen_size(film), float(film.cadence.rate))
    looking = find_chunks(source, picture, limits=limits, clock=clock)
    chunks = [chunk async for chunk in looking]
    plans = []
    for chunk in chunks:
        made = []
        for rung in rungs:
            work = ChunkWork(picture, chunk, rung)
            points = await analyse_chunk(source, work, made_by, folder=folder, limits=limits, clock=clock)
            made.append(explained(work, made_by, points))
        plans.append(_chunk_plan(chunk, picture, made, last=chunk is chunks[-1]))
        tell("analyse", min(1.0, chunk.end / picture.per_s / max(duration_s, 1e-9)))
    identity = made_by.identity(engine_id())
    return FilmPlan(made_by.name, identity, film.media, tuple(rungs), tuple(plans))


def explained(work: ChunkWork, made_by: Recipe, points: Sequence[ShotPoints]) -> RungPlan:
    """Choose the rate factors of a chunk at a rung from what was measured, and say why."""
    video, target = made_by.video, made_by.rule(work.rung.lines).vmaf
    choice = choose_quality(points, target, video.crf_range, one_crf=not video.zones)
    why = because(choice, target)
    if not work.chunk.index:
        choice = _own(choice, points, work.rung.crf)
        why = f"the recipe's own, crf {work.rung.crf:g}: the first chunk waits for no analysis"
    return RungPlan(
        rung=work.rung.name,
        target_vmaf=target,
        crfs=choice.crfs,
        vmaf=round(choice.vmaf, 2),
        bps=round(choice.bits * work.picture.per_s / work.chunk.ticks),
        reached=choice.reached,
        because=why,
        curves=tuple(_curves(work, points, choice)),
    )


def _own(choice: Choice, points: Sequence[ShotPoints], crf: float) -> Choice:
    """What the recipe's own rate factor would give, on the curves that were measured."""
    taken = [interpolated(shot.points, (round(crf), round(crf)))[0] for shot in points]
    frames = sum(shot.frames for shot in points)
    vmaf = sum(point.vmaf * shot.frames for point, shot in zip(taken, points, strict=True)) / frames
    bits = sum(point.bits for point in taken)
    return replace(choice, crfs=(float(crf),) * len(points), vmaf=round(vmaf, 3), bits=bits)


def because(choice: Choice, target_vmaf: float) -> str:
    """Say in one sentence why these rate factors were chosen.

    Example:
        >>> hull = (Point(30, 100, 89.0), Point(24, 200, 93.0))
        >>> because(Choice((24.0,), 93.0, 200, True, (hull,)), 92)
        'fewest bits for VMAF 92; one step cheaper gives 89.00'
        >>> because(Choice((24.0,), 93.0, 200, False, (hull,)), 95)
        'VMAF 95 is out of reach; the best that was tried, crf 24, gives 93.0'
    """
    low, high = min(choice.crfs), max(choice.crfs)
    if not choice.reached:
        tried = f"the best that was tried, crf {low:g}, gives {choice.vmaf:.1f}"
        return f"VMAF {target_vmaf:g} is out of reach; {tried}"
    if low != high:
        return f"fewest bits for VMAF {target_vmaf:g} over all shots; a bit more shows the same in each"
    cheaper = [point for hull in choice.hulls[:1] for point in hull if point.crf > low]
    if not cheaper:
        return f"even the least that was tried reaches VMAF {target_vmaf:g}"
    return f"fewest bits for VMAF {target_vmaf:g}; one step cheaper gives {cheaper[-1].vmaf:.2f}"


def _curves(work: ChunkWork, points: Sequence[ShotPoints], choice: Choice) -> list[Curve]:
    chunk, per_s = work.chunk, work.picture.per_s
    moments, moment = [chunk.start], chunk.start
    for duration in chunk.durations():
        moment += duration
        moments.append(moment)
    shared = len(choice.hulls) < len(points)
    edges = [0, chunk.frames] if shared else [*chunk.shots, chunk.frames]
    curves = []
    for number, (first, stop) in enumerate(pairwise(edges)):
        length_s = (moments[stop] - moments[first]) / per_s
        hull = _tried(choice.hulls[number], length_s)
        crf = choice.crfs[number]
        known = (
            choice.hulls[number] if shared else interpolated(points[number].points, (round(crf), round(crf)))
        )
        curves.append(
            Curve(
                start_s=round(moments[first] / per_s, 3),
                duration_s=round(length_s, 3),
                measured=() if shared else _tried(points[number].points, length_s),
                hull=hull,
                chosen=min(_tried(known, length_s), key=lambda point: abs(point.crf - crf)),
            )
        )
    return curves


def _tried(points: Sequence[Point], length_s: float) -> tuple[Tried, ...]:
    return tuple(Tried(point.crf, round(point.bits / length_s), round(point.vmaf, 2)) for point in points)


def _chunk_plan(chunk: Chunk, picture: PictureSource, rungs: Sequence[RungPlan], *, last: bool) -> ChunkPlan:
    durations = chunk.durations()
    return ChunkPlan(
        index=chunk.index,
        start_s=round(chunk.start / picture.per_s, 3),
        duration_s=round(chunk.ticks / picture.per_s, 3),
        frames=chunk.frames,
        segments=len(chunk.segments),
        shots_s=tuple(
            round((chunk.start + sum(durations[:shot])) / picture.per_s, 3) for shot in chunk.shots
        ),
        ends="film" if last else "cut" if chunk.ends_on_cut else "even",
        tail_frames=chunk.tail_frames,
        rungs=tuple(rungs),
    )
