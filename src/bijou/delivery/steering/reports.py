"""What players say they saw: CMCD events, one a line.

Source: CTA-5004-B, event mode (`application/cmcd`); RFC 9651 for the values.
"""

import re
from typing import Final

import msgspec

from bijou.ports import InvalidRequest

LONGEST_LINE: Final = 8192
MOST_LINES: Final = 1000

_MEMBER: Final = re.compile(
    rb'[ \t]*([a-z*][a-z0-9_.*-]{0,63})(?:=("[^"\\]{0,4096}"|\([^()]{0,4096}\)|[A-Za-z0-9:@?./*+_-]{1,256}))?'
    rb'(?:;[a-z*][a-z0-9_.*-]{0,63}(?:=(?:"[^"\\]{0,256}"|[A-Za-z0-9:@?./*+_-]{1,256}))?){0,8}[ \t]*(?:,|$)'
)
_NUMBER: Final = re.compile(rb"\(?(-?[0-9]{1,15}(?:\.[0-9]{1,3})?)\b")


class Seen(msgspec.Struct, frozen=True, gc=False):
    """One event of a player, as far as steering cares.

    Args:
        kind: `rr` for a response, `e` for an error, and others.
        session: What the player calls itself.
        url: What it had asked for.
        status: Of the response; None where the player does not say, 0 where none came.
        first_byte_s: From the question to the first byte.
        rate_bps: What the player measured, in bits a second.
    """

    kind: str
    session: str = ""
    url: str = ""
    status: int | None = None
    first_byte_s: float | None = None
    rate_bps: float | None = None

    @property
    def failed(self) -> bool | None:
        """Whether the pathway failed the player; None where nothing follows from it.

        What is missing or not allowed (4xx) is not the pathway's fault.
        """
        if self.status is not None and 400 <= self.status < 500:
            return None
        if self.kind == "e":
            return True
        if self.kind != "rr" or self.status is None:
            return None
        return self.status == 0 or self.status >= 500


def read_reports(body: bytes) -> list[Seen]:
    r"""Read the events of one report; keys that are not known are passed over.

    Raises:
        InvalidRequest: `delivery.bad_report`, with the number of the line.

    Example:
        >>> read_reports(b'e=rr,rc=200,sid="s1",ttfb=12,url="http://a/1.m4s",v=2\n')[0].first_byte_s
        0.012
    """
    lines = [line for line in body.replace(b"\r\n", b"\n").split(b"\n") if line.strip()]
    if not lines or len(lines) > MOST_LINES:
        raise _bad(f"{len(lines)} lines; a report has one event a line, at most {MOST_LINES}")
    return [_read(number, line) for number, line in enumerate(lines, 1)]


def _read(number: int, line: bytes) -> Seen:
    members: dict[bytes, bytes] = {}
    at = 0
    while at < len(line):
        found = _MEMBER.match(line, at) if len(line) <= LONGEST_LINE else None
        if found is None:
            raise _bad(f"line {number} is no list of key=value with commas between them")
        members[found[1]] = found[2] or b"?1"
        at = found.end()
    kind = members.get(b"e", b"")
    if not kind:
        raise _bad(f"line {number} does not say which event it is (e=)")
    status, first_byte_ms, rate_kbps = (_number(members.get(key)) for key in (b"rc", b"ttfb", b"mtp"))
    return Seen(
        _text(kind),
        _text(members.get(b"sid", b"")),
        _text(members.get(b"url", b"")),
        None if status is None else int(status),
        None if first_byte_ms is None or first_byte_ms < 0 else first_byte_ms / 1000,
        None if rate_kbps is None or rate_kbps <= 0 else rate_kbps * 1000,
    )


def _text(value: bytes) -> str:
    return value.strip(b'"').decode("latin-1")


def _number(value: bytes | None) -> float | None:
    found = _NUMBER.match(value) if value is not None else None
    return float(found[1]) if found else None


def _bad(detail: str) -> InvalidRequest:
    return InvalidRequest("delivery.bad_report", detail)
