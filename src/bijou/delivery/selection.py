"""Which part of a representation a request gets: conditions, then ranges.

Source: RFC 9110, section 13.2.2 for the order, 14 for ranges.
"""

import re
from typing import Final

import msgspec

from bijou.delivery.dates import read_http_date
from bijou.delivery.model import Representation
from bijou.delivery.wire import Fields

CONDITIONS: Final = frozenset({b"range", b"if-none-match", b"if-modified-since"})

_RANGE: Final = re.compile(rb"bytes[ \t]*=[ \t]*(\d{0,20})-(\d{0,20})", re.IGNORECASE)
_ETAG: Final = re.compile(rb'(?:W/)?("[^"]*")')


class Selection(msgspec.Struct, frozen=True):
    """Bytes [start, stop) under a status: 200, 206, 304 or 416."""

    status: int
    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        """How many bytes of body that is."""
        return self.stop - self.start


def select(method: str, fields: Fields, representation: Representation) -> Selection:
    """Decide a GET or HEAD of a representation that exists."""
    size = representation.size_bytes
    if _not_modified(fields, representation):
        return Selection(304, 0, 0)
    asked = fields.get(b"range")
    if asked is None or method != "GET" or not _range_holds(fields, representation):
        return Selection(200, 0, size)
    return select_range(asked, size)


def select_range(asked: bytes, size: int) -> Selection:
    """Decide one byte range; what is no single byte range is ignored.

    Example:
        >>> select_range(b"bytes=-500", 2000)
        Selection(status=206, start=1500, stop=2000)
        >>> select_range(b"bytes=2000-", 2000).status
        416
    """
    found = _RANGE.fullmatch(asked)
    if not found or found[0].endswith(b"=-"):
        return Selection(200, 0, size)
    first, last = found.groups()
    if first and last and int(last) < int(first):
        return Selection(200, 0, size)
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    return Selection(206, start, stop) if start < stop else Selection(416, 0, 0)


def _not_modified(fields: Fields, representation: Representation) -> bool:
    if tags := fields.get(b"if-none-match"):
        return tags == b"*" or representation.etag.encode() in _ETAG.findall(tags)
    since = fields.get(b"if-modified-since")
    if since is None or representation.modified_at is None:
        return False
    then = read_http_date(since.decode("latin-1"))
    return then is not None and representation.modified_at // 1_000_000 <= then // 1_000_000


def _range_holds(fields: Fields, representation: Representation) -> bool:
    """Tell whether If-Range, if there, still means this representation; strong comparison."""
    condition = fields.get(b"if-range")
    if condition is None:
        return True
    if condition.startswith((b'"', b"W/")):
        return bool(representation.etag) and condition == representation.etag.encode()
    then = read_http_date(condition.decode("latin-1"))
    exact = representation.modified_at
    return then is not None and exact is not None and then // 1_000_000 == exact // 1_000_000
