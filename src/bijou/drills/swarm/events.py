"""What a viewer reports after the fact: CMCD version 2 events, a line each; pure.

Source: CTA-5004-B, event mode: structured fields, `application/cmcd`.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

KIND = "application/cmcd"


@dataclass(frozen=True, slots=True)
class Event:
    """One answer that came, or did not.

    Args:
        at_ms: Wall-clock milliseconds.
        status: 0: no answer.
        first_byte_s: From the question to the head of the answer.
        whole_s: To its last byte.
        error: Our word for what went wrong; makes it an error event.
    """

    at_ms: int
    address: str
    status: int
    first_byte_s: float = 0.0
    whole_s: float = 0.0
    buffer_s: float = 0.0
    error: str = ""


def written(event: Event, session: str, content: str) -> str:
    """Return the event's line; the address without its query, for there stands the token.

    Example:
        >>> written(Event(1000, "http://e:1/m/3.m4s?token=x", 200, 0.012, 0.05, 5.31), "s1", "film")
        'bl=5300,cid="film",e=rr,rc=200,sid="s1",ts=1000,ttfb=12,ttlb=50,url="http://e:1/m/3.m4s",v=2'
        >>> written(Event(2000, "http://e:1/m/3.m4s", 0, error="reset"), "s1", "film")
        'bl=0,cid="film",e=e,ec="reset",rc=0,sid="s1",ts=2000,url="http://e:1/m/3.m4s",v=2'
    """
    parts = urlsplit(event.address)
    keys = {
        "bl": str(round(event.buffer_s * 10) * 100),
        "cid": f'"{content}"',
        "e": "e" if event.error else "rr",
        "ec": f'"{event.error}"' if event.error else "",
        "rc": str(event.status),
        "sid": f'"{session}"',
        "ts": str(event.at_ms),
        "ttfb": "" if event.error else str(round(event.first_byte_s * 1000)),
        "ttlb": "" if event.error else str(round(event.whole_s * 1000)),
        "url": f'"{parts.scheme}://{parts.netloc}{parts.path}"',
        "v": "2",
    }
    return ",".join(f"{name}={value}" for name, value in keys.items() if value)
