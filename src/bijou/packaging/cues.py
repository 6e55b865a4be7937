"""Cues: what is shown, when, where; and how a line of either format says so."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bijou.ports import InvalidRequest

MOST_CUES = 50_000
LONGEST_MS = 100 * 3_600_000

_MOMENT = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMING = re.compile(rf"[ \t]*{_MOMENT}[ \t]*-->[ \t]*{_MOMENT}(?:[ \t]+(.*))?")


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption: what is shown from when to when.

    Args:
        start_ms: Milliseconds from the film's first frame.
        end_ms: The first millisecond at which it is gone; after the start.
        text: In WebVTT's markup, without an empty line.
        settings: Where it stands, in WebVTT's words, such as `line:0 align:start`.
    """

    start_ms: int
    end_ms: int
    text: str
    identifier: str = ""
    settings: str = ""


@dataclass(frozen=True, slots=True)
class Captions:
    """The captions of one language, in the order in which they are shown.

    Args:
        styles: Style sheets, each without an empty line.
        regions: Definitions of regions that cues stand in, each likewise.
    """

    cues: tuple[Cue, ...]
    styles: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def moved(self, by_ms: int) -> "Captions":
        """Return them shown later; what would end at or before 0 is left out."""
        cues = (
            replace(cue, start_ms=max(0, cue.start_ms + by_ms), end_ms=cue.end_ms + by_ms)
            for cue in self.cues
        )
        return replace(self, cues=tuple(cue for cue in cues if cue.end_ms > 0))


def bad_captions(line: int, what: str) -> InvalidRequest:
    """Return the one error of the readers; lines count from 1."""
    return InvalidRequest("packaging.bad_captions", f"the captions are not usable, at line {line}: {what}")


def said(line: str) -> str:
    """Return a line as it may be quoted to people."""
    return repr(line if len(line) <= 60 else f"{line[:57]}...")


def ordered(cues: Iterable[Cue]) -> tuple[Cue, ...]:
    """Return cues as they are shown; those that begin together keep their order."""
    return tuple(sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms)))


@dataclass(frozen=True, slots=True)
class Timing:
    """A line that says when a cue is shown, and what it says of its place."""

    start_ms: int
    end_ms: int
    rest: str


def read_timing(line: str, number: int) -> Timing:
    """Read `00:00:01,000 --> 00:00:02,500`; both formats' spellings are taken.

    Raises:
        InvalidRequest: `packaging.bad_captions`.
    """
    match = _TIMING.fullmatch(line)
    if match is None:
        raise bad_captions(number, f"{said(line)} is no time such as 00:00:01.000 --> 00:00:02.500")
    start_ms, end_ms = _milliseconds(match.groups()[:4], number), _milliseconds(match.groups()[4:8], number)
    if end_ms < start_ms:
        raise bad_captions(number, f"{said(line)} ends before it begins")
    return Timing(start_ms, end_ms, (match[9] or "").strip())


def check_count(cues: Sequence[Cue], number: int) -> None:
    """Refuse more cues than a film has words."""
    if len(cues) >= MOST_CUES:
        raise InvalidRequest(
            "packaging.captions_too_large",
            f"at line {number} the captions' cue {MOST_CUES + 1} begins; at most {MOST_CUES} are taken",
        )


def _milliseconds(parts: Sequence[str | None], number: int) -> int:
    hours, minutes, seconds, fraction = parts
    if int(minutes or 0) > 59 or int(seconds or 0) > 59:
        raise bad_captions(number, f"{minutes}:{seconds} has more than 59 minutes or seconds")
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    moment = whole * 1000 + int((fraction or "").ljust(3, "0"))
    if moment > LONGEST_MS:
        raise bad_captions(number, f"hour {hours} is behind the end of any film; at most 100 are taken")
    return moment
