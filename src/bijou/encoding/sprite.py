"""The pictures behind the seek bar: one image of many tiles, and its index."""

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from bijou.packaging import Captions, Cue, write_webvtt

MIN_STEP_S = 1.0
MAX_TILES = 100
COLUMNS = 10
_SLACK_S = 0.001


class Sprite(Struct, frozen=True):
    """A grid of small pictures, each of which stands for a stretch of film.

    Args:
        width: Of one tile, in pixels.
        height: Of one tile, in pixels.
        step_s: Least time between two tiles.
        starts_s: When each tile's frame is shown.
        end_s: Where the last tile's stretch ends.
    """

    width: int
    height: int
    step_s: float
    starts_s: list[float]
    end_s: float

    @property
    def columns(self) -> int:
        """Tiles side by side."""
        return min(COLUMNS, len(self.starts_s))

    @property
    def rows(self) -> int:
        """Tiles above each other."""
        return -(-len(self.starts_s) // COLUMNS)

    def choice(self) -> str:
        """Return the filter that lets the tiles' frames through."""
        return f"select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,{self.step_s - _SLACK_S:.6f})"

    def tile(self) -> str:
        """Return the filter that joins the tiles."""
        return f"tile={self.columns}x{self.rows}:color=black"

    def index(self, image: str) -> str:
        """Return WebVTT that names the tile of every moment, as players' seek bars read it.

        Source: W3C Media Fragments URI 1.0, section 4.2.2 (`#xywh`).
        """
        moments_ms = [round(moment_s * 1000) for moment_s in (*self.starts_s, self.end_s)]
        cues = []
        for number, (start_ms, end_ms) in enumerate(pairwise(moments_ms)):
            x, y = number % COLUMNS * self.width, number // COLUMNS * self.height
            cues.append(Cue(start_ms, end_ms, f"{image}#xywh={x},{y},{self.width},{self.height}"))
        return write_webvtt(Captions(tuple(cues)))


def plan_sprite(times_s: Sequence[float], duration_s: float, size: tuple[int, int]) -> Sprite:
    """Choose tiles: one every second at most, a hundred for the whole film.

    Args:
        times_s: Of every frame that may be a tile, the first at 0: key frames,
            which cost a quarter of what all frames do.
        duration_s: End of the last frame.
        size: Of one tile.

    Example:
        >>> sprite = plan_sprite([n / 10 for n in range(50)], 5.0, (160, 90))
        >>> sprite.starts_s
        [0.0, 1.0, 2.0, 3.0, 4.0]
        >>> print(sprite.index("sprite.jpg").splitlines()[2])
        00:00:00.000 --> 00:00:01.000
    """
    step_s = max(MIN_STEP_S, duration_s / MAX_TILES)
    starts = [times_s[0]]
    for moment in times_s:
        if moment - starts[-1] >= step_s - _SLACK_S:
            starts.append(moment)
    return Sprite(*size, step_s, starts[:MAX_TILES], duration_s)
