"""The line items of a configuration as the matcher takes them."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from bijou.ads.matching.asking import Dayparts, Line, Standing
from bijou.ads.matching.normal_form import MAX_DEPTH
from bijou.ads.model.nouns import Advertiser, AudienceReference, Campaign, Flight, InsertionOrder, LineItem
from bijou.ads.model.record import Record
from bijou.ads.model.terms import State, Tier
from bijou.audience import And, InAudience, Not, Or, Rule
from bijou.ports import Instant

_Sold: TypeAlias = LineItem | InsertionOrder | Campaign | Advertiser

_TIERS: Final = {tier: place for place, tier in enumerate(Tier)}
_DEAREST: Final = (1 << 48) - 1
_ABOVE: Final[tuple[tuple[type[_Sold], str], ...]] = (
    (InsertionOrder, "insertion_order"),
    (Campaign, "campaign"),
    (Advertiser, "advertiser"),
)


class Competing(NamedTuple):
    """What competes at a moment, and until when that holds.

    Args:
        until: When a flight of a line item with several gives way to the
            next; None where no such change lies ahead.
    """

    lines: list[Line]
    until: Instant | None


def competing(configuration: Iterable[Record], now: Instant) -> Competing:
    """Return the line items of a configuration, each with its flight of now, or the next.

    Drafts and what is archived are not among them; what its advertiser,
    campaign or order pauses is there and paused. Audiences are those that
    the references in its targeting stand for.
    """
    by_id = {record.id: record for record in configuration}
    nouns = [record.noun for record in by_id.values()]
    audiences = {noun.name: noun.audience for noun in nouns if isinstance(noun, AudienceReference)}
    lines: list[Line] = []
    turns: list[Instant] = []
    for record in by_id.values():
        item = record.noun
        if not isinstance(item, LineItem) or item.state in {State.DRAFT, State.ARCHIVED}:
            continue
        flights = sorted(item.flights, key=lambda flight: flight.begins_at)
        flight = _flight(flights, now)
        if flight is None:
            continue
        if flight is not flights[-1]:
            turns.append(flight.ends_at)
        standing = Standing.ACTIVE if _is_on(item, by_id) else Standing.PAUSED
        lines.append(
            Line(
                record.number,
                rank(item),
                _referred(item.targeting, audiences),
                flight.begins_at,
                flight.ends_at,
                standing,
                _dayparts(item),
            )
        )
    return Competing(lines, min(turns, default=None))


def rank(item: LineItem) -> int:
    """Return a line item's place: its tier, its priority in it, then the dearer first.

    Example:
        >>> cheap, dear = (
        ...     LineItem(name="x", insertion_order="o", tier=Tier.HOUSE, price_micros=p) for p in (1, 2)
        ... )
        >>> rank(dear) < rank(cheap)
        True
    """
    return _TIERS[item.tier] << 54 | item.priority << 48 | _DEAREST - min(item.price_micros, _DEAREST)


def _referred(rule: Rule, audiences: Mapping[str, str], levels: int = MAX_DEPTH) -> Rule:
    """Return a rule whose references to audiences are their names; what is too deep is left as it is."""
    if isinstance(rule, InAudience):
        return InAudience(audiences.get(rule.audience, rule.audience))
    if levels and isinstance(rule, Not):
        return Not(_referred(rule.of, audiences, levels - 1))
    if levels and isinstance(rule, And | Or):
        return type(rule)(tuple(_referred(part, audiences, levels - 1) for part in rule.of))
    return rule


def _flight(flights: Iterable[Flight], now: Instant) -> Flight | None:
    """Return the first flight that has not ended, or the last one."""
    last = None
    for last in flights:
        if now < last.ends_at:
            break
    return last


def _is_on(item: LineItem, by_id: dict[str, Record]) -> bool:
    """Tell whether a line item and everything above it is there and active."""
    above: _Sold = item
    for kind, parent in _ABOVE:
        record = by_id.get(getattr(above, parent))
        if above.state is not State.ACTIVE or record is None or not isinstance(record.noun, kind):
            return False
        above = record.noun
    return above.state is State.ACTIVE


def _dayparts(item: LineItem) -> Dayparts | None:
    if not item.dayparts:
        return None
    minutes = ((part.weekday * 1440, part) for part in item.dayparts)
    return Dayparts(
        item.time_zone, tuple((day + part.begins_minute, day + part.ends_minute) for day, part in minutes)
    )
