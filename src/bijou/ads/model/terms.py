"""The words that nouns choose from."""

from enum import StrEnum


class State(StrEnum):
    """Whether a record takes part; nothing is ever deleted."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class Tier(StrEnum):
    """How a line item competes: promises first, then prices, then the house."""

    GUARANTEED = "guaranteed"
    SPONSORSHIP = "sponsorship"
    PRICE_PRIORITY = "price_priority"
    HOUSE = "house"


class PriceModel(StrEnum):
    """What is paid for."""

    CPM = "cpm"  # a thousand showings
    CPCV = "cpcv"  # a complete view
    CPC = "cpc"  # a click
    FLAT = "flat"  # the whole flight


class Goal(StrEnum):
    """What a flight promises."""

    IMPRESSIONS = "impressions"
    COMPLETES = "completes"
    CLICKS = "clicks"
    SHARE = "share"  # so many in a hundred of all that it matches
    NONE = "none"


class Pacing(StrEnum):
    """How a flight's budget is spread over its time."""

    EVEN = "even"
    ASAP = "asap"
    FRONT_LOADED = "front_loaded"


class Separation(StrEnum):
    """How far the rivals of its brand are kept."""

    NONE = "none"
    BREAK = "break"
    SESSION = "session"


class Per(StrEnum):
    """Whose showings a frequency cap counts."""

    VIEWER = "viewer"
    HOUSEHOLD = "household"
    DEVICE = "device"
    SESSION = "session"
    BREAK = "break"


class Surface(StrEnum):
    """Where on the screen a placement is."""

    BREAK = "break"
    PAUSE = "pause"
    OVERLAY = "overlay"
    COMPANION = "companion"


class Point(StrEnum):
    """When a break comes."""

    PRE = "pre"
    MID = "mid"
    POST = "post"
