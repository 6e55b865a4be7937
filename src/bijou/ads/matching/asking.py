"""What is asked of the matcher, and what it is asked about."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from bijou.audience import EVERYBODY, And, In, Or, Rule
from bijou.ports import Instant

Fact: TypeAlias = bool | int | float | str | list[str]

ALWAYS: Final = Instant(-(1 << 62))
NEVER: Final = Instant(1 << 62)
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Standing(IntEnum):
    """Whether a line item may serve at all, whoever asks."""

    ACTIVE = 0
    PAUSED = 1
    EXHAUSTED = 2


class Dayparts(msgspec.Struct, frozen=True):
    """Minutes of the week in one time zone, whoever watches where.

    Args:
        minutes: From (inclusive) and to (exclusive); 0 is Monday, 0:00,
            10,080 the end of Sunday.
    """

    time_zone: str
    minutes: tuple[tuple[int, int], ...]


class Line(msgspec.Struct, frozen=True):
    """A line item, as far as matching goes.

    Args:
        ordinal: Its dense number, 0 to 2^31 - 1; the caller keeps who it is.
        rank: Lower is better; of equal ranks the lower ordinal.
        rule: Whom it is for; nothing of it is ever evaluated as code.
        starts_at: Its flight begins, inclusive.
        ends_at: Its flight ends, exclusive.
        dayparts: When it may serve; None at all times.
    """

    ordinal: int
    rank: int
    rule: Rule = EVERYBODY
    starts_at: Instant = ALWAYS
    ends_at: Instant = NEVER
    standing: Standing = Standing.ACTIVE
    dayparts: Dayparts | None = None


class Opportunity(msgspec.Struct, frozen=True):
    """One place that an ad could fill: who watches what, where and when.

    What is missing, or of another type than its dimension, is unknown; and of
    the unknown nothing holds, neither `in` nor `not in`.

    Args:
        at: The moment, from the clock of whoever asks.
        facts: Values by dimension; several of a set. `hour` and `weekday`
            come from `at`.
        audiences: Names; None where the profile could not be read, which is
            not the same as being in none.
        occasions: By event, then by value, when it happened last; None where
            the profile could not be read.
        utc_offset_s: The viewer's zone, east of Greenwich.
    """

    at: Instant
    facts: Mapping[str, Fact] = {}
    audiences: Sequence[str] | None = None
    occasions: Mapping[str, Mapping[str, Instant]] | None = None
    utc_offset_s: int = 0


class After(msgspec.Struct, frozen=True, order=True):
    """Where a walk through the line items stands: behind this one."""

    rank: int
    ordinal: int


class Matches(msgspec.Struct, frozen=True):
    """The best line items that may serve, best first, and where to go on.

    Args:
        after: Hand it back for the next ones; None when there are no more.
    """

    lines: tuple[int, ...]
    ranks: tuple[int, ...]
    after: After | None


def hour_and_weekday(opportunity: Opportunity) -> tuple[int, str]:
    """Return the hour, 0 to 23, and the day of the viewer's week.

    Example:
        >>> hour_and_weekday(Opportunity(Instant.parse("2026-01-01T23:30:00Z"), utc_offset_s=3600))
        (0, 'fri')
    """
    hours = (opportunity.at // 1_000_000 + opportunity.utc_offset_s) // 3600
    return hours % 24, WEEKDAYS[(hours // 24 + 3) % 7]


def minute_of_week(at: Instant, time_zone: str) -> int:
    """Return how far that zone's week is; 0 is Monday, 0:00.

    Example:
        >>> minute_of_week(Instant.parse("2026-03-01T23:30:00Z"), "Europe/Berlin")
        30
    """
    there = datetime.fromtimestamp(at // 1_000_000, ZoneInfo(time_zone))
    return (there.weekday() * 24 + there.hour) * 60 + there.minute


def daypart(hours_of_week: Sequence[int]) -> Rule:
    """Return the rule that holds in these hours of the viewer's own week.

    Args:
        hours_of_week: 0 is Monday from 0:00 to 1:00, 167 the last of Sunday.

    Raises:
        ValueError: An hour is not one of 168.

    Example:
        >>> daypart([20, 21, 44, 45]) == And((In("weekday", ("mon", "tue")), In("hour", (20, 21))))
        True
    """
    outside = [hour for hour in hours_of_week if not 0 <= hour < 168]
    if outside:
        raise ValueError(f"hour {outside[0]} of the week; a week has hours 0 to 167")
    days: dict[tuple[int, ...], list[str]] = {}
    for number, day in enumerate(WEEKDAYS):
        hours = tuple(sorted({hour % 24 for hour in hours_of_week if hour // 24 == number}))
        if hours:
            days.setdefault(hours, []).append(day)
    parts = [And((In("weekday", tuple(names)), In("hour", hours))) for hours, names in days.items()]
    return parts[0] if len(parts) == 1 else Or(tuple(parts))
