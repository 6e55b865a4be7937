"""What advertisers, campaigns and orders must be; each breach is one sentence."""

import re
import zoneinfo

from bijou.ads.model.around import Around, check_name, named
from bijou.ads.model.nouns import Advertiser, Brand, Campaign, Category, FrequencyCap, InsertionOrder
from bijou.ads.model.terms import Per
from bijou.ports import Instant, InvalidRequest

_CURRENCY = re.compile(r"[A-Z]{3}")
_LONGEST_CAP_S = 400 * 86400


def check_advertiser(advertiser: Advertiser, _: str, __: Around) -> None:
    """Refuse an advertiser that cannot be invoiced."""
    check_name(advertiser.name)
    if not _CURRENCY.fullmatch(advertiser.currency):
        raise InvalidRequest(
            "ads.bad_currency",
            f"currency: {advertiser.currency!r} is no currency; take three letters of ISO 4217, such as EUR",
        )
    check_time_zone(advertiser.time_zone)


def check_brand(brand: Brand, _: str, around: Around) -> None:
    """Refuse a brand of nobody, or of a category that nobody registered."""
    check_name(brand.name)
    named(around, "advertiser", brand.advertiser, "advertiser", Advertiser)
    for position, category in enumerate(brand.categories):
        named(around, f"categories[{position}]", category, "category", Category)


def check_campaign(campaign: Campaign, _: str, around: Around) -> None:
    """Refuse a campaign whose dates or money contradict themselves or its advertiser."""
    check_name(campaign.name)
    check_dates("the campaign", campaign.begins_at, campaign.ends_at)
    advertiser = named(around, "advertiser", campaign.advertiser, "advertiser", Advertiser)
    check_currency("the campaign's budget", campaign.currency, "the advertiser's", advertiser.currency)
    check_micros("budget_micros", campaign.budget_micros)
    check_caps(campaign.caps)


def check_insertion_order(order: InsertionOrder, record_id: str, around: Around) -> None:
    """Refuse an order that its campaign cannot hold: dates, currency, or the sum of all orders."""
    check_name(order.name)
    check_dates("the order", order.begins_at, order.ends_at)
    campaign = named(around, "campaign", order.campaign, "campaign", Campaign)
    check_currency("the order's budget", order.currency, "the campaign's", campaign.currency)
    check_micros("budget_micros", order.budget_micros)
    check_within(
        "the order", (order.begins_at, order.ends_at), "its campaign", (campaign.begins_at, campaign.ends_at)
    )
    others = sum(
        each.budget_micros
        for other, each in around.naming("insertion_order", "campaign", order.campaign)
        if isinstance(each, InsertionOrder) and other != record_id
    )
    if campaign.budget_micros and others + order.budget_micros > campaign.budget_micros:
        raise InvalidRequest(
            "ads.over_budget",
            f"budget_micros: {money(order.budget_micros, order.currency)} and the campaign's other orders'"
            f" {money(others, order.currency)} are more than its"
            f" {money(campaign.budget_micros, order.currency)}",
        )


def check_dates(what: str, begins_at: Instant, ends_at: Instant) -> None:
    """Refuse what ends before it begins."""
    if ends_at <= begins_at:
        raise InvalidRequest(
            "ads.ends_before_it_begins",
            f"{what} begins {begins_at.rfc3339()} and ends {ends_at.rfc3339()}; it must end after it begins",
        )


def check_within(
    what: str, dates: tuple[Instant, Instant], whole: str, bounds: tuple[Instant, Instant]
) -> None:
    """Refuse dates that stick out of those of what they are part of."""
    if dates[0] < bounds[0] or dates[1] > bounds[1]:
        raise InvalidRequest(
            "ads.outside_its_dates",
            f"{what} runs {dates[0].rfc3339()} to {dates[1].rfc3339()}, and {whole} only"
            f" {bounds[0].rfc3339()} to {bounds[1].rfc3339()}; it must lie inside",
        )


def check_currency(what: str, currency: str, of_whom: str, theirs: str) -> None:
    """Refuse money in another currency than that of what it is part of."""
    if currency != theirs:
        raise InvalidRequest(
            "ads.wrong_currency",
            f"{what} is in {currency}, and {of_whom} currency is {theirs}; they must agree",
        )


def check_micros(field: str, micros: int) -> None:
    """Refuse money below nothing, or more than is."""
    if not 0 <= micros < 1 << 60:
        raise InvalidRequest("ads.bad_amount", f"{field}: {micros} micros; an amount is 0 to 2^60")


def check_time_zone(name: str) -> None:
    """Refuse a time zone that nobody lives in."""
    if name not in zoneinfo.available_timezones():
        raise InvalidRequest(
            "ads.bad_time_zone", f"time_zone: {name!r} is no time zone; take one such as Europe/Berlin"
        )


def check_caps(caps: list[FrequencyCap]) -> None:
    """Refuse caps that say nothing, or that another one makes useless.

    Raises:
        InvalidRequest: `ads.bad_cap`, or `ads.useless_cap`: a longer window
            that allows as little makes the shorter one's number meaningless.
    """
    for position, cap in enumerate(caps):
        timeless = cap.per in {Per.SESSION, Per.BREAK}
        if not 1 <= cap.at_most <= 511 or timeless != (cap.window_s == 0) or cap.window_s > _LONGEST_CAP_S:
            raise InvalidRequest(
                "ads.bad_cap",
                f"caps[{position}]: {_said(cap)}; a cap is 1 to 511 in up to 400 days, and only of a session"
                " or a break without a window",
            )
        for other in caps[position + 1 :]:
            # The more showings and the shorter, the weaker; weaker in both says nothing.
            short, long = sorted((cap, other), key=lambda each: (each.window_s, -each.at_most))
            if short.per == long.per and short.at_most >= long.at_most:
                raise InvalidRequest(
                    "ads.useless_cap",
                    f"caps: {_said(short)} says nothing beside {_said(long)}; a shorter window allows fewer",
                )


def money(micros: int, currency: str) -> str:
    """Return an amount for people: `12.50 EUR`."""
    return f"{micros // 1_000_000:,}.{micros % 1_000_000 // 10_000:02} {currency}"


def _said(cap: FrequencyCap) -> str:
    return f"{cap.at_most} a {cap.per}" + (f" in {cap.window_s} s" if cap.window_s else "")
