"""A film that was looked through, and ffmpeg on no leash."""

import asyncio
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bijou.encoding import EncodingLimits
from bijou.encoding.chunks import Chunk, PictureSource, find_chunks, picture_source
from bijou.encoding.inspection import examine
from bijou.encoding.ladder import Rung
from bijou.encoding.presentation import seen_size
from bijou.encoding.recipes import recipe
from bijou.ports import SystemClock

CLIP = Path(__file__).resolve().parents[3] / "shared" / "media" / "big-buck-bunny-480p-30s.mp4"
LIMITS = EncodingLimits(threads=1)
CLOCK = SystemClock()


class Film(msgspec.Struct, frozen=True):
    """A film, its plan, and the rungs of the default recipe."""

    name: str
    path: Path
    picture: PictureSource
    chunks: list[Chunk]
    rungs: list[Rung]
    duration_s: float

    @property
    def rate(self) -> float:
        above, below = self.picture.rate
        return above / below


class Target(msgspec.Struct, frozen=True):
    """One row of the table; one of the two bounds is there."""

    name: str
    value: float
    met: bool
    at_most: float | None = None
    at_least: float | None = None


async def looked_through(path: Path, name: str) -> Film:
    film = await examine(path, limits=LIMITS, clock=CLOCK)
    picture = picture_source(film)
    chunks = [chunk async for chunk in find_chunks(path, picture, limits=LIMITS, clock=CLOCK)]
    rungs = recipe("h264_aac").ladder(*seen_size(film), float(film.cadence.rate))
    return Film(name, path, picture, chunks, rungs, film.media.duration_s)


def one_piece(chunks: Sequence[Chunk]) -> Chunk:
    """The whole film as one chunk with the same segments."""
    firsts = accumulate((chunk.frames for chunk in chunks[:-1]), initial=0)
    segments = [first + n for first, chunk in zip(firsts, chunks, strict=True) for n in chunk.segments]
    runs = tuple(run for chunk in chunks for run in chunk.runs)
    return replace(
        chunks[0], runs=runs, segments=tuple(segments), shots=(0,), ends_on_cut=True, tail_frames=0
    )


async def run(argv: Sequence[str]) -> None:
    """Run a command to its end; what it complains of is shown."""
    child = await asyncio.create_subprocess_exec(*argv, stdin=asyncio.subprocess.DEVNULL)
    if code := await child.wait():
        raise SystemExit(f"{argv[0]} ended with {code}")


def at_most(name: str, value: float, bound: float) -> Target:
    return Target(name, round(value, 3), value <= bound, at_most=bound)


def at_least(name: str, value: float, bound: float) -> Target:
    return Target(name, round(value, 3), value >= bound, at_least=bound)
