"""Real encodes, and what a decoder that is not ours makes of them."""

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

BUNDLED = str(imageio_ffmpeg.get_ffmpeg_exe())
DECODERS = [BUNDLED, *filter(None, [shutil.which("ffmpeg", path="/usr/bin")])]
CUTS_S = [Fraction(0), Fraction(3, 2), Fraction(13, 4), Fraction(11, 2), Fraction(7)]
FRAMES = 192
DURATION_S = 8

_KEYS = ",".join(str(float(cut)) for cut in CUTS_S)
_X264 = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-bf",
    "2",
    "-g",
    "1000",
    "-sc_threshold",
    "0",
    "-threads",
    "1",
]


def run(program: str, *arguments: str, level: str = "error") -> str:
    """Run ffmpeg; what it complains of fails the test."""
    command = [program, "-v", level, "-nostdin", "-y", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert not done.stderr, done.stderr
    return done.stdout


def encode_video(
    path: Path,
    *,
    height: int,
    fragments: str,
    keys: str = _KEYS,
    rate: str = "24",
    duration_s: int = DURATION_S,
) -> Path:
    source = f"testsrc2=size=320x180:rate={rate}:duration={duration_s},scale=-2:{height}"
    flags = f"+delay_moov+default_base_moof+{fragments}"
    picture = [*_X264, "-pix_fmt", "yuv420p", "-force_key_frames", keys]
    run(BUNDLED, "-f", "lavfi", "-i", source, *picture, "-movflags", flags, str(path))
    return path


def encode_audio(path: Path, *, codec: str, fragments: str, duration_s: int = DURATION_S) -> Path:
    source = f"sine=frequency=440:beep_factor=4:sample_rate=48000:duration={duration_s}"
    flags = f"+delay_moov+default_base_moof+{fragments}"
    run(
        BUNDLED,
        "-f",
        "lavfi",
        "-i",
        source,
        "-ac",
        "2",
        "-c:a",
        codec,
        "-b:a",
        "96k",
        "-movflags",
        flags,
        str(path),
    )
    return path


def frames(program: str, address: str, stream: str, level: str = "error") -> list[tuple[int, str]]:
    """Decode one stream: when each frame is shown, and its MD5."""
    return [(int(row[2]), row[5]) for row in _rows(program, address, stream, level=level)]


def first_frame(program: str, path: Path) -> str:
    """Return the MD5 of the first frame of a file that may end behind it."""
    [row] = _rows(program, str(path), "v", "-frames:v", "1", level="fatal")
    return row[5]


def packets(program: str, address: str, stream: str, level: str = "error") -> list[tuple[int, str]]:
    """Demultiplex one stream: when each packet is shown, and its MD5."""
    return [(int(row[2]), row[5]) for row in _rows(program, address, stream, "-c", "copy", level=level)]


def _rows(program: str, address: str, stream: str, *output: str, level: str = "error") -> list[list[str]]:
    arguments = ["-copyts", "-i", address, "-map", f"0:{stream}", *output, "-f", "framemd5", "-"]
    lines = run(program, *arguments, level=level).splitlines()
    return [[part.strip() for part in line.split(",")] for line in lines if not line.startswith("#")]
