"""What chunks cost in CPU: the same film, recipe and segments, in chunks and in one ffmpeg."""

import sys
from pathlib import Path
from statistics import median

from benchmarks.encode.measuring import CLOCK, LIMITS, Film, Target, at_most, one_piece
from bijou.encoding.chunks import Chunk, ChunkWork, encode_chunk
from bijou.encoding.ladder import Rung
from bijou.encoding.recipes import recipe

_MOST = 1.15


async def measure(film: Film, folder: Path, *, rounds: int, smallest_only: bool) -> list[Target]:
    """Return a row a rung, and one for their sum: medians of interleaved rounds."""
    targets = []
    spent: list[tuple[float, float]] = []
    for rung in film.rungs[-1:] if smallest_only else film.rungs:
        rounds_s: list[tuple[float, float]] = []
        for _ in range(rounds):
            pieces_s = sum([await _cpu_s(film, chunk, rung, folder) for chunk in film.chunks])
            whole_s = await _cpu_s(film, one_piece(film.chunks), rung, folder)
            rounds_s.append((pieces_s, whole_s))
            print(f"{rung.name}: {pieces_s:.2f} CPU s in chunks, {whole_s:.2f} in one piece", file=sys.stderr)
        share = median(pieces_s / whole_s for pieces_s, whole_s in rounds_s)
        targets.append(at_most(f"CPU of chunks / one piece, {rung.name}", share, _MOST))
        spent.append((median(pieces for pieces, _ in rounds_s), median(whole for _, whole in rounds_s)))
    ladder = sum(pieces for pieces, _ in spent) / sum(whole for _, whole in spent)
    return [*targets, at_most("CPU of chunks / one piece, the ladder's sum", ladder, _MOST)]


async def _cpu_s(film: Film, chunk: Chunk, rung: Rung, folder: Path) -> float:
    work = ChunkWork(film.picture, chunk, rung)
    made = await encode_chunk(film.path, work, recipe("h264_aac"), folder=folder, limits=LIMITS, clock=CLOCK)
    return made.cpu_s
