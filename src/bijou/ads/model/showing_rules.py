"""What creatives, placements, breaks and the vocabulary must be."""

import re

import msgspec

from bijou.ads.model.around import Around, check_name, named
from bijou.ads.model.nouns import (
    AdBreak,
    AdType,
    AudienceReference,
    Brand,
    Category,
    Creative,
    NewDimension,
    Placement,
    Rendition,
    Tracker,
)
from bijou.ads.model.object_schema import fault_of, fault_of_schema
from bijou.ads.model.selling_rules import check_micros
from bijou.ads.model.terms import Point, Surface
from bijou.audience import Dimension, Registry
from bijou.ports import BijouError, InvalidRequest

_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LINK = re.compile(r"https?://[^\s<>\"]{1,2000}")


def check_creative(creative: Creative, _: str, around: Around) -> None:
    """Refuse a creative that its brand, its ad type or a player could not take."""
    check_name(creative.name)
    named(around, "brand", creative.brand, "brand", Brand)
    ad_type = named(around, "ad_type", creative.ad_type, "ad_type", AdType)
    fault = fault_of(creative.attributes, ad_type.schema)
    if fault:
        raise InvalidRequest("ads.bad_attributes", f"{fault} (the schema of the ad type {ad_type.name})")
    if (creative.duration_ms > 0) != ad_type.timed:
        rule = "takes time of a break" if ad_type.timed else "takes no time of a break"
        raise InvalidRequest(
            "ads.bad_duration", f"duration_ms: {creative.duration_ms}; an ad of type {ad_type.name} {rule}"
        )
    if creative.click_url and not _LINK.fullmatch(creative.click_url):
        raise InvalidRequest(
            "ads.bad_link", f"click_url: {creative.click_url[:80]!r} is no http or https address"
        )
    for position, rendition in enumerate(creative.renditions):
        _check_rendition(rendition, f"renditions[{position}]")
    for position, tracker in enumerate(creative.trackers):
        _check_tracker(tracker, f"trackers[{position}]", ad_type)


def check_placement(placement: Placement, _: str, around: Around) -> None:
    """Refuse a placement that takes what is not registered, or what cannot be shown there."""
    check_name(placement.name)
    check_micros("floor_micros", placement.floor_micros)
    for position, name in enumerate(placement.ad_types):
        ad_type = named(around, f"ad_types[{position}]", name, "ad_type", AdType)
        if ad_type.timed != (placement.surface is Surface.BREAK):
            raise InvalidRequest(
                "ads.wrong_surface",
                f"ad_types[{position}]: {name} {'takes' if ad_type.timed else 'takes no'} time, and a"
                f" {placement.surface} {'has none' if ad_type.timed else 'is made of it'}",
            )
    for position, name in enumerate(placement.refuses):
        named(around, f"refuses[{position}]", name, "category", Category)


def check_break(of: AdBreak, _: str, around: Around) -> None:
    """Refuse a break that is nowhere in a film."""
    placement = named(around, "placement", of.placement, "placement", Placement)
    if placement.surface is not Surface.BREAK:
        raise InvalidRequest(
            "ads.wrong_surface", f"placement: {placement.name} is of the {placement.surface}, not of a break"
        )
    if (of.point is Point.MID) != (of.at_ms > 0) or of.at_ms < 0:
        raise InvalidRequest(
            "ads.bad_break",
            f"at_ms: {of.at_ms} of a {of.point} break; mid ones have a place over 0, others 0",
        )
    if not 1 <= of.longest_ms <= 1_200_000 or not 1 <= of.slots <= 30:
        raise InvalidRequest(
            "ads.bad_break", f"{of.slots} ads in {of.longest_ms} ms; a break has 1 to 30 in up to 20 minutes"
        )


def check_category(category: Category, _: str, around: Around) -> None:
    """Refuse a category that would be its own ancestor."""
    check_word(category.name, "name")
    above, parent = {category.name}, category.parent
    while parent:
        if parent in above:
            raise InvalidRequest("ads.bad_category", f"parent: {parent} would be its own ancestor")
        above.add(parent)
        parent = named(around, "parent", parent, "category", Category).parent


def check_ad_type(ad_type: AdType, _: str, __: Around) -> None:
    """Refuse an ad type that could not be checked, drawn or counted."""
    check_word(ad_type.name, "name")
    check_word(ad_type.renderer, "renderer")
    fault = fault_of_schema(ad_type.schema)
    if not fault and ad_type.schema.get("type") != "object":
        fault = "schema: attributes are an object; its type is object"
    if fault:
        raise InvalidRequest("ads.bad_schema", fault)
    for heard, counted in ad_type.events.items():
        check_word(counted, f"events.{heard}")
    if "impression" not in ad_type.events.values():
        raise InvalidRequest(
            "ads.bad_events",
            f"events: none of {ad_type.name}'s counts as impression; one must, for it is billed",
        )


def check_dimension(dimension: NewDimension, _: str, __: Around) -> None:
    """Refuse what the audience's registry of dimensions would refuse."""
    try:
        Registry.shipped([dimension_of(dimension)])
    except BijouError as error:
        raise InvalidRequest("ads.bad_dimension", error.detail) from error


def dimension_of(noun: NewDimension) -> Dimension:
    """Return a registered dimension as the audience room knows it."""
    return msgspec.convert(msgspec.to_builtins(noun), Dimension)


def check_audience(reference: AudienceReference, _: str, __: Around) -> None:
    """Refuse a reference to nothing."""
    check_word(reference.name, "name")
    if not reference.audience or reference.least_members < 1:
        raise InvalidRequest(
            "ads.bad_audience",
            f"audience {reference.audience!r} of at least {reference.least_members}; it is one, of 1 or more",
        )


def check_word(word: str, field: str) -> None:
    """Refuse a word that others could not refer to."""
    if not _WORD.fullmatch(word):
        raise InvalidRequest(
            "ads.bad_word", f"{field}: {word[:60]!r}; it is up to 40 of a-z, 0-9 and _, a letter first"
        )


def _check_rendition(rendition: Rendition, place: str) -> None:
    numbers = (rendition.width, rendition.height, rendition.bitrate_bps)
    if min(numbers) < 0 or "/" not in rendition.media_type or not 1 <= len(rendition.url) <= 2000:
        raise InvalidRequest(
            "ads.bad_rendition",
            f"{place}: {rendition.media_type!r}, {rendition.width}x{rendition.height},"
            f" {rendition.bitrate_bps} b/s at {rendition.url[:80]!r}; it has an address and a media type",
        )


def _check_tracker(tracker: Tracker, place: str, ad_type: AdType) -> None:
    if tracker.event not in ad_type.events:
        raise InvalidRequest(
            "ads.bad_tracker",
            f"{place}: {tracker.event!r} never happens to an ad of type {ad_type.name}; what does is"
            f" {', '.join(ad_type.events)}",
        )
    if not _LINK.fullmatch(tracker.url):
        raise InvalidRequest("ads.bad_link", f"{place}: {tracker.url[:80]!r} is no http or https address")
