"""One id that follows a request through every service: W3C Trace Context."""

import re
from contextvars import ContextVar
from random import Random

from msgspec import Struct

trace_id: ContextVar[str] = ContextVar("trace_id", default="")
"""The trace that the current task works for; every log line carries it."""

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class Trace(Struct, frozen=True):
    """Where in which trace a request stands.

    Args:
        trace_id: 32 hexadecimal digits, not all zero.
        parent_id: 16 hexadecimal digits, not all zero: the caller's span.
        sampled: Whether the caller records it.
    """

    trace_id: str
    parent_id: str
    sampled: bool = False


def new_trace(chance: Random) -> Trace:
    """Begin a trace."""
    return Trace(f"{chance.getrandbits(128) or 1:032x}", f"{chance.getrandbits(64) or 1:016x}")


def parse_traceparent(header: str) -> Trace | None:
    """Read a `traceparent` header; None where it must be ignored.

    Versions after 00 may carry more fields, which are not read.

    Source: W3C Trace Context (Recommendation, 2021), section 3.2.

    Example:
        >>> parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").trace_id
        '0af7651916cd43dd8448eb211c80319c'
        >>> parse_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01") is None
        True
    """
    found = _FORM.fullmatch(header.strip())
    if not found:
        return None
    version, trace, parent, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not trace.strip("0") or not parent.strip("0"):
        return None
    return Trace(trace, parent, bool(int(flags, 16) & 1))


def format_traceparent(trace: Trace) -> str:
    """Write the `traceparent` header, version 00.

    Example:
        >>> format_traceparent(Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", sampled=True))
        '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    """
    return f"00-{trace.trace_id}-{trace.parent_id}-{trace.sampled:02x}"
