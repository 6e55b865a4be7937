"""The dimensions of a store with the values that came so far: what a form offers."""

from collections import defaultdict
from typing import Final

from bijou.audience.dimensions import Kind
from bijou.audience.shown import DimensionShown
from bijou.audience.view import View

_WORDS_SHOWN: Final = 500


def shown_dimensions(view: View) -> list[DimensionShown]:
    """Return all dimensions of a version, by name."""
    happened: dict[str, list[str]] = defaultdict(list)
    for column in view.event_columns():
        event, _, value = column.partition(":")
        happened[event].append(value)
    stored = {*view.columns(), *happened}
    shown = []
    for dimension in sorted(view.registry, key=lambda each: each.name):
        words: list[str] = []
        if dimension.kind is Kind.EVENT:
            words = happened[dimension.name]
        elif dimension.kind in {Kind.CATEGORY, Kind.SET}:
            words = list(view.manifest.words.get(dimension.name, dimension.values))
        is_stored = dimension.name in stored
        more = max(0, len(words) - _WORDS_SHOWN)
        shown.append(DimensionShown(dimension, is_stored, sorted(words)[:_WORDS_SHOWN], more))
    return shown
