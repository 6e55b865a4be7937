"""What a viewer says of itself with each request: CMCD version 2, in the query."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Telling:
    """The keys of one request; lengths in seconds, rates in bits a second.

    Args:
        kind: `v` video, `a` audio, `m` a playlist, `i` an init segment.
        next_object: What will be asked for next, relative; empty: unknown.
        starved: The buffer ran empty since the last request.
    """

    session: str
    content: str
    kind: str
    bitrate_bps: float = 0.0
    top_bps: float = 0.0
    segment_s: float = 0.0
    buffer_s: float = 0.0
    throughput_bps: float = 0.0
    next_object: str = ""
    started: bool = False
    starved: bool = False


def query(told: Telling) -> str:
    """Return `CMCD=...`, its keys in order.

    Source: CTA-5004-B: kb/s, milliseconds, buffer and throughput rounded to hundreds.

    Example:
        >>> from urllib.parse import unquote
        >>> unquote(query(Telling("s1", "film", "v", bitrate_bps=2_000_000, segment_s=4, buffer_s=7.21)))
        'CMCD=bl=7200,br=2000,cid="film",d=4000,ot=v,sf=h,sid="s1",st=v,su,v=2'
    """
    keys = {
        "bl": _hundreds(told.buffer_s * 1000) if told.kind in "va" else "",
        "br": _whole(told.bitrate_bps / 1000),
        "bs": told.starved,
        "cid": f'"{told.content}"',
        "d": _whole(told.segment_s * 1000),
        "mtp": _hundreds(told.throughput_bps / 1000) if told.throughput_bps else "",
        "nor": f'"{quote(told.next_object)}"' if told.next_object else "",
        "ot": told.kind,
        "sf": "h",
        "sid": f'"{told.session}"',
        "st": "v",
        "su": not told.started,
        "tb": _whole(told.top_bps / 1000),
        "v": "2",
    }
    said = [name if value is True else f"{name}={value}" for name, value in keys.items() if value]
    return "CMCD=" + quote(",".join(said), safe="")


def _whole(number: float) -> str:
    return str(round(number)) if number > 0 else ""


def _hundreds(number: float) -> str:
    return str(round(number / 100) * 100)
