"""What a line item must be."""

from bijou.ads.model.around import Around, check_name, named
from bijou.ads.model.nouns import (
    AudienceReference,
    Brand,
    Campaign,
    Creative,
    Flight,
    InsertionOrder,
    LineItem,
    NewDimension,
)
from bijou.ads.model.selling_rules import (
    check_caps,
    check_currency,
    check_dates,
    check_micros,
    check_time_zone,
    check_within,
    money,
)
from bijou.ads.model.terms import Goal, PriceModel, Tier
from bijou.audience import SHIPPED, audiences_of, dimensions_of
from bijou.ports import InvalidRequest

_SHIPPED = frozenset(dimension.name for dimension in SHIPPED)
_GOALS = {
    Tier.GUARANTEED: {Goal.IMPRESSIONS, Goal.COMPLETES, Goal.CLICKS},
    Tier.SPONSORSHIP: {Goal.SHARE},
    Tier.PRICE_PRIORITY: {Goal.NONE, Goal.IMPRESSIONS, Goal.COMPLETES, Goal.CLICKS},
    Tier.HOUSE: {Goal.NONE},
}
_COUNTED = {
    PriceModel.CPM: Goal.IMPRESSIONS,
    PriceModel.CPCV: Goal.COMPLETES,
    PriceModel.CPC: Goal.CLICKS,
}


def check_line_item(item: LineItem, record_id: str, around: Around) -> None:
    """Refuse a line item that contradicts itself, its order, or what it names.

    Raises:
        InvalidRequest: one sentence with the place, the values and the rule.
    """
    check_name(item.name)
    order = named(around, "insertion_order", item.insertion_order, "insertion_order", InsertionOrder)
    check_currency("the line item's price", item.currency, "the order's", order.currency)
    check_micros("price_micros", item.price_micros)
    check_time_zone(item.time_zone)
    _check_price(item)
    _check_flights(item, order)
    _check_budget(item, record_id, order, around)
    _check_dayparts(item)
    check_caps(item.caps)
    _check_targeting(item, around)
    _check_creatives(item, order, around)


def _check_price(item: LineItem) -> None:
    if item.tier is Tier.HOUSE and item.price_micros:
        raise InvalidRequest(
            "ads.bad_price",
            f"price_micros: {money(item.price_micros, item.currency)} of the house; the house pays nothing",
        )
    if not 1 <= item.priority <= 16:
        raise InvalidRequest("ads.bad_priority", f"priority: {item.priority}; it is 1 (first) to 16")


def _check_flights(item: LineItem, order: InsertionOrder) -> None:
    before: Flight | None = None
    for position, flight in enumerate(item.flights):
        place = f"flights[{position}]"
        check_dates(place, flight.begins_at, flight.ends_at)
        check_within(place, (flight.begins_at, flight.ends_at), "its order", (order.begins_at, order.ends_at))
        if before is not None and flight.begins_at < before.ends_at:
            raise InvalidRequest(
                "ads.flights_overlap",
                f"{place} begins {flight.begins_at.rfc3339()}, before the flight ahead of it ends"
                f" {before.ends_at.rfc3339()}; flights stand in order and do not overlap",
            )
        check_micros(f"{place}.budget_micros", flight.budget_micros)
        _check_goal(item, flight, place)
        before = flight


def _check_goal(item: LineItem, flight: Flight, place: str) -> None:
    allowed = _GOALS[item.tier]
    if flight.goal not in allowed:
        raise InvalidRequest(
            "ads.contradictory_goal",
            f"{place}: a {item.tier} line item cannot promise {flight.goal}; it promises"
            f" {' or '.join(sorted(allowed))}",
        )
    most = 100 if flight.goal is Goal.SHARE else 1 << 53
    if not (flight.goal_units == 0 if flight.goal is Goal.NONE else 1 <= flight.goal_units <= most):
        raise InvalidRequest(
            "ads.contradictory_goal",
            f"{place}: the goal {flight.goal} of {flight.goal_units}; a share is 1 to 100, none is 0",
        )
    counted = _COUNTED.get(item.price_model)
    if flight.goal in _COUNTED.values() and counted not in {None, flight.goal}:
        raise InvalidRequest(
            "ads.contradictory_goal",
            f"{place}: a goal of {flight.goal} is paid by {item.price_model}, which counts {counted};"
            " goal and price must count the same",
        )
    costs = _costs(item, flight)
    if costs > flight.budget_micros:
        raise InvalidRequest(
            "ads.contradictory_goal",
            f"{place}: {flight.goal_units:,} {flight.goal} cost {money(costs, item.currency)}, and its budget"
            f" is {money(flight.budget_micros, item.currency)}; raise the budget or lower the goal",
        )


def _costs(item: LineItem, flight: Flight) -> int:
    """Return what the promised units cost; 0 where nothing is promised or nobody pays by the unit."""
    if item.tier is not Tier.GUARANTEED or item.price_model is PriceModel.FLAT:
        return 0
    units = flight.goal_units * item.price_micros
    return -(-units // 1000) if item.price_model is PriceModel.CPM else units


def _check_budget(item: LineItem, record_id: str, order: InsertionOrder, around: Around) -> None:
    own = sum(flight.budget_micros for flight in item.flights)
    others = sum(
        flight.budget_micros
        for other, each in around.naming("line_item", "insertion_order", item.insertion_order)
        if isinstance(each, LineItem) and other != record_id
        for flight in each.flights
    )
    if own + others > order.budget_micros:
        raise InvalidRequest(
            "ads.over_budget",
            f"flights: {money(own, item.currency)} and the order's other line items'"
            f" {money(others, item.currency)} are more than its {money(order.budget_micros, item.currency)}",
        )


def _check_dayparts(item: LineItem) -> None:
    taken: dict[int, list[tuple[int, int]]] = {}
    for position, part in enumerate(item.dayparts):
        inside = 0 <= part.weekday <= 6 and 0 <= part.begins_minute < part.ends_minute <= 1440
        others = taken.setdefault(part.weekday, [])
        if not inside or any(part.begins_minute < end and begin < part.ends_minute for begin, end in others):
            raise InvalidRequest(
                "ads.bad_daypart",
                f"dayparts[{position}]: minutes {part.begins_minute} to {part.ends_minute} of weekday"
                f" {part.weekday}; weekdays are 0 to 6, minutes 0 to 1440, and dayparts do not overlap",
            )
        others.append((part.begins_minute, part.ends_minute))


def _check_targeting(item: LineItem, around: Around) -> None:
    for name in sorted(dimensions_of(item.targeting) - _SHIPPED):
        named(around, "targeting", name, "dimension", NewDimension)
    for name in sorted(audiences_of(item.targeting)):
        named(around, "targeting", name, "audience", AudienceReference)


def _check_creatives(item: LineItem, order: InsertionOrder, around: Around) -> None:
    campaign = named(around, "insertion_order", order.campaign, "campaign", Campaign)
    for position, assignment in enumerate(item.creatives):
        place = f"creatives[{position}]"
        creative = named(around, place, assignment.creative, "creative", Creative)
        brand = named(around, place, creative.brand, "brand", Brand)
        if brand.advertiser != campaign.advertiser:
            raise InvalidRequest(
                "ads.creative_of_another",
                f"{place}: {creative.name} is of {brand.name}, whose advertiser does not pay for this",
            )
        if not 1 <= assignment.weight <= 1000:
            raise InvalidRequest("ads.bad_weight", f"{place}: weight {assignment.weight}; it is 1 to 1000")
