"""Films to cut up, and what decoders that are not ours make of the pieces."""

import asyncio
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from msgspec.structs import replace

from bijou.encoding import EncodingLimits
from bijou.encoding.chunks import (
    Chunk,
    ChunkMade,
    ChunkRules,
    ChunkWork,
    PictureSource,
    encode_chunk,
    find_chunks,
)
from bijou.encoding.ladder import Rung
from bijou.encoding.recipes import Recipe, recipe
from bijou.encoding.survey import cadence
from bijou.ports import SystemClock

LIMITS = EncodingLimits(threads=1, child_wall_s=60)
SMALL = Rung("v72", 128, 72, 20, 900_000)
SMALLER = Rung("v54", 96, 54, 28, 300_000)
SHORT = ChunkRules(shortest_s=1, longest_s=2, even_s=1, settled_s=3, tail_frames=12)


def quick(name: str = "h264_aac") -> Recipe:
    """A recipe in a hurry: its analysis preset, or x264's fastest that reorders frames."""
    made = recipe(name)
    preset = "superfast" if name == "h264_aac" else made.video.analysis_preset
    return replace(made, video=replace(made.video, preset=preset))


def make(path: Path, *arguments: str) -> Path:
    """Make a film by ffmpeg: its arguments up to the output."""
    subprocess.run([get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments, str(path)], check=True)
    return path


def look(path: Path, container: str) -> PictureSource:
    """What inspection would find, by PyAV."""
    with av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        index, tick = stream.index, stream.time_base or Fraction(1, 1000)
        moments = sorted(frame.pts for frame in opened.decode(stream) if frame.pts is not None)
    with av.open(str(path)) as opened:
        packets = opened.demux(opened.streams.video[index])
        keys = [packet.pts for packet in packets if packet.is_keyframe and packet.pts is not None]
    groups = [after - before for before, after in pairwise([*keys, moments[-1]])]
    rhythm = cadence(moments, tick, Fraction(25))
    rate, per_s = rhythm.rate, tick.denominator if tick.numerator == 1 and tick.denominator > 999 else 90_000
    factor = 1 if rate.numerator >= 10_000 else 1000
    return PictureSource(
        container=container,
        stream=index,
        tick=(tick.numerator, tick.denominator),
        first=moments[0],
        last_duration=0,
        per_s=per_s if rhythm.variable else rate.numerator * factor,
        frame_ticks=0 if rhythm.variable else rate.denominator * factor,
        rate=(rate.numerator, rate.denominator),
        longest_group_s=float(max(groups, default=0) * tick),
    )


def plan(path: Path, picture: PictureSource, rules: ChunkRules | None = None) -> list[Chunk]:
    async def found() -> list[Chunk]:
        chunks = find_chunks(path, picture, rules=rules, limits=LIMITS, clock=SystemClock())
        return [chunk async for chunk in chunks]

    return asyncio.run(found())


def encode(path: Path, works: Sequence[ChunkWork], made_by: Recipe, folder: Path) -> list[ChunkMade]:
    """Encode chunks, all of them at once."""

    async def together() -> list[ChunkMade]:
        return await asyncio.gather(
            *(
                encode_chunk(path, work, made_by, folder=folder, limits=LIMITS, clock=SystemClock())
                for work in works
            )
        )

    return asyncio.run(together())


def joined(made: Sequence[ChunkMade], path: Path) -> Path:
    """The init segment and all segments, as a player would append them."""
    segments = [segment.content for chunk in made for segment in chunk.segments]
    path.write_bytes(b"".join([made[0].head.init, *segments]))
    return path


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as opened:
        frames = opened.decode(opened.streams.video[0])
        return [frame.pts * frame.time_base for frame in frames if frame.pts is not None and frame.time_base]


def hashes(path: Path, *output: str) -> list[tuple[int, str]]:
    """When each frame is shown, in ticks, and its MD5, by ffmpeg."""
    argv = [get_ffmpeg_exe(), "-v", "error", "-nostdin", "-copyts", "-i", str(path), "-map", "0:v", *output]
    done = subprocess.run([*argv, "-f", "framemd5", "-"], check=True, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    rows = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
    return [(int(row[2]), row[5].strip()) for row in rows]


def pictures(path: Path) -> np.ndarray:
    """Every frame, small and grey: [n, 36, 64]."""
    with av.open(str(path)) as opened:
        frames = [
            frame.reformat(width=64, height=36, format="gray").to_ndarray().astype(np.float32)
            for frame in opened.decode(opened.streams.video[0])
        ]
    return np.stack(frames)


def strangers(source: np.ndarray, encoded: np.ndarray) -> list[int]:
    """Frames that look unlike their source, or more like a neighbour of it."""
    assert source.shape == encoded.shape
    own = np.abs(encoded - source).mean(axis=(1, 2))
    found = set()
    for shift in (-1, 1):
        other = np.abs(encoded - np.roll(source, shift, axis=0)).mean(axis=(1, 2))
        found |= {
            int(n) for n in np.flatnonzero((own > 1.2 * other + 1) | (own > 15)) if 0 < n < len(own) - 1
        }
    return sorted(found)
