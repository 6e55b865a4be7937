"""Poster candidates: a few frames that a film could be known by, the best first.

Only key frames of the smallest rendition are looked at, so that a film of two
hours costs about 1800 small pictures. There is one for each segment, the first
of every longer shot among them.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from msgspec import Struct

from bijou.encoding.ffmpeg import ffmpeg
from bijou.encoding.ladder import Rung, fit
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.own_media import run_in
from bijou.encoding.stills import POSTER_BOX, STILL_SCALER, jpeg
from bijou.ports import Clock

MOST_POSTERS = 5

_BLACK, _DARK, _GLARING = 50, 30, 215
_TITLES, _CREDITS = 0.03, 0.88
_SLACK_S = 0.0005
_SIGNAL, _DETAIL, _BLUR = "lavfi.signalstats.", "lavfi.entropy.normalized_entropy.normal.Y=", "lavfi.blur="
_WANTED = frozenset({"YLOW", "YAVG", "YHIGH", "SATAVG"})


class KeyFrame(Struct):
    """What was measured of one key frame; light is in steps of 8-bit video, 16 to 235.

    Args:
        low, high: The light that a tenth of the picture is below, and above.
        detail: Entropy of its light, 0 to 1.
        blur: Mean width of edges in pixels; NaN where there are none.
        colour: Mean saturation.
    """

    moment_s: float
    low: float = 0.0
    light: float = 0.0
    high: float = 0.0
    detail: float = 0.0
    blur: float = math.nan
    colour: float = 0.0

    @property
    def shows(self) -> bool:
        """Whether there is a picture at all: not black, not white, not one colour."""
        lit = self.high >= _BLACK and self.light >= _DARK and self.low <= _GLARING
        return lit and not math.isnan(self.blur)

    def score(self) -> float:
        """Return how well it would stand for a film, 0 to 1: sharp, lit, rich, colourful.

        Example:
            >>> sharp = KeyFrame(1.0, 40, 110, 190, 0.9, 4.0, 40)
            >>> [round(one.score(), 2) for one in (sharp, KeyFrame(1.0, 40, 110, 190, 0.9, 8.0, 40))]
            [0.86, 0.43]
        """
        if not self.shows:
            return 0.0
        sharp = min(1.0, 4 / max(self.blur, 0.1))
        lit = max(0.0, 1 - abs(self.light - 115) / 115)
        contrast = min(1.0, (self.high - self.low) / 140)
        return sharp * lit * contrast * self.detail * (0.7 + 0.3 * min(1.0, self.colour / 40))


class Measured:
    """Key frames, from the lines of `measure_argv`; feed them to `line` in order."""

    def __init__(self) -> None:
        self.frames: list[KeyFrame] = []

    def line(self, text: str) -> None:
        """Take one line."""
        if text.startswith("frame:"):
            self.frames.append(KeyFrame(float(text.rsplit("pts_time:", 1)[1])))
        elif text.startswith(_DETAIL):
            self.frames[-1].detail = float(text[len(_DETAIL) :])
        elif text.startswith(_BLUR):
            self.frames[-1].blur = float(text[len(_BLUR) :])
        elif text.startswith(_SIGNAL):
            self._signal(*text[len(_SIGNAL) :].split("=", 1))

    def _signal(self, name: str, value: str) -> None:
        names = {"YLOW": "low", "YAVG": "light", "YHIGH": "high", "SATAVG": "colour"}
        if name in _WANTED:
            setattr(self.frames[-1], names[name], float(value))


def measure_argv(smallest: Path) -> list[str]:
    """Return the command that measures all key frames of a rendition on standard output."""
    return [
        *ffmpeg(),
        *("-skip_frame", "nokey", "-threads", "1", "-f", "mov", "-i", f"file:{smallest}"),
        *("-vf", "signalstats,entropy,blurdetect,metadata=print:file=-"),
        *("-fps_mode", "passthrough", "-f", "null", "-"),
    ]


def choose_posters(
    frames: Sequence[KeyFrame], cuts_s: Sequence[float], duration_s: float, most: int = MOST_POSTERS
) -> list[float]:
    """Return the moments of the best frames, the best first, none of the same shot.

    Titles and credits come last, and frames that show nothing are only used
    where the film has no other.

    Args:
        frames: By time; at least one.
        cuts_s: When each shot but the first begins, rising.

    Example:
        >>> dull, fine = KeyFrame(2.0, 16, 16, 16), KeyFrame(4.0, 40, 110, 190, 0.9, 4.0, 40)
        >>> choose_posters([dull, fine, KeyFrame(6.0, 40, 90, 190, 0.9, 4.0, 40)], [3.5, 5.5], 9.0)
        [4.0, 6.0]
    """

    def rank(frame: KeyFrame) -> tuple[bool, float]:
        return _TITLES * duration_s <= frame.moment_s <= _CREDITS * duration_s, frame.score()

    shots = groupby(frames, key=lambda frame: bisect_right(cuts_s, frame.moment_s + _SLACK_S))
    faces = sorted((max(shot, key=rank) for _, shot in shots), key=rank, reverse=True)
    shown = [face.moment_s for face in faces if face.shows]
    return (shown or [faces[0].moment_s])[:most]


def posters_argv(sources: Sequence[Path], rung: Rung, folder: Path) -> list[str]:
    """Return the command that writes `poster-1.jpg`, `poster-2.jpg` … in one go.

    Args:
        sources: A file for each, which begins with it: a segment of the largest
            rendition behind its init segment.
        rung: What the files are.
        folder: Gets the pictures.
    """
    width, height = fit(rung.width, rung.height, *POSTER_BOX)
    argv = ffmpeg()
    for path in sources:
        argv += ["-skip_frame", "nokey", "-threads", "1", "-f", "mov", "-i", f"file:{path}"]
    for place in range(len(sources)):
        argv += ["-map", f"{place}:v:0", "-vf", f"scale={width}:{height}:{STILL_SCALER}"]
        argv += jpeg(folder / poster_name(place + 1), quality=3)
    return argv


def poster_name(number: int) -> str:
    """Return the file name of a candidate; they count from 1, the best."""
    return f"poster-{number}.jpg"


async def find_posters(
    smallest: Path, cuts_s: Sequence[float], duration_s: float, *, limits: EncodingLimits, clock: Clock
) -> list[float]:
    """Return the moments of a film's poster candidates, each of which opens a segment.

    Args:
        smallest: The smallest rendition as one file, alone in a scratch folder
            or among our own.

    Raises:
        EngineUnavailable, BijouBug: see `run_in`.
    """
    measured = Measured()
    argv = measure_argv(smallest)
    await run_in(
        smallest.parent, argv, "looking for its posters", limits=limits, clock=clock, on_line=measured.line
    )
    return choose_posters(measured.frames or [KeyFrame(0.0)], cuts_s, duration_s)


async def take_posters(
    sources: Sequence[Path], rung: Rung, folder: Path, *, limits: EncodingLimits, clock: Clock
) -> list[str]:
    """Write the candidates into `folder`, which holds their sources; return their names."""
    argv = posters_argv(sources, rung, folder)
    await run_in(folder, argv, "taking its posters", limits=limits, clock=clock)
    return [poster_name(number) for number in range(1, len(sources) + 1)]
