"""The still pictures of a film: its poster, and the sprite behind the seek bar.

They are taken from renditions that are finished, not from the stranger's file:
those are upright, in normal light, ours to trust, and the smallest decodes at
a fraction of the cost. (As further outputs of the encode itself they would
keep ffmpeg silent about its progress until the last of them begins.)
"""

from collections.abc import Sequence
from pathlib import Path

from bijou.encoding.ffmpeg import ffmpeg
from bijou.encoding.ladder import Rung, fit
from bijou.encoding.sprite import Sprite

POSTER_BOX = (1280, 720)
TILE_BOX = (160, 160)
_SCALER = "flags=bicubic+accurate_rnd+full_chroma_int+bitexact:out_range=pc,format=yuvj420p,setsar=1"
_SLACK_S = 0.0005


def poster_argv(folder: Path, rung: Rung, moment_s: float) -> list[str]:
    """Return the command that writes `poster.jpg`: the frame shown at a moment.

    Args:
        folder: Holds the rung's file, and gets the picture.
        rung: The largest.
    """
    width, height = fit(rung.width, rung.height, *POSTER_BOX)
    seek = ("-ss", f"{moment_s - _SLACK_S:.6f}") if moment_s else ()
    return [
        *ffmpeg(),
        *(*seek, "-f", "mov", "-i", f"file:{folder / rung.name}.mp4"),
        *("-vf", f"scale={width}:{height}:{_SCALER}"),
        *_jpeg(folder / "poster.jpg", quality=3),
    ]


def sprite_argv(folder: Path, rung: Rung, sprite: Sprite) -> list[str]:
    """Return the command that writes `sprite.jpg`.

    Args:
        folder: Holds the rung's file, and gets the picture.
        rung: The smallest.
    """
    return [
        *ffmpeg(),
        *("-threads", "1", "-f", "mov", "-i", f"file:{folder / rung.name}.mp4"),
        *("-vf", f"{sprite.choice()},scale={sprite.width}:{sprite.height}:{_SCALER},{sprite.tile()}"),
        *_jpeg(folder / "sprite.jpg", quality=5),
    ]


def _jpeg(path: Path, *, quality: int) -> Sequence[str]:
    """Quality as mjpeg counts it: 2 is the best, 31 the worst."""
    coder = ("-frames:v", "1", "-c:v", "mjpeg", "-q:v", str(quality), "-bitexact")
    return (*coder, "-f", "image2", "-update", "1", str(path))
