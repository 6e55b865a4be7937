"""The nouns of ad operations: immutable values, each version of a record is one."""

from typing import Any, TypeAlias

import msgspec

from bijou.ads.model.terms import Goal, Pacing, Per, Point, PriceModel, Separation, State, Surface, Tier
from bijou.audience import EVERYBODY, Cardinality, Kind, Privacy, Rule, Source
from bijou.ports import Instant


class _Noun(msgspec.Struct, frozen=True, kw_only=True, tag_field="is"):
    """What every noun is: a value that says which noun it is."""


class Advertiser(_Noun, frozen=True, tag="advertiser"):
    """Who pays."""

    name: str
    domain: str = ""
    currency: str = "EUR"
    time_zone: str = "UTC"
    state: State = State.ACTIVE


class Brand(_Noun, frozen=True, tag="brand"):
    """What is advertised; rivals are kept apart by its categories."""

    name: str
    advertiser: str
    categories: list[str] = []
    state: State = State.ACTIVE


class FrequencyCap(msgspec.Struct, frozen=True):
    """At most so many showings in any window of that length; several hold at once.

    Args:
        window_s: Whole seconds; 0 where `per` is a session or a break.
    """

    at_most: int
    window_s: int = 0
    per: Per = Per.VIEWER


class Campaign(_Noun, frozen=True, tag="campaign"):
    """One purpose of one advertiser."""

    name: str
    advertiser: str
    begins_at: Instant
    ends_at: Instant
    budget_micros: int = 0
    currency: str = "EUR"
    caps: list[FrequencyCap] = []
    state: State = State.DRAFT


class InsertionOrder(_Noun, frozen=True, tag="insertion_order"):
    """The contract of a campaign: a sum until a day."""

    name: str
    campaign: str
    begins_at: Instant
    ends_at: Instant
    budget_micros: int
    currency: str = "EUR"
    reference: str = ""
    state: State = State.DRAFT


class Flight(msgspec.Struct, frozen=True, kw_only=True):
    """When a line item runs, for which goal and budget.

    Args:
        ends_at: Not included.
        goal_units: Showings, views or clicks; of a share, 1 to 100; 0 without a goal.
        budget_micros: In the line item's currency.
    """

    begins_at: Instant
    ends_at: Instant
    goal: Goal = Goal.NONE
    goal_units: int = 0
    budget_micros: int = 0


class Daypart(msgspec.Struct, frozen=True):
    """Minutes of a weekday (0 is Monday) in the line item's time zone, the end not included."""

    weekday: int
    begins_minute: int
    ends_minute: int


class Assignment(msgspec.Struct, frozen=True):
    """A creative of a line item, and how often it is taken beside the others."""

    creative: str
    weight: int = 1


class LineItem(_Noun, frozen=True, tag="line_item"):
    """What competes for a slot: one promise, one price, one targeting.

    Args:
        priority: 1 to 16 within its tier, 1 first.
        price_micros: For a thousand showings, one view, one click, or all.
        targeting: The rule that must hold; empty of tests, everybody.
    """

    name: str
    insertion_order: str
    tier: Tier
    price_model: PriceModel = PriceModel.CPM
    price_micros: int = 0
    currency: str = "EUR"
    priority: int = 8
    pacing: Pacing = Pacing.EVEN
    separation: Separation = Separation.BREAK
    time_zone: str = "UTC"
    targeting: Rule = EVERYBODY
    flights: list[Flight] = []
    dayparts: list[Daypart] = []
    caps: list[FrequencyCap] = []
    creatives: list[Assignment] = []
    state: State = State.DRAFT


class Rendition(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a creative."""

    url: str
    media_type: str
    width: int = 0
    height: int = 0
    bitrate_bps: int = 0


class Tracker(msgspec.Struct, frozen=True):
    """Whom else to tell when something happens."""

    event: str
    url: str


class Creative(_Noun, frozen=True, tag="creative"):
    """What viewers see; `attributes` are what its ad type's schema asks for."""

    name: str
    brand: str
    ad_type: str = "linear"
    duration_ms: int = 0
    click_url: str = ""
    attributes: dict[str, Any] = {}
    renditions: list[Rendition] = []
    trackers: list[Tracker] = []
    state: State = State.DRAFT


class Placement(_Noun, frozen=True, tag="placement"):
    """A kind of place for ads, with its rules."""

    name: str
    surface: Surface = Surface.BREAK
    ad_types: list[str] = msgspec.field(default_factory=lambda: ["linear"])
    refuses: list[str] = []
    floor_micros: int = 0
    currency: str = "EUR"
    state: State = State.ACTIVE


class AdBreak(_Noun, frozen=True, tag="break"):
    """A break in one title, or (`title` empty) in every title."""

    placement: str
    title: str = ""
    point: Point = Point.PRE
    at_ms: int = 0
    longest_ms: int = 90_000
    slots: int = 6
    state: State = State.ACTIVE


class Category(_Noun, frozen=True, tag="category"):
    """A word by which rivals are kept apart; refusing a parent refuses its children."""

    name: str
    label: str
    parent: str = ""


class AdType(_Noun, frozen=True, tag="ad_type"):
    """A type of ad as data: a schema, a renderer, and what the player's events count as.

    Args:
        schema: JSON Schema of its creatives' `attributes`, of the keywords in `object_schema`.
        renderer: The module of the player that draws it.
        events: The player's word -> the kind that is counted; one of them counts as `impression`.
        timed: Whether it takes time of a break.
    """

    name: str
    renderer: str
    schema: dict[str, Any]
    events: dict[str, str]
    timed: bool = False


class NewDimension(_Noun, frozen=True, tag="dimension"):
    """Something to target by, beyond what ships; the fields are those of `audience.Dimension`."""

    name: str
    kind: Kind
    source: Source = Source.PROFILE
    cardinality: Cardinality = Cardinality.FEW
    privacy: Privacy = Privacy.PERSONAL
    values: list[str] = []
    low: float | None = None
    high: float | None = None
    unit: str = ""
    says: str = ""


class AudienceReference(_Noun, frozen=True, tag="audience"):
    """An audience that rules may name, and how many it must hold to be targeted."""

    name: str
    audience: str
    least_members: int = 1000


Noun: TypeAlias = (
    Advertiser
    | Brand
    | Campaign
    | InsertionOrder
    | LineItem
    | Creative
    | Placement
    | AdBreak
    | Category
    | AdType
    | NewDimension
    | AudienceReference
)


def kind_of(noun: Noun) -> str:
    """Return the word for what a noun is: `line_item`."""
    return str(noun.__struct_config__.tag)
