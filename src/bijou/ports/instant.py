"""A moment: int64 microseconds since 1970 in UTC inside, RFC 3339 on the wire."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(int):
    """Microseconds since 1970-01-01T00:00:00Z; compares and subtracts as an int.

    Source: RFC 3339 for the text form.

    Example:
        >>> Instant.parse("2026-11-21T10:00:00.25Z").rfc3339()
        '2026-11-21T10:00:00.250000Z'
        >>> Instant(0).plus_s(1.5) - Instant(0)
        1500000
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "Instant":
        """Read an RFC 3339 date-time.

        Raises:
            ValueError: not a date-time, or one without an offset.
        """
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(f"{text!r} has no offset; RFC 3339 wants one, such as 2026-11-21T10:00:00Z")
        return cls((moment - _EPOCH) // _MICROSECOND)

    def rfc3339(self) -> str:
        """Write it with microseconds and a `Z`."""
        moment = _EPOCH + timedelta(microseconds=self)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"

    def plus_s(self, seconds: float) -> "Instant":
        """Return the instant `seconds` later (earlier where negative)."""
        return Instant(self + round(seconds * 1_000_000))
