"""The types of ads that ship: rows like any other, so that nothing treats them better."""

from bijou.ads.model.nouns import AdType

_QUARTILES = {
    "loaded": "loaded",
    "impression": "impression",
    "start": "start",
    "firstQuartile": "first_quartile",
    "midpoint": "midpoint",
    "thirdQuartile": "third_quartile",
    "complete": "complete",
    "skip": "skip",
    "clickThrough": "click",
    "error": "error",
}
_STILL = {"shown": "impression", "viewable": "viewable", "clickThrough": "click", "closed": "close"}
_IMAGE = {"type": "string", "minLength": 1, "maxLength": 2000, "description": "Address of the picture."}

SHIPPED_AD_TYPES = (
    AdType(
        name="linear",
        renderer="linear",
        timed=True,
        schema={
            "type": "object",
            "properties": {
                "skip_after_ms": {"type": "integer", "minimum": 0, "maximum": 600_000},
                "universal_ad_id": {"type": "string", "maxLength": 100},
            },
        },
        events=_QUARTILES,
    ),
    AdType(
        name="overlay",
        renderer="overlay",
        schema={
            "type": "object",
            "properties": {
                "image": _IMAGE,
                "text": {"type": "string", "maxLength": 120},
                "corner": {"type": "string", "enum": ["top", "bottom", "left", "right"]},
                "seconds": {"type": "integer", "minimum": 3, "maximum": 60},
            },
            "required": ["image"],
        },
        events=_STILL,
    ),
    AdType(
        name="pause",
        renderer="pause",
        schema={
            "type": "object",
            "properties": {"image": _IMAGE, "headline": {"type": "string", "maxLength": 80}},
            "required": ["image"],
        },
        events={**_STILL, "resumed": "resume"},
    ),
    AdType(
        name="companion",
        renderer="companion",
        schema={
            "type": "object",
            "properties": {
                "image": _IMAGE,
                "width": {"type": "integer", "minimum": 1, "maximum": 4096},
                "height": {"type": "integer", "minimum": 1, "maximum": 4096},
            },
            "required": ["image", "width", "height"],
        },
        events=_STILL,
    ),
)
