"""Tables of what is shown, and where: creatives, placements, breaks, and the vocabulary."""

from sqlalchemy import CheckConstraint, ForeignKey

from bijou.ads.model.columns import entity, fraction, part_of, small, table, text, whole
from bijou.ads.model.history_tables import HEADS_FROM

_STATE = "state IN ('draft', 'active', 'paused', 'archived')"
_NAME = "length(name) BETWEEN 1 AND 64 AND name = lower(name)"

CATEGORIES = table(
    "ads_categories",
    "the words by which competitors are kept apart and placements refuse",
    entity("names the record"),
    text("name", "what brands and placements refer to", unique=True),
    text("label", "what people read"),
    text("parent", "a car is a vehicle: refusing the parent refuses the child; empty at the top"),
    CheckConstraint(_NAME, name="ads_categories_name"),
    CheckConstraint("parent <> name", name="ads_categories_parent"),
    rebuilt=HEADS_FROM,
)

AD_TYPES = table(
    "ads_ad_types",
    "a new type of ad is a row here: no table and no deployment of the server changes",
    entity("names the record"),
    text("name", "what creatives and placements refer to", unique=True),
    text("renderer", "which module of the player draws it"),
    text("schema", "JSON Schema of what its creatives must say, checked when one is saved"),
    text("events", "which of the player's events counts as what"),
    small("timed", "whether it takes time of a break, and so competes for seconds"),
    CheckConstraint(_NAME, name="ads_ad_types_name"),
    CheckConstraint("length(renderer) BETWEEN 1 AND 64", name="ads_ad_types_renderer"),
    CheckConstraint("schema LIKE '{%}' AND events LIKE '{%}'", name="ads_ad_types_json"),
    CheckConstraint("timed IN (0, 1)", name="ads_ad_types_timed"),
    rebuilt=HEADS_FROM,
)

DIMENSIONS = table(
    "ads_dimensions",
    "a new thing to target by is a row here; the matcher reads its index layout from it",
    entity("names the record"),
    text("name", "what rules refer to", unique=True),
    text("kind", "which tests of a rule fit it"),
    text("source", "who knows it: the profile, the request, the content, the clock"),
    text("cardinality", "few and some get rows of bits, many a hash: a dense row a title would be gigabytes"),
    text("privacy", "what may be done with it, and whether consent is asked"),
    text("values", "the only values there are, as JSON: a misspelt one is found when a rule is saved"),
    fraction("low", "least value of a number; a rule below it can never match", nullable=True),
    fraction("high", "greatest value of a number", nullable=True),
    text("unit", "of a number, for people"),
    text("says", "one sentence for whoever writes a rule"),
    CheckConstraint(_NAME, name="ads_dimensions_name"),
    CheckConstraint(
        "kind IN ('category', 'set', 'integer', 'number', 'flag', 'event')", name="ads_dimensions_kind"
    ),
    CheckConstraint("source IN ('profile', 'request', 'content', 'time')", name="ads_dimensions_source"),
    CheckConstraint("cardinality IN ('few', 'some', 'many')", name="ads_dimensions_cardinality"),
    CheckConstraint("privacy IN ('open', 'personal', 'sensitive')", name="ads_dimensions_privacy"),
    CheckConstraint("\"values\" LIKE '[%]' AND low <= high", name="ads_dimensions_values"),
    rebuilt=HEADS_FROM,
)

AUDIENCES = table(
    "ads_audiences",
    "audiences that line items may name; who is in them is the audience room's to know",
    entity("names the record"),
    text("name", "what rules refer to", unique=True),
    text("audience", "the audience room's own id"),
    whole("least_members", "below so many it is not targeted: a few people can be recognised"),
    CheckConstraint(_NAME, name="ads_audiences_name"),
    CheckConstraint("least_members >= 1", name="ads_audiences_least_members"),
    rebuilt=HEADS_FROM,
)

CREATIVES = table(
    "ads_creatives",
    "what viewers see",
    entity("names the creative"),
    text("brand", "for whom: through it its rivals are known", ForeignKey("ads_brands.id"), index=True),
    text("name", "what people call it"),
    text("ad_type", "how it is drawn and what is counted", ForeignKey("ads_ad_types.name"), index=True),
    whole("duration_ms", "what it takes of a break; 0 where it takes no time"),
    text("click_url", "where a click leads; empty where nowhere"),
    text("attributes", "what its ad type's schema asks for, as JSON"),
    text("state", "only active ones are shown"),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="ads_creatives_name"),
    CheckConstraint("duration_ms BETWEEN 0 AND 3600000", name="ads_creatives_duration"),
    CheckConstraint("click_url = '' OR click_url LIKE 'http%://%'", name="ads_creatives_click_url"),
    CheckConstraint("attributes LIKE '{%}'", name="ads_creatives_attributes"),
    CheckConstraint(_STATE, name="ads_creatives_state"),
    rebuilt=HEADS_FROM,
)

RENDITIONS = table(
    "ads_renditions",
    "the same creative for each screen and line",
    *part_of("creative", "of which creative"),
    text("url", "where its bytes are"),
    text("media_type", "whether a player can play it, without fetching it"),
    small("width", "in pixels; 0 for sound"),
    small("height", "in pixels; 0 for sound"),
    whole("bitrate_bps", "so that an ad never stalls where the film would not; 0 for a still"),
    CheckConstraint("position >= 0", name="ads_renditions_position"),
    CheckConstraint("length(url) BETWEEN 1 AND 2000", name="ads_renditions_url"),
    CheckConstraint("media_type LIKE '%/%'", name="ads_renditions_media_type"),
    CheckConstraint("width >= 0 AND height >= 0 AND bitrate_bps >= 0", name="ads_renditions_size"),
    rebuilt=HEADS_FROM,
)

TRACKERS = table(
    "ads_trackers",
    "whom else to tell: the client's own counters, which invoices are compared with",
    *part_of("creative", "of which creative"),
    text("event", "what must have happened; a word of the ad type's events"),
    text("url", "whom to tell"),
    CheckConstraint("position >= 0", name="ads_trackers_position"),
    CheckConstraint("length(event) BETWEEN 1 AND 64", name="ads_trackers_event"),
    CheckConstraint("url LIKE 'http%://%'", name="ads_trackers_url"),
    rebuilt=HEADS_FROM,
)

PLACEMENTS = table(
    "ads_placements",
    "a kind of place for ads, with its rules: reports and floors are by placement",
    entity("names the placement"),
    text("name", "what people call it"),
    text("surface", "where on the screen: a break of the film, its pause, over it, beside it"),
    whole("floor_micros", "least that a thousand showings may cost here"),
    text("currency", "of the floor"),
    text("state", "paused empties it everywhere at once"),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="ads_placements_name"),
    CheckConstraint("surface IN ('break', 'pause', 'overlay', 'companion')", name="ads_placements_surface"),
    CheckConstraint("floor_micros >= 0", name="ads_placements_floor"),
    CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="ads_placements_currency"),
    CheckConstraint(_STATE, name="ads_placements_state"),
    rebuilt=HEADS_FROM,
)

PLACEMENT_TYPES = table(
    "ads_placement_types",
    "which types of ad a placement takes",
    *part_of("placement", "which placement"),
    text("value", "the type", ForeignKey("ads_ad_types.name"), index=True),
    CheckConstraint("position >= 0", name="ads_placement_types_position"),
    rebuilt=HEADS_FROM,
)

PLACEMENT_REFUSALS = table(
    "ads_placement_refusals",
    "which categories a placement refuses: no beer beside a cartoon",
    *part_of("placement", "which placement"),
    text("value", "the category", ForeignKey("ads_categories.name"), index=True),
    CheckConstraint("position >= 0", name="ads_placement_refusals_position"),
    rebuilt=HEADS_FROM,
)

BREAKS = table(
    "ads_breaks",
    "a break in one title or in all: when it comes and how long it may be",
    entity("names the break"),
    text("placement", "whose rules hold in it", ForeignKey("ads_placements.id"), index=True),
    text("title", "in which title; empty for every title"),
    text("point", "before, in the middle of, or after the film"),
    whole("at_ms", "the marker of the film at which it comes; 0 before and after"),
    whole("longest_ms", "most that its ads may take together"),
    small("slots", "most ads in it"),
    text("state", "paused breaks are played over"),
    CheckConstraint(
        "point IN ('pre', 'mid', 'post') AND (point = 'mid') = (at_ms > 0)", name="ads_breaks_point"
    ),
    CheckConstraint("longest_ms BETWEEN 1 AND 1200000", name="ads_breaks_longest"),
    CheckConstraint("slots BETWEEN 1 AND 30", name="ads_breaks_slots"),
    CheckConstraint(_STATE, name="ads_breaks_state"),
    rebuilt=HEADS_FROM,
)
