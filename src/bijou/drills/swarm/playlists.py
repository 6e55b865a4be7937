"""As much of HLS as a viewer needs: rungs, sounds, segments."""

import re
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import parse_qs, urljoin, urlsplit

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
_VARIABLE = re.compile(r"\{\$([A-Za-z0-9_-]+)\}")


@dataclass(frozen=True, slots=True)
class Multivariant:
    """A title's rungs, lowest first, and where the sound of each is.

    Attributes:
        bitrates_bps: Average rate of each rung, rising.
        videos: Address of each rung's playlist.
        sounds: Address of the sound that goes with it, or empty.
    """

    bitrates_bps: tuple[float, ...]
    videos: tuple[str, ...]
    sounds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Media:
    """One rendition's segments.

    Attributes:
        init: Address of its init segment, or empty.
        segments: Address of each segment.
        durations_s: Length of each.
    """

    init: str
    segments: tuple[str, ...]
    durations_s: tuple[float, ...]


def multivariant_of(text: str, address: str) -> Multivariant:
    """Read a multivariant playlist; of rungs with one rate the first counts.

    Raises:
        ValueError: it has no rung, or does not say what it must.
    """
    lines, variables = text.splitlines(), _variables(text, address)
    sounds: dict[str, str] = {}
    for line in lines:
        if line.startswith("#EXT-X-MEDIA:"):
            of = _attributes(line, variables)
            if of.get("TYPE") == "AUDIO" and "URI" in of:
                sounds.setdefault(_said(of, "GROUP-ID", line), urljoin(address, of["URI"]))
    rungs: dict[float, tuple[str, str]] = {}
    for line, following in pairwise(lines):
        if line.startswith("#EXT-X-STREAM-INF:"):
            of = _attributes(line, variables)
            rate = float(of.get("AVERAGE-BANDWIDTH") or _said(of, "BANDWIDTH", line))
            place = urljoin(address, _filled(following.strip(), variables))
            rungs.setdefault(rate, (place, sounds.get(of.get("AUDIO", ""), "")))
    if not rungs:
        raise ValueError(f"{address} names no rendition; a target is a multivariant playlist")
    ordered = sorted(rungs.items())
    return Multivariant(
        tuple(rate for rate, _ in ordered),
        tuple(video for _, (video, _) in ordered),
        tuple(sound for _, (_, sound) in ordered),
    )


def media_of(text: str, address: str) -> Media:
    """Read a media playlist.

    Raises:
        ValueError: it has no segment, or does not say what it must.
    """
    variables, init, segments, durations = _variables(text, address), "", [], []
    for line in text.splitlines():
        if line.startswith("#EXT-X-MAP:"):
            init = urljoin(address, _said(_attributes(line, variables), "URI", line))
        elif line.startswith("#EXTINF:"):
            durations.append(float(line[8:].partition(",")[0]))
        elif line and not line.startswith("#"):
            segments.append(urljoin(address, _filled(line, variables)))
    if not segments or len(segments) != len(durations):
        raise ValueError(f"{address} has {len(segments)} segments and {len(durations)} durations")
    return Media(init, tuple(segments), tuple(durations))


def _attributes(line: str, variables: dict[str, str]) -> dict[str, str]:
    listed = _ATTRIBUTE.findall(line.partition(":")[2])
    return {name: _filled(value.strip('"'), variables) for name, value in listed}


def _said(attributes: dict[str, str], name: str, line: str) -> str:
    if name not in attributes:
        raise ValueError(f"{line[:60]}: {name} is missing")
    return attributes[name]


def _variables(text: str, address: str) -> dict[str, str]:
    query, known = parse_qs(urlsplit(address).query), {}
    for line in text.splitlines():
        if line.startswith("#EXT-X-DEFINE:"):
            of = _attributes(line, {})
            if "QUERYPARAM" in of:
                known[of["QUERYPARAM"]] = query.get(of["QUERYPARAM"], [""])[0]
            elif "NAME" in of:
                known[of["NAME"]] = of.get("VALUE", "")
    return known


def _filled(text: str, variables: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1], ""), text)
