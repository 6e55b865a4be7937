"""`./run bench encode`: what chunks cost, how soon a film can be watched, and what its bits buy.

- overhead: CPU seconds in chunks, beside one ffmpeg for the whole film
- soon: from a file to the first playable segment, beside one chunk's encode
- bits: bits at equal VMAF, beside Shaka Streamer's default ladder (see `equal_quality`)

Words choose among them; `--quick` takes the smallest rung of the clip alone.
The clip lies beside the repository, or BIJOU_BENCHMARK_FILM names another.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from benchmarks.encode import equal_quality, overhead, soon
from benchmarks.encode.equal_quality import Point, Row
from benchmarks.encode.measuring import CLIP, CLOCK, Film, Target, at_least, looked_through
from bijou.encoding import SAMPLES, make_sample

PARTS = ("overhead", "soon", "bits")
_SHARES: dict[str, Callable[[Row], float | None]] = {
    "VMAF": lambda row: row.share,
    "VMAF of nineteen frames in twenty": lambda row: row.share_at_low,
}
_SAMPLES = ("the-slow-train", "window-seat")


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench encode")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--long", action="store_true")
    chosen = parser.parse_args(words)
    clip = Path(os.environ.get("BIJOU_BENCHMARK_FILM", CLIP))
    if not clip.exists():
        print(f"{clip} is not there; BIJOU_BENCHMARK_FILM names another film", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory(prefix="encode-") as folder:
        parts = chosen.parts or PARTS
        targets, rows = asyncio.run(_measure(clip, Path(folder), parts, quick=chosen.quick, long=chosen.long))
    _show(targets, rows)
    peers = {"one ffmpeg, same recipe": "same build", "Shaka Streamer's default ladder": "rebuilt; same x264"}
    line = {
        "benchmark": "encode",
        "quick": chosen.quick,
        "peers": peers,
        "targets": [
            {key: value for key, value in _fields(target) if value is not None} for target in targets
        ],
    }
    print(json.dumps(line))
    return 0


async def _measure(
    clip: Path, folder: Path, parts: Sequence[str], *, quick: bool, long: bool
) -> tuple[list[Target], list[Row]]:
    film = await looked_through(clip, "clip")
    lengths = ", ".join(f"{chunk.ticks / film.picture.per_s:.1f}" for chunk in film.chunks)
    cuts = sum(chunk.ends_on_cut for chunk in film.chunks)
    print(f"chunks of {lengths} s; of {len(film.chunks)}, {cuts} end on a cut", file=sys.stderr)
    targets: list[Target] = []
    rows: list[Row] = []
    if "overhead" in parts:
        rounds = 1 if quick else 5 if long else 3
        targets += await overhead.measure(film, folder, rounds=rounds, smallest_only=quick)
    if "soon" in parts:
        targets += await soon.measure(film, folder, rounds=1 if quick else 3, quick=quick)
    if "bits" in parts:
        for one in [film, *([] if quick else await _samples(folder))]:
            rows += await equal_quality.compare(one, folder, smallest_only=quick)
        targets += _fewer(rows)
    return targets, rows


async def _samples(folder: Path) -> list[Film]:
    """Films of other kinds, made of nothing."""
    films = []
    for slug in _SAMPLES:
        sample = next(one for one in SAMPLES if one.slug == slug)
        path = await make_sample(sample, folder / f"{slug}.mp4", clock=CLOCK)
        films.append(await looked_through(path, slug))
    return films


def _fewer(rows: list[Row]) -> list[Target]:
    """By how much fewer bits do, over each film's renditions together, and on the mean of films."""
    targets = []
    for name, share_of in _SHARES.items():
        shares = []
        for film in dict.fromkeys(row.film for row in rows):
            sizes = [(share_of(row), row.theirs.size_bytes) for row in rows if row.film == film]
            known = [(share, size) for share, size in sizes if share is not None]
            if known:
                shares.append(sum(share * size for share, size in known) / sum(size for _, size in known))
                targets.append(at_least(f"bits saved at equal {name}, {film}", 1 - shares[-1], 0.2))
        if len(shares) > 1:
            targets.append(at_least(f"bits saved at equal {name}, mean of films", 1 - fmean(shares), 0.2))
    return targets


def _show(targets: list[Target], rows: list[Row]) -> None:
    console = Console(width=max(110, Console().width))
    if rows:
        heads = ("film", "rendition", "theirs, our preset", "theirs, as shipped", "ours / theirs")
        table = Table(*heads, "/ as shipped", "at the low", "BD-rate")
        for row in rows:
            known = (row.share, row.share_of_slow, row.share_at_low)
            shares = [f"{share:.2f}" if share is not None else "-" for share in known]
            rate = f"{row.bd_rate:+.1%}" if row.bd_rate is not None else "-"
            table.add_row(row.film, row.rung, _said(row.theirs), _said(row.theirs_slow), *shares, rate)
        console.print(table)
    table = Table("what", "value", "bound", "")
    for target in targets:
        bound = f"at most {target.at_most}" if target.at_most is not None else f"at least {target.at_least}"
        table.add_row(target.name, f"{target.value:.3f}", bound, "met" if target.met else "MISSED")
    console.print(table)


def _said(point: Point) -> str:
    return f"{point.size_bytes / 1000:.0f} kB, {point.vmaf:.1f}, low {point.low:.1f}"


def _fields(target: Target) -> list[tuple[str, object]]:
    return [(name, getattr(target, name)) for name in target.__struct_fields__]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
