"""One cheap decode of the whole film: its frames' times, its cuts, its face.

Asked of ffmpeg in a confined child: pictures are decoded without the loop
filter, shrunk, and only measured. Cost: about an eighth of the CPU time of the
encode that follows (measured: 1.0 of 8.1 s for 30 s at 480p), and
it makes what follows exact: the grid lies on frames that are really there.
"""

import re
from array import array
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from bijou.encoding.ffmpeg import ONLY_ADVANCING, ffmpeg, input_options
from bijou.encoding.frame_index import seconds
from bijou.encoding.probe_child import PictureFacts

CUT_THRESHOLD = 10
_TELL_FRAMES = 50
_SIZE = "160:90"
_ENTROPY = "lavfi.entropy.normalized_entropy.normal.Y="
_CUT = "lavfi.scd.time="
_RESIZED = re.compile(r"parameters changed to [^\n]*?, (\d+)x(\d+)")
_RATES = [
    Fraction(rate) for rate in (12, 15, "24000/1001", 24, 25, "30000/1001", 30, 48, 50, "60000/1001", 60)
] + [Fraction(rate) for rate in (72, 90, 100, "120000/1001", 120, 144, 240)]


class Cadence(Struct, frozen=True):
    """How often frames come.

    Args:
        rate: Frames a second; the average where it varies.
    """

    rate: Fraction
    variable: bool


def survey_argv(source: Path, container: str, picture: PictureFacts, threads: int) -> list[str]:
    """Return the command that measures every frame of a film on standard output."""
    filters = (
        f"{ONLY_ADVANCING},scale={_SIZE}:flags=fast_bilinear,format=gray,scdet=t={CUT_THRESHOLD},entropy"
    )
    return [
        *ffmpeg(),
        *("-v", "info", "-nostats"),  # it says there to which size a picture changes
        *("-skip_loop_filter", "all", "-noautorotate"),
        *input_options(source, container, threads),
        *("-map", f"0:{picture.index}", "-vf", f"{filters},metadata=print:file=-"),
        *("-fps_mode", "passthrough", "-f", "null", "-"),
    ]


class Survey:
    """What the lines of `survey_argv` add up to; feed them to `line` in order.

    Memory: 16 bytes a frame.

    Args:
        packets: How many frames there should be.
        tell: Called now and then with the share of frames that were measured.
        seen: Called with each frame's time in ticks and whether a shot begins
            with it, as soon as both are known: a plan need not wait for the end.
    """

    def __init__(
        self,
        packets: int,
        tell: Callable[[float], None],
        seen: Callable[[int, bool], None] = lambda _ticks, _cut: None,
    ) -> None:
        self._packets = packets
        self._tell = tell
        self._seen = seen
        self.ticks: array[int] = array("q")
        self.changes: list[int] = []
        self._detail: array[float] = array("d")
        self._cuts: list[int] = []

    def line(self, text: str) -> None:
        """Take one line."""
        if text.startswith("frame:"):
            if self.ticks and text.startswith(
                "frame:0 "
            ):  # the filters began anew, for another kind of picture
                self.changes.append(len(self.ticks))
            self.ticks.append(int(text.split("pts:", 1)[1].split(maxsplit=1)[0]))
            self._detail.append(0.0)
            if len(self.ticks) % _TELL_FRAMES == 0:
                self._tell(min(1.0, len(self.ticks) / self._packets))
        elif text.startswith(_CUT):
            self._cuts.append(len(self.ticks) - 1)
        elif text.startswith(_ENTROPY):
            self._detail[-1] = float(text[len(_ENTROPY) :])
            self._seen(self.ticks[-1], bool(self._cuts) and self._cuts[-1] == len(self.ticks) - 1)

    def times_s(self, tick: Fraction) -> list[float]:
        """Return when each frame is shown, the first at 0."""
        return seconds(self.ticks, tick)

    def cuts_s(self, tick: Fraction) -> list[float]:
        """Return when each shot but the first begins."""
        return [float((self.ticks[index] - self.ticks[0]) * tick) for index in self._cuts]

    def face(self) -> int:
        """Return the number of the frame that stands for the film.

        The one that holds most detail, and so is neither black nor a fade,
        between a tenth and six tenths of the film: after titles, before the end.
        """
        count = len(self._detail)
        candidates = range(count // 10, max(count // 10 + 1, count * 6 // 10))
        return max(candidates, key=self._detail.__getitem__)


def sizes(words: str) -> list[tuple[int, int]]:
    """Return the sizes to which the picture changed, of what ffmpeg said at the survey's end.

    Example:
        >>> sizes("filter graph because video parameters changed to yuv420p(tv, bt709), 160x120, unspecified")
        [(160, 120)]
    """
    return [(int(width), int(height)) for width, height in _RESIZED.findall(words)]


def cadence(ticks: Sequence[int], tick: Fraction, fallback: Fraction) -> Cadence:
    """Tell whether frames come evenly, and how often.

    Even means: each within one tick of its place, for containers round
    (Matroska to milliseconds).

    Args:
        ticks: Times of frames, rising.
        tick: The unit in seconds.
        fallback: Frames a second of a film of one frame.

    Example:
        >>> cadence([0, 42, 83, 125, 167], Fraction(1, 1000), Fraction(25))
        Cadence(rate=Fraction(24, 1), variable=False)
        >>> cadence([0, 40, 200], Fraction(1, 1000), Fraction(25))
        Cadence(rate=Fraction(10, 1), variable=True)
    """
    steps = len(ticks) - 1
    if steps < 1:
        return Cadence(fallback, variable=False)
    average = steps / ((ticks[-1] - ticks[0]) * tick)
    near = [rate for rate in _RATES if abs(rate - average) < average / 100]
    likely = min([*near, average.limit_denominator(1001)], key=lambda rate: _worst(ticks, tick, rate))
    if _worst(ticks, tick, likely) <= 1:
        return Cadence(likely, variable=False)
    return Cadence(average.limit_denominator(1001), variable=True)


def _worst(ticks: Sequence[int], tick: Fraction, rate: Fraction) -> float:
    """Return by how many ticks the worst frame misses its place."""
    step = float(1 / (rate * tick))
    return max(abs(moment - ticks[0] - number * step) for number, moment in enumerate(ticks))


def last_frame_s(times_s: Sequence[float], packet_s: float, rate: Fraction) -> float:
    """Return how long the last frame is shown: what its packet says, if that is sane."""
    usual = float(1 / rate)
    longest = max((after - before for before, after in pairwise(times_s[-10:])), default=usual)
    return packet_s if 0 < packet_s <= 2 * max(usual, longest) else usual
