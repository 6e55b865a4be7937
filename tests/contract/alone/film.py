"""A film of three chunks, and `bijou encode` as people run it."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

ROOT = Path(__file__).resolve().parents[3]
QUICKLY = ("--no-analysis", "--no-vmaf", "--workers", "1")
_SHOTS_S = (8, 7, 5)


def make_film(path: Path, *, seed: int = 0) -> Path:
    """Twenty seconds in three shots, 192x108, with sound."""
    shots = [
        f"testsrc2=size=192x108:rate=24:duration={length},hue=h={seed},{look}"
        for length, look in zip(_SHOTS_S, ("null", "negate", "vflip"), strict=True)
    ]
    inputs = [word for shot in shots for word in ("-f", "lavfi", "-i", shot)]
    sound = ("-f", "lavfi", "-i", f"sine=frequency=330:sample_rate=48000:duration={sum(_SHOTS_S)}")
    coders = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    argv = [get_ffmpeg_exe(), "-v", "error", "-y", *inputs, *sound]
    argv += ["-filter_complex", f"concat=n={len(shots)}[v]", "-map", "[v]", "-map", "3:a", *coders, str(path)]
    subprocess.run(argv, check=True)
    return path


def begin(*words: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bijou", "encode", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT / "src")},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def encode(*words: object) -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    process = begin(*words)
    stdout, stderr = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def until(process: "subprocess.Popen[str]", words: str) -> str:
    """Read what it says of its journey until it says this; return that line."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"it ended without a word of {words}")


def media(out: Path) -> dict[str, str]:
    """Digests of all that is never changed again, by path."""
    found = [path for path in out.rglob("*") if path.is_file() and ".bijou" not in path.parts]
    kept = [path for path in found if path.parent != out and "live" not in path.parts]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def stamps(out: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of every segment."""
    return {
        str(path.relative_to(out)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in out.rglob("*.m4s")
    }
