"""The line items of a configuration as the matcher takes them."""

from collections.abc import Container, Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from bijou.ads.matching.asking import Dayparts, Line, Standing
from bijou.ads.matching.normal_form import MAX_DEPTH
from bijou.ads.model.nouns import Advertiser, AudienceReference, Campaign, Flight, InsertionOrder, LineItem
from bijou.ads.model.record import Record
from bijou.ads.model.terms import State, Tier
from bijou.audience import EVERYBODY, NOBODY, And, InAudience, Not, Or, Rule
from bijou.ports import Instant

_Sold: TypeAlias = LineItem | InsertionOrder | Campaign | Advertiser
Sizes: TypeAlias = Mapping[str, int]
"""Members of each audience that is built; of one that is not there, none."""

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


def competing(configuration: Iterable[Record], now: Instant, sizes: Sizes | None = None) -> Competing:
    """Return the line items of a configuration, each with its flight of now, or the next.

    Drafts and what is archived are not among them; what its advertiser,
    campaign or order pauses is there and paused. Audiences are those that
    the references in its targeting stand for; one with fewer members than its
    reference asks for serves nobody, neither those in it nor those who are not.

    Args:
        sizes: Of the audiences as they are built now: ask again after a build.
            None: nothing is known of audiences, so no profile names one either.
    """
    by_id = {record.id: record for record in configuration}
    audiences = _references(by_id.values())
    small = set(too_small(by_id.values(), sizes))
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
                _referred(item.targeting, audiences, small),
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


def too_small(configuration: Iterable[Record], sizes: Sizes | None) -> dict[str, int]:
    """Return the references whose audiences have too few members, and how many each asks for."""
    if sizes is None:
        return {}
    references = _references(configuration).items()
    return {
        name: each.least_members
        for name, each in references
        if sizes.get(each.audience, 0) < each.least_members
    }


def _references(configuration: Iterable[Record]) -> dict[str, AudienceReference]:
    nouns = (record.noun for record in configuration)
    return {noun.name: noun for noun in nouns if isinstance(noun, AudienceReference)}


def _referred(
    rule: Rule,
    references: Mapping[str, AudienceReference],
    small: Container[str],
    *,
    levels: int = MAX_DEPTH,
    negated: bool = False,
) -> Rule:
    """Return a rule whose references to audiences are their names; what is too deep is left as it is.

    A test of too small an audience becomes what makes nobody match, on
    whichever side of a `not` it stands.
    """
    if isinstance(rule, InAudience):
        if rule.audience in small:
            return EVERYBODY if negated else NOBODY
        reference = references.get(rule.audience)
        return InAudience(reference.audience) if reference else rule
    if levels and isinstance(rule, Not):
        return Not(_referred(rule.of, references, small, levels=levels - 1, negated=not negated))
    if levels and isinstance(rule, And | Or):
        return type(rule)(
            tuple(_referred(part, references, small, levels=levels - 1, negated=negated) for part in rule.of)
        )
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
