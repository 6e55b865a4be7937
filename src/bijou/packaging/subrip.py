"""SubRip (.srt), as it is written by a thousand programs; its styles in WebVTT's words."""

import re
from collections.abc import Iterator, Sequence

from bijou.packaging.cues import (
    Captions,
    Cue,
    Timing,
    bad_captions,
    check_count,
    ordered,
    read_timing,
    said,
)

# What WebVTT calls by name; other colours have no name there and are left out.
_COLOURS = {
    "#ffffff": "white",
    "#00ff00": "lime",
    "#00ffff": "cyan",
    "#ff0000": "red",
    "#ffff00": "yellow",
    "#ff00ff": "magenta",
    "#0000ff": "blue",
    "#000000": "black",
}
_NAMES = frozenset(_COLOURS.values())
_TOKEN = re.compile(r"<(/?)(b|i|u|font)\b([^<>]{0,200})>|\{\\([^{}]{0,200})\}", re.IGNORECASE)
_COLOUR = re.compile(r"color\s*=\s*[\"']?\s*(#[0-9a-f]{6}|[a-z]+)", re.IGNORECASE)
_PLACE = re.compile(r"an([1-9])(?!\d)")
# A number before an arrow is meant as a time; any other arrow is text.
_TIMED = re.compile(r"\s*\d.*-->")
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|nbsp|lrm|rlm);)")
_ROWS = {"bottom": "", "middle": "line:50%,center", "top": "line:0"}
_COLUMNS = ("position:0% align:start", "", "position:100% align:end")


def read_subrip(lines: Sequence[str]) -> Captions:
    """Read the lines of a SubRip file.

    Numbers before cues may be missing or wrong, texts may hold empty lines,
    cues may stand in any order: all of these are found in good films' files.
    Cues that are shown for no time at all are left out.

    Raises:
        InvalidRequest: `packaging.bad_captions`, `.captions_too_large`.
    """
    arrows = [at for at, line in enumerate(lines) if _TIMED.match(line)]
    _check_lead(lines[: arrows[0]] if arrows else lines)
    stops = [*arrows[1:], len(lines)] if arrows else []
    cues: list[Cue] = []
    for at, stop in zip(arrows, stops, strict=True):
        check_count(cues, at + 1)
        timing = read_timing(lines[at], at + 1)
        text, settings = _styled(_text(lines[at + 1 : stop], last=stop == len(lines)))
        if text and timing.start_ms < timing.end_ms:
            cues.append(_cue(timing, text, settings))
    if not cues:
        raise bad_captions(len(lines), "the file ends without a single cue")
    return Captions(ordered(cues))


def _cue(timing: Timing, text: str, settings: str) -> Cue:
    return Cue(timing.start_ms, timing.end_ms, text, settings=settings)


def _check_lead(lines: Sequence[str]) -> None:
    """Before the first cue there may be its number and empty lines, nothing else."""
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.strip().isdecimal():
            raise bad_captions(
                number, f"{said(line)} is neither SubRip nor WebVTT; a cue begins with its number or its time"
            )


def _text(lines: Sequence[str], *, last: bool) -> list[str]:
    """Return a cue's text: the number of the next cue and empty lines left out."""
    stripped = "\n".join(line.strip() for line in lines).rstrip("\n").split("\n")
    if not last and stripped[-1].isdecimal() and not any(stripped[-2:-1]):
        stripped.pop()
    return list(filter(None, stripped))


def _styled(lines: Sequence[str]) -> tuple[str, str]:
    """Return a text in WebVTT's markup, and where it stands.

    Tags that nobody closes end with the cue; ones that nobody opened are dropped.
    """
    place = 2
    opened: list[tuple[str, str]] = []
    pieces: list[str] = []
    for token in _tokens("\n".join(lines)):
        if isinstance(token, str):
            pieces.append(_escaped(token))
        elif token[4] is not None:
            found = _PLACE.search(token[4])
            place = int(found[1]) if found else place
        elif token[1]:
            pieces.append(_closed(token[2].lower(), opened))
        else:
            tag = _tag(token[2].lower(), token[3])
            opened.append((token[2].lower(), tag.partition(".")[0]))
            pieces.append(f"<{tag}>" if tag else "")
    pieces += [f"</{tag}>" for _, tag in reversed(opened) if tag]
    if not _TOKEN.sub("", "".join(lines)).strip():
        return "", ""
    text = "\n".join(line for line in "".join(pieces).split("\n") if line.strip())
    return text, _settings(place)


def _tokens(text: str) -> Iterator["str | re.Match[str]"]:
    at = 0
    for match in _TOKEN.finditer(text):
        yield text[at : match.start()]
        yield match
        at = match.end()
    yield text[at:]


def _closed(name: str, opened: list[tuple[str, str]]) -> str:
    """Close a tag, and those inside it, for WebVTT's tags must nest."""
    if name not in (known for known, _ in opened):
        return ""
    closing = ""
    while True:
        known, tag = opened.pop()
        closing += f"</{tag}>" if tag else ""
        if known == name:
            return closing


def _tag(name: str, attributes: str) -> str:
    if name != "font":
        return name
    found = _COLOUR.search(attributes)
    colour = found[1].lower() if found else ""
    colour = _COLOURS.get(colour, colour)
    return f"c.{colour}" if colour in _NAMES else ""


def _settings(place: int) -> str:
    """Places are numbered as on a keypad of digits: 1 below left, 9 above right."""
    row = ("bottom", "middle", "top")[(place - 1) // 3]
    return f"{_ROWS[row]} {_COLUMNS[(place - 1) % 3]}".strip()


def _escaped(text: str) -> str:
    return _ENTITY.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
