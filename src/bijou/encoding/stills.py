"""The still pictures of a film: its poster, and the sprite behind the seek bar.

They are taken from renditions that are finished, not from the stranger's file:
those are upright, in normal light, ours to trust, and the smallest decodes at
a fraction of the cost. (As further outputs of the encode itself they would
keep ffmpeg silent about its progress until the last of them begins.)
"""

from collections.abc import Sequence
from pathlib import Path

from bijou.encoding.ffmpeg import ffmpeg
from bijou.encoding.ladder import Rung
from bijou.encoding.sprite import Sprite

POSTER_BOX = (1280, 720)
TILE_BOX = (160, 160)
STILL_SCALER = "flags=bicubic+accurate_rnd+full_chroma_int+bitexact:out_range=pc,format=yuvj420p,setsar=1"


def sprite_argv(folder: Path, rung: Rung, sprite: Sprite) -> list[str]:
    """Return the command that writes `sprite.jpg`; key frames alone are decoded.

    Args:
        folder: Holds the rung's file, and gets the picture.
        rung: The smallest.
    """
    return [
        *ffmpeg(),
        *("-skip_frame", "nokey", "-threads", "1", "-f", "mov", "-i", f"file:{folder / rung.name}.mp4"),
        *("-vf", f"{sprite.choice()},scale={sprite.width}:{sprite.height}:{STILL_SCALER},{sprite.tile()}"),
        *jpeg(folder / "sprite.jpg", quality=5),
    ]


def jpeg(path: Path, *, quality: int) -> Sequence[str]:
    """Return the options that write one picture.

    Args:
        quality: As mjpeg counts it: 2 is the best, 31 the worst.
    """
    coder = ("-frames:v", "1", "-c:v", "mjpeg", "-q:v", str(quality), "-bitexact")
    return (*coder, "-f", "image2", "-update", "1", str(path))
