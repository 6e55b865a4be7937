"""One cheap decode of the whole film: its frames' times, its cuts.

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

_THRESHOLD = 10
_TELL_FRAMES = 50
_SIZE = "160:90"
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


def survey_argv(
    source: Path, container: str, stream: int, threads: int, *, at_once: bool = False
) -> list[str]:
    """Return the command that tells of every frame of a film on standard output.

    Args:
        stream: Index of the picture in the file.
        at_once: Tell of each as soon as it is known, at the price of a call of the kernel a line.
    """
    filters = f"{ONLY_ADVANCING},scale={_SIZE}:flags=fast_bilinear,format=gray,scdet=t={_THRESHOLD}"
    told = "metadata=print:file=-:direct=1" if at_once else "metadata=print:file=-"
    return [
        *ffmpeg(),
        *("-v", "info", "-nostats"),  # it says there to which size a picture changes
        *("-skip_loop_filter", "all", "-noautorotate"),
        *input_options(source, container, threads),
        *("-map", f"0:{stream}", "-vf", f"{filters},{told}"),
        *("-fps_mode", "passthrough", "-f", "null", "-"),
    ]


class Survey:
    """What the lines of `survey_argv` add up to; feed them to `line` in order.

    Memory: 8 bytes a frame.

    Args:
        packets: How many frames there should be.
        tell: Called now and then with the share of frames that were measured.
    """

    def __init__(self, packets: int, tell: Callable[[float], None]) -> None:
        self._packets = packets
        self._tell = tell
        self.ticks: array[int] = array("q")
        self.changes: list[int] = []
        self._cuts: list[int] = []

    def line(self, text: str) -> None:
        """Take one line."""
        moment = shown_at(text)
        if moment is not None:
            if self.ticks and begins_anew(text):
                self.changes.append(len(self.ticks))
            self.ticks.append(moment)
            if len(self.ticks) % _TELL_FRAMES == 0:
                self._tell(min(1.0, len(self.ticks) / self._packets))
        elif begins_shot(text):
            self._cuts.append(len(self.ticks) - 1)

    def times_s(self, tick: Fraction) -> list[float]:
        """Return when each frame is shown, the first at 0."""
        return seconds(self.ticks, tick)

    def cuts_s(self, tick: Fraction) -> list[float]:
        """Return when each shot but the first begins."""
        return [float((self.ticks[index] - self.ticks[0]) * tick) for index in self._cuts]


def shown_at(line: str) -> int | None:
    """Return when a frame is shown, of the line that names it; None for any other line.

    Example:
        >>> shown_at("frame:7    pts:1480    pts_time:1.48"), shown_at("lavfi.scd.score=1.250")
        (1480, None)
    """
    return int(line.split("pts:", 1)[1].split(maxsplit=1)[0]) if line.startswith("frame:") else None


def begins_anew(line: str) -> bool:
    """Tell whether a line names frame 0: filters begin to count anew for another kind of picture."""
    return line.startswith("frame:0 ")


def begins_shot(line: str) -> bool:
    """Tell whether a line says that a shot begins with the frame that was named last."""
    return line.startswith(_CUT)


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
