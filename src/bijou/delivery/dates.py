"""HTTP dates, in the one form that is still written.

Source: RFC 9110, section 5.6.7 (IMF-fixdate). The two obsolete forms are not
read: a condition in them is ignored, which costs the client a full answer.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from bijou.ports import Instant

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FORM: Final = re.compile(
    rf"(?:{'|'.join(_DAYS)}), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def http_date(instant: Instant) -> str:
    """Write an instant, rounded down to the second.

    Example:
        >>> http_date(Instant.parse("1994-11-06T08:49:37Z"))
        'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    moment = _EPOCH + timedelta(seconds=instant // 1_000_000)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment.year:04}"
        f" {moment.hour:02}:{moment.minute:02}:{moment.second:02} GMT"
    )


def read_http_date(text: str) -> Instant | None:
    """Read a date; None where it is none.

    Example:
        >>> read_http_date("Sun, 06 Nov 1994 08:49:37 GMT").rfc3339()
        '1994-11-06T08:49:37.000000Z'
    """
    found = _FORM.fullmatch(text)
    if not found:
        return None
    day, month, *rest = found.groups()
    year, hour, minute, second = map(int, rest)
    try:
        moment = datetime(year, _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return Instant((moment - _EPOCH) // timedelta(microseconds=1))
