"""Tables of what is sold: from the advertiser down to the flight."""

from sqlalchemy import CheckConstraint, ForeignKey, Index

from bijou.ads.model.columns import entity, part_of, small, table, text, whole
from bijou.ads.model.history_tables import HEADS_FROM

_CURRENCY = "length(currency) = 3 AND currency = upper(currency)"
_STATE = "state IN ('draft', 'active', 'paused', 'archived')"

ADVERTISERS = table(
    "ads_advertisers",
    "who pays, and the unit by which campaigns and statistics are sharded",
    entity("names whom the invoice goes to"),
    text("name", "what people call it"),
    text("domain", "whom viewers see; exchanges block by it"),
    text("currency", "one a client: invoices are never mixed"),
    text("time_zone", "whose midnight ends a day of theirs"),
    text("state", "paused stops all of it at once"),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="ads_advertisers_name"),
    CheckConstraint(_CURRENCY, name="ads_advertisers_currency"),
    CheckConstraint(_STATE, name="ads_advertisers_state"),
    rebuilt=HEADS_FROM,
)

BRANDS = table(
    "ads_brands",
    "what is advertised: competitors are kept apart by brand, not by who pays",
    entity("names the brand"),
    text("advertiser", "who pays for it", ForeignKey("ads_advertisers.id"), index=True),
    text("name", "what viewers call it"),
    text("state", "archived brands take no new creatives"),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="ads_brands_name"),
    CheckConstraint(_STATE, name="ads_brands_state"),
    rebuilt=HEADS_FROM,
)

BRAND_CATEGORIES = table(
    "ads_brand_categories",
    "which competitive categories a brand is in: two cars in one break lose both clients",
    *part_of("brand", "which brand"),
    text("value", "the category", ForeignKey("ads_categories.name"), index=True),
    CheckConstraint("position >= 0", name="ads_brand_categories_position"),
    rebuilt=HEADS_FROM,
)

CAMPAIGNS = table(
    "ads_campaigns",
    "one purpose of one advertiser: the level at which goals are spoken of",
    entity("names the campaign"),
    text("advertiser", "whose", ForeignKey("ads_advertisers.id"), index=True),
    text("name", "what people call it"),
    text("state", "paused stops its line items without losing their own states"),
    whole("begins_at", "no flight of it may begin earlier"),
    whole("ends_at", "no flight of it may end later"),
    whole(
        "budget_micros", "most that its orders may add up to; integer micros, for cents get lost in floats"
    ),
    text("currency", "of the budget; must be the advertiser's"),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="ads_campaigns_name"),
    CheckConstraint(_STATE, name="ads_campaigns_state"),
    CheckConstraint("ends_at > begins_at", name="ads_campaigns_dates"),
    CheckConstraint("budget_micros >= 0", name="ads_campaigns_budget"),
    CheckConstraint(_CURRENCY, name="ads_campaigns_currency"),
    rebuilt=HEADS_FROM,
)

INSERTION_ORDERS = table(
    "ads_insertion_orders",
    "the contract: what was signed, for how much, by when; an invoice is of one order",
    entity("names the order"),
    text("campaign", "which campaign it pays for", ForeignKey("ads_campaigns.id"), index=True),
    text("name", "what people call it"),
    text("reference", "the client's own order number, which their books ask for"),
    text("state", "an order that is not active serves nothing"),
    whole("begins_at", "the contract's first moment"),
    whole("ends_at", "the contract's end, not included"),
    whole("budget_micros", "the sum that was signed"),
    text("currency", "of the sum; must be the campaign's"),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="ads_insertion_orders_name"),
    CheckConstraint(_STATE, name="ads_insertion_orders_state"),
    CheckConstraint("ends_at > begins_at", name="ads_insertion_orders_dates"),
    CheckConstraint("budget_micros >= 0", name="ads_insertion_orders_budget"),
    CheckConstraint(_CURRENCY, name="ads_insertion_orders_currency"),
    rebuilt=HEADS_FROM,
)

LINE_ITEMS = table(
    "ads_line_items",
    "what competes for a slot: one promise, one price, one targeting",
    entity("names the line item"),
    text("insertion_order", "under which contract", ForeignKey("ads_insertion_orders.id"), index=True),
    text("name", "what people call it"),
    text("tier", "how it competes: a promise before a price, a price before the house"),
    small("priority", "ranks within a tier, 1 first"),
    text("price_model", "what is paid for: showings, complete views, clicks, or the whole"),
    whole("price_micros", "for a thousand showings (cpm), one view (cpcv), one click (cpc), or all (flat)"),
    text("currency", "of the price; must be the order's"),
    text("pacing", "how the budget is spread over a flight"),
    text("separation", "how far its brand's rivals are kept: not at all, out of the break, of the session"),
    text("time_zone", "in which its dayparts are meant"),
    text("targeting", "the rule tree as JSON: data that is compiled, never code that is run"),
    text("state", "draft until somebody says so"),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="ads_line_items_name"),
    CheckConstraint(
        "tier IN ('guaranteed', 'sponsorship', 'price_priority', 'house')", name="ads_line_items_tier"
    ),
    CheckConstraint("priority BETWEEN 1 AND 16", name="ads_line_items_priority"),
    CheckConstraint("price_model IN ('cpm', 'cpcv', 'cpc', 'flat')", name="ads_line_items_price_model"),
    CheckConstraint(
        "price_micros >= 0 AND (tier <> 'house' OR price_micros = 0)", name="ads_line_items_price"
    ),
    CheckConstraint(_CURRENCY, name="ads_line_items_currency"),
    CheckConstraint("pacing IN ('even', 'asap', 'front_loaded')", name="ads_line_items_pacing"),
    CheckConstraint("separation IN ('none', 'break', 'session')", name="ads_line_items_separation"),
    CheckConstraint("targeting LIKE '{%}'", name="ads_line_items_targeting"),
    CheckConstraint(_STATE, name="ads_line_items_state"),
    Index("ads_line_items_state_tier", "state", "tier"),
    rebuilt=HEADS_FROM,
)

FLIGHTS = table(
    "ads_flights",
    "when a line item runs, for what goal and which budget; the unit of pacing",
    *part_of("line_item", "whose flight"),
    whole("begins_at", "first moment"),
    whole("ends_at", "end, not included, so that flights meet without overlap"),
    text("goal", "what is promised: showings, complete views, clicks, a share of all, or nothing"),
    whole("goal_units", "how many; of a share, how many in a hundred"),
    whole("budget_micros", "most that it may spend, in the line item's currency"),
    CheckConstraint("position >= 0", name="ads_flights_position"),
    CheckConstraint("ends_at > begins_at", name="ads_flights_dates"),
    CheckConstraint(
        "goal IN ('impressions', 'completes', 'clicks', 'share', 'none')", name="ads_flights_goal"
    ),
    CheckConstraint(
        "(goal = 'none') = (goal_units = 0) AND goal_units >= 0 AND (goal <> 'share' OR goal_units <= 100)",
        name="ads_flights_goal_units",
    ),
    CheckConstraint("budget_micros >= 0", name="ads_flights_budget"),
    Index("ads_flights_ends_at", "ends_at"),
    rebuilt=HEADS_FROM,
)

DAYPARTS = table(
    "ads_dayparts",
    "hours of the week in which a line item may run; none means all",
    *part_of("line_item", "whose hours"),
    small("weekday", "0 is Monday, as ISO 8601 counts, less one"),
    small("begins_minute", "minute of the day; minutes, for half hours are sold"),
    small("ends_minute", "end, not included; 1440 is midnight"),
    CheckConstraint("position >= 0", name="ads_dayparts_position"),
    CheckConstraint("weekday BETWEEN 0 AND 6", name="ads_dayparts_weekday"),
    CheckConstraint(
        "begins_minute >= 0 AND ends_minute > begins_minute AND ends_minute <= 1440",
        name="ads_dayparts_minutes",
    ),
    rebuilt=HEADS_FROM,
)

FREQUENCY_CAPS = table(
    "ads_frequency_caps",
    "how often the same people see it; many windows hold at once",
    *part_of("owner", "a campaign or a line item: both are capped"),
    text("per", "who is counted: a viewer, a household, a device, or one session, one break"),
    small("at_most", "showings in the window"),
    whole("window_s", "its length; 0 where a session or a break is the window"),
    CheckConstraint("position >= 0", name="ads_frequency_caps_position"),
    CheckConstraint(
        "per IN ('viewer', 'household', 'device', 'session', 'break')", name="ads_frequency_caps_per"
    ),
    CheckConstraint("at_most BETWEEN 1 AND 511", name="ads_frequency_caps_at_most"),
    CheckConstraint(
        "window_s >= 0 AND (per IN ('session', 'break')) = (window_s = 0)", name="ads_frequency_caps_window"
    ),
    rebuilt=HEADS_FROM,
)

ASSIGNMENTS = table(
    "ads_assignments",
    "which creatives a line item shows, and how often each beside the others",
    *part_of("line_item", "which line item"),
    text("creative", "which creative", ForeignKey("ads_creatives.id"), index=True),
    small("weight", "its share among the line item's creatives; 1 is as good as any"),
    CheckConstraint("position >= 0", name="ads_assignments_position"),
    CheckConstraint("weight BETWEEN 1 AND 1000", name="ads_assignments_weight"),
    rebuilt=HEADS_FROM,
)
