"""What chunks cost: the same film, recipe and segments, in chunks and in one ffmpeg.

CPU seconds of the children, medians of interleaved rounds; and how soon the
first segment of a film is there, beside one chunk's encode. `--quick` does
one round of the smallest rung. The film is the clip beside the repository, or
the file that BIJOU_BENCHMARK_FILM names.
"""

import asyncio
import json
import os
import sys
import tempfile
from itertools import accumulate
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from bijou.encoding import EncodingLimits
from bijou.encoding.chunks import Chunk, ChunkWork, PictureSource, encode_chunk, find_chunks, picture_source
from bijou.encoding.inspection import examine
from bijou.encoding.ladder import Rung
from bijou.encoding.recipe import seen_size
from bijou.encoding.recipes import recipe
from bijou.ports import SystemClock

CLIP = Path(__file__).resolve().parents[3] / "shared" / "media" / "big-buck-bunny-480p-30s.mp4"
LIMITS = EncodingLimits(threads=1)
CLOCK = SystemClock()


def main() -> int:
    quick = "--quick" in sys.argv
    film = Path(os.environ.get("BIJOU_BENCHMARK_FILM", CLIP))
    if not film.exists():
        print(f"{film} is not there; BIJOU_BENCHMARK_FILM names another film", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory(prefix="encode-") as folder:
        targets = asyncio.run(measure(film, Path(folder), rounds=1 if quick else 3, quick=quick))
    for row in targets:
        verdict = "met" if row["met"] else "MISSED"
        print(f"{row['name']:<58} {row['value']:>6.3f}   at most {row['at_most']:>5}   {verdict}")
    print(
        json.dumps(
            {"benchmark": "encode", "peers": {"one ffmpeg, same recipe": "same build"}, "targets": targets}
        )
    )
    return 0


async def measure(source: Path, folder: Path, *, rounds: int, quick: bool) -> list[dict[str, object]]:
    film = await examine(source, limits=LIMITS, clock=CLOCK)
    picture, made_by = picture_source(film), recipe("h264_aac")
    rungs = made_by.ladder(*seen_size(film), float(film.cadence.rate))
    chunks = [chunk async for chunk in find_chunks(source, picture, limits=LIMITS, clock=CLOCK)]
    lengths = ", ".join(f"{chunk.ticks / picture.per_s:.1f}" for chunk in chunks)
    print(
        f"chunks of {lengths} s; of {len(chunks)}, {sum(chunk.ends_on_cut for chunk in chunks)} end on a cut"
    )
    targets = []
    spent: list[tuple[float, float]] = []
    for rung in rungs[-1:] if quick else rungs:
        rounds_s: list[tuple[float, float]] = []
        for _ in range(rounds):
            pieces_s = sum([await cpu_s(source, picture, chunk, rung, folder) for chunk in chunks])
            whole_s = await cpu_s(source, picture, one_piece(chunks), rung, folder)
            rounds_s.append((pieces_s, whole_s))
            print(f"{rung.name}: {pieces_s:.2f} CPU s in chunks, {whole_s:.2f} in one piece", file=sys.stderr)
        share = median(pieces_s / whole_s for pieces_s, whole_s in rounds_s)
        targets.append(target(f"CPU of chunks / one piece, {rung.name}", share, 1.15))
        spent.append(
            (median(pieces_s for pieces_s, _ in rounds_s), median(whole_s for _, whole_s in rounds_s))
        )
    ladder = sum(pieces_s for pieces_s, _ in spent) / sum(whole_s for _, whole_s in spent)
    targets.append(target("CPU of chunks / one piece, the ladder's sum", ladder, 1.15))
    soon = [
        await first_segment(source, picture, rungs[0 if not quick else -1], folder) for _ in range(rounds)
    ]
    return [*targets, target("first playable segment / one chunk's encode, wall", median(soon), 1.5)]


async def cpu_s(source: Path, picture: PictureSource, chunk: Chunk, rung: Rung, folder: Path) -> float:
    work = ChunkWork(picture, chunk, rung)
    made = await encode_chunk(source, work, recipe("h264_aac"), folder=folder, limits=LIMITS, clock=CLOCK)
    return made.cpu_s


def one_piece(chunks: list[Chunk]) -> Chunk:
    """The whole film as one chunk with the same segments."""
    firsts = accumulate((chunk.frames for chunk in chunks[:-1]), initial=0)
    segments = [first + n for first, chunk in zip(firsts, chunks, strict=True) for n in chunk.segments]
    runs = tuple(run for chunk in chunks for run in chunk.runs)
    return replace(
        chunks[0], runs=runs, segments=tuple(segments), shots=(0,), ends_on_cut=True, tail_frames=0
    )


async def first_segment(source: Path, picture: PictureSource, rung: Rung, folder: Path) -> float:
    """Wall time from the look's begin to the first chunk's end, in encodes of that chunk."""
    began = CLOCK.monotonic_ns()
    looking = find_chunks(source, picture, limits=LIMITS, clock=CLOCK)
    chunk = await anext(aiter(looking))
    work = ChunkWork(picture, chunk, rung)
    made = await encode_chunk(source, work, recipe("h264_aac"), folder=folder, limits=LIMITS, clock=CLOCK)
    soon_s = (CLOCK.monotonic_ns() - began) / 1e9
    await looking.aclose()  # type: ignore[attr-defined]
    return soon_s / made.wall_s


def target(name: str, value: float, at_most: float) -> dict[str, object]:
    return {"name": name, "value": round(value, 3), "at_most": at_most, "met": value <= at_most}


if __name__ == "__main__":
    sys.exit(main())
