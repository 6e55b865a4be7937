"""WebVTT, read strictly and written plainly.

Source: W3C WebVTT: The Web Video Text Tracks Format, sections 4 and 6.
"""

import re
from collections.abc import Iterable, Sequence

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

SIGNATURE = re.compile(r"WEBVTT(?:[ \t].*)?")

_PERCENT = r"\d{1,3}(?:\.\d+)?%"
_SETTINGS = {
    "vertical": re.compile(r"rl|lr"),
    "line": re.compile(rf"(?:-?\d{{1,3}}|{_PERCENT})(?:,(?:start|center|end))?"),
    "position": re.compile(rf"{_PERCENT}(?:,(?:line-left|center|line-right))?"),
    "size": re.compile(_PERCENT),
    "align": re.compile(r"start|center|end|left|right"),
    "region": re.compile(r"[^\s]{1,64}"),
}
_LOADS = re.compile(r"@import|url\s*\(|\\", re.IGNORECASE)
_HEAD = re.compile(r"(STYLE|REGION|NOTE)(?:[ \t].*)?")


def read_webvtt(lines: Sequence[str]) -> Captions:
    """Read the lines of a WebVTT file, the first of which is its signature.

    Comments and what the header says are dropped; settings that no player
    knows are too, as the standard asks.

    Raises:
        InvalidRequest: `packaging.bad_captions`, `.captions_too_large`.
    """
    cues: list[Cue] = []
    styles: list[str] = []
    regions: list[str] = []
    kept = {"STYLE": styles, "REGION": regions}
    for number, block in _blocks(lines):
        head = _HEAD.fullmatch(block[0])
        if head and not any("-->" in line for line in block[:2]):
            if head[1] in kept:
                kept[head[1]].append(_definition(number, head[1], block[1:], after_cues=bool(cues)))
            continue
        check_count(cues, number)
        cue = _cue(number, block)
        if cue is not None:
            cues.append(cue)
    if not cues:
        raise bad_captions(len(lines), "the file ends without a single cue")
    return Captions(ordered(cues), tuple(filter(None, styles)), tuple(filter(None, regions)))


def write_webvtt(captions: Captions, *header: str) -> str:
    """Return captions as a WebVTT file.

    Args:
        header: Lines that follow the signature, such as `X-TIMESTAMP-MAP=...`.

    Example:
        >>> print(write_webvtt(Captions((Cue(0, 1500, "Hello", settings="line:0"),))), end="")
        WEBVTT
        <BLANKLINE>
        00:00:00.000 --> 00:00:01.500 line:0
        Hello
    """
    blocks = ["\n".join(["WEBVTT", *header])]
    blocks += [f"STYLE\n{style}" for style in captions.styles]
    blocks += [f"REGION\n{region}" for region in captions.regions]
    blocks += [_written(cue) for cue in captions.cues]
    return "\n\n".join(blocks) + "\n"


def kept_settings(words: Iterable[str]) -> str:
    """Return those of a cue's settings that WebVTT knows, each once."""
    kept: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition(":")
        if name in _SETTINGS and _SETTINGS[name].fullmatch(value):
            kept[name] = word
    return " ".join(kept.values())


def clock(moment_ms: int) -> str:
    """Return a moment as WebVTT writes it.

    Example:
        >>> clock(3_723_004)
        '01:02:03.004'
    """
    minutes, rest = divmod(moment_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _blocks(lines: Sequence[str]) -> Iterable[tuple[int, list[str]]]:
    """Yield what stands between empty lines behind the header, with the number of its first line.

    A line with an arrow that follows a text begins a cue of its own, as in all players.
    """
    at = 1
    while at < len(lines) and lines[at].strip():
        if "-->" in lines[at]:
            raise bad_captions(at + 1, "a cue follows the signature; an empty line must part them")
        at += 1
    block: list[str] = []
    for number, line in enumerate(lines[at:], at + 1):
        if line.strip() and not ("-->" in line and any("-->" in before for before in block)):
            block.append(line)
            continue
        if block:
            yield number - len(block), block
        block = [line] if line.strip() else []
    if block:
        yield len(lines) + 1 - len(block), block


def _definition(number: int, kind: str, lines: Sequence[str], *, after_cues: bool) -> str:
    if after_cues:
        raise bad_captions(number, f"{kind} stands behind a cue; styles and regions come first")
    for place, line in enumerate(lines, number + 1):
        if "-->" in line:
            raise bad_captions(
                place, f"{said(line)} has an arrow inside {kind}; an empty line must part them"
            )
        if _LOADS.search(line):
            raise bad_captions(place, f"{said(line)} may load something; styles must not")
    return "\n".join(lines)


def _cue(number: int, block: Sequence[str]) -> Cue | None:
    """Read a block that is a cue; None where it is never shown."""
    named = "-->" not in block[0]
    if named and (len(block) < 2 or "-->" not in block[1]):
        raise bad_captions(
            number, f"{said(block[0])} is neither a cue nor a comment; a cue says when it is shown"
        )
    timing: Timing = read_timing(block[int(named)], number + int(named))
    text = "\n".join(block[int(named) + 1 :])
    if not text or timing.start_ms == timing.end_ms:
        return None
    identifier = block[0].strip() if named else ""
    return Cue(timing.start_ms, timing.end_ms, text, identifier, kept_settings(timing.rest.split()))


def _written(cue: Cue) -> str:
    timing = f"{clock(cue.start_ms)} --> {clock(cue.end_ms)}"
    head = [cue.identifier] if cue.identifier else []
    return "\n".join([*head, f"{timing} {cue.settings}".rstrip(), cue.text])
