"""Campaigns, line items and creatives, every version of them; and what may serve where.

It holds what was sold and what may be shown, and books what was seen. It never
evaluates targeting as code, and it keeps no raw identifier.
"""

from bijou.ads.api import AdOperations, Changed, Edit, NewChange
from bijou.ads.model.nouns import (
    AdBreak,
    AdType,
    Advertiser,
    Assignment,
    AudienceReference,
    Brand,
    Campaign,
    Category,
    Creative,
    Daypart,
    Flight,
    FrequencyCap,
    InsertionOrder,
    LineItem,
    NewDimension,
    Noun,
    Placement,
    Rendition,
    Tracker,
)
from bijou.ads.model.record import Change, Record
from bijou.ads.model.terms import Goal, Pacing, Per, Point, PriceModel, Separation, State, Surface, Tier

__all__ = [
    "AdBreak",
    "AdOperations",
    "AdType",
    "Advertiser",
    "Assignment",
    "AudienceReference",
    "Brand",
    "Campaign",
    "Category",
    "Change",
    "Changed",
    "Creative",
    "Daypart",
    "Edit",
    "Flight",
    "FrequencyCap",
    "Goal",
    "InsertionOrder",
    "LineItem",
    "NewChange",
    "NewDimension",
    "Noun",
    "Pacing",
    "Per",
    "Placement",
    "Point",
    "PriceModel",
    "Record",
    "Rendition",
    "Separation",
    "State",
    "Surface",
    "Tier",
    "Tracker",
]
