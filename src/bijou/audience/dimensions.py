"""The registry of dimensions: what is known of a viewer, a device, a moment or a title.

A dimension is data. Registering one takes no migration and no developer: its
type says which rules may ask it, its source who fills it, its cardinality how
an index should hold it, its privacy class what may be done with it.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

import msgspec

from bijou.ports import Conflict, InvalidRequest


class Kind(StrEnum):
    """What a dimension's values are, and so which tests of a rule fit it."""

    CATEGORY = "category"  # one string of many: `country in ("DE")`
    SET = "set"  # several strings of at most 63: `likes in ("noir")`
    INTEGER = "integer"  # `age 25..34`, `age in (18, 21)`
    NUMBER = "number"  # `hours >= 1.5`
    FLAG = "flag"  # `subscriber`, `not subscriber`
    EVENT = "event"  # `watched("noir", 30d)`: a value and the moments when


class Source(StrEnum):
    """Who knows it, and when."""

    PROFILE = "profile"  # uploaded or streamed, kept for a viewer
    REQUEST = "request"  # the device and its address, at the moment of asking
    CONTENT = "content"  # the title being watched
    TIME = "time"  # the clock, in the viewer's zone


class Cardinality(StrEnum):
    """How many values it has: a row of bits for each, or not."""

    FEW = "few"  # up to 64
    SOME = "some"  # up to 4,096
    MANY = "many"  # more; never a dense row a value


class Privacy(StrEnum):
    """What may be done with it."""

    OPEN = "open"  # not about a person
    PERSONAL = "personal"  # about a person: consent for the purpose, k-anonymity floor
    SENSITIVE = "sensitive"  # kept, shown and deleted on request; no rule may ask it


class Dimension(msgspec.Struct, frozen=True, omit_defaults=True):
    """One registered dimension.

    Args:
        name: Lower case, digits, `_` and `.`; begins with a letter.
        values: Where given, the only values there are (of a category or set).
        low, high: Where given, the bounds of an integer or number.
        unit: Of an integer or number, for people.
        says: One sentence for people.
    """

    name: str
    kind: Kind
    source: Source = Source.PROFILE
    cardinality: Cardinality = Cardinality.FEW
    privacy: Privacy = Privacy.PERSONAL
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    says: str = ""


_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
WORDS_OF_THE_LANGUAGE: Final = frozenset(
    {"and", "or", "not", "in", "audience", "then", "within", "true", "false"}
)
WORDS_OF_THE_STORE: Final = frozenset({"known", "at", "ordinal"})
NUMERIC: Final = frozenset({Kind.INTEGER, Kind.NUMBER})
MAX_SET_VALUES: Final = 63


class Registry:
    """Dimensions by name; those that ship, and whatever was registered since.

    Threads: any, for reading; register from one.

    Example:
        >>> registry = Registry.shipped()
        >>> registry.register(Dimension("team", Kind.CATEGORY, says="Favourite football team."))
        >>> registry["team"].kind.value, "country" in registry
        ('category', True)
        >>> registry["contry"]
        Traceback (most recent call last):
        bijou.ports.errors.InvalidRequest: there is no dimension 'contry'; did you mean country?
    """

    def __init__(self, dimensions: Iterable[Dimension] = ()) -> None:
        self._dimensions: dict[str, Dimension] = {}
        for dimension in dimensions:
            self.register(dimension)

    @classmethod
    def shipped(cls, more: Iterable[Dimension] = ()) -> "Registry":
        """Return a registry of what ships, and more."""
        return cls((*SHIPPED, *more))

    def register(self, dimension: Dimension) -> None:
        """Add a dimension, or add values and words to one that is there.

        Raises:
            InvalidRequest: `audience.bad_dimension`, it contradicts itself.
            Conflict: `audience.dimension_taken`, the name is in use with
                another kind or source: what is stored would change meaning.
        """
        _check(dimension)
        known = self._dimensions.get(dimension.name)
        if known is not None and (known.kind, known.source) != (dimension.kind, dimension.source):
            raise Conflict(
                "audience.dimension_taken",
                f"{dimension.name} is {a(known.kind)} of the {known.source}, and cannot become"
                f" {a(dimension.kind)} of the {dimension.source}; register it under another name",
            )
        self._dimensions[dimension.name] = dimension

    def __contains__(self, name: object) -> bool:
        return name in self._dimensions

    def __getitem__(self, name: str) -> Dimension:
        """Return a dimension; InvalidRequest `audience.no_dimension` names its neighbours."""
        if name not in self._dimensions:
            raise InvalidRequest(
                "audience.no_dimension",
                f"there is no dimension {name!r}; {suggestion(name, self._dimensions)}",
            )
        return self._dimensions[name]

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self._dimensions.values())

    def __len__(self) -> int:
        return len(self._dimensions)

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._dimensions)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Say which known name was perhaps meant."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else "register it first"


def a(kind: Kind) -> str:
    """Return a kind with its article, as sentences have it."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _check(dimension: Dimension) -> None:
    def refuse(problem: str) -> InvalidRequest:
        return InvalidRequest("audience.bad_dimension", f"dimension {dimension.name!r}: {problem}")

    if not _NAME.fullmatch(dimension.name) or len(dimension.name) > 64:
        raise refuse("a name is up to 64 of a-z, 0-9, _ and ., and begins with a letter")
    if dimension.name in WORDS_OF_THE_LANGUAGE:
        raise refuse("the rule language uses that word itself")
    if dimension.name in WORDS_OF_THE_STORE:
        raise refuse("the store uses that name itself")
    if dimension.values and dimension.kind not in {Kind.CATEGORY, Kind.SET}:
        raise refuse(f"{a(dimension.kind)} has no list of values")
    if dimension.kind is Kind.SET and len(dimension.values) > MAX_SET_VALUES:
        raise refuse(f"{len(dimension.values)} values; a set has at most {MAX_SET_VALUES}")
    if (dimension.low, dimension.high) != (None, None) and dimension.kind not in NUMERIC:
        raise refuse(f"{a(dimension.kind)} has no bounds")
    if dimension.low is not None and dimension.high is not None and dimension.low > dimension.high:
        raise refuse(f"its low {dimension.low:g} is above its high {dimension.high:g}")


def _of(source: Source, privacy: Privacy, *dimensions: Dimension) -> tuple[Dimension, ...]:
    return tuple(msgspec.structs.replace(each, source=source, privacy=privacy) for each in dimensions)


_C, _S, _I, _N, _F = Kind.CATEGORY, Kind.SET, Kind.INTEGER, Kind.NUMBER, Kind.FLAG
_SOME, _MANY = Cardinality.SOME, Cardinality.MANY

SHIPPED: Final = (
    *_of(
        Source.REQUEST,
        Privacy.PERSONAL,
        Dimension("country", _C, cardinality=_SOME, says="ISO 3166-1 alpha-2, of the address."),
        Dimension("region", _C, cardinality=_SOME, says="ISO 3166-2, such as DE-BE."),
        Dimension("city", _C, cardinality=_MANY, says="Name of the city, of the address."),
        Dimension("postal_code", _C, cardinality=_MANY, says="Where the address tells it."),
        Dimension("metro", _C, cardinality=_SOME, says="Market area of the advertising trade."),
    ),
    *_of(
        Source.REQUEST,
        Privacy.OPEN,
        Dimension(
            "device", _C, values=("tv", "phone", "tablet", "desktop", "console", "stick"), says="Its form."
        ),
        Dimension("os", _C, says="Operating system, in lower case."),
        Dimension("browser", _C, says="Browser or app, in lower case."),
        Dimension("make", _C, cardinality=_SOME, says="Who made the device."),
        Dimension(
            "connection", _C, values=("ethernet", "wifi", "cellular", "unknown"), says="The last mile."
        ),
        Dimension(
            "screen_height", _I, low=0, high=8640, unit="px", says="Of the player, not of the picture."
        ),
        Dimension("bandwidth_kbps", _I, low=0, unit="kb/s", says="As the player measures it."),
        Dimension(
            "placement", _C, cardinality=_SOME, says="Where the break stands: preroll, midroll, pause."
        ),
        Dimension("language", _C, cardinality=_SOME, says="BCP 47, of the interface."),
    ),
    *_of(
        Source.CONTENT,
        Privacy.OPEN,
        Dimension("genre", _S, says="Of the title; a title has several."),
        Dimension("rating", _C, says="Age rating of the title, such as FSK-12."),
        Dimension("title", _C, cardinality=_MANY, says="Id of the title."),
        Dimension("series", _C, cardinality=_MANY, says="Id of the series."),
        Dimension("live", _F, says="Whether it is broadcast as it happens."),
        Dimension("duration_s", _N, low=0, unit="s", says="Length of the title."),
        Dimension("year", _I, low=1870, high=2200, says="When the title was made."),
    ),
    *_of(
        Source.TIME,
        Privacy.OPEN,
        Dimension("hour", _I, low=0, high=23, unit="h", says="Of the viewer's day."),
        Dimension(
            "weekday", _C, values=("mon", "tue", "wed", "thu", "fri", "sat", "sun"), says="There and then."
        ),
    ),
    *_of(
        Source.PROFILE,
        Privacy.PERSONAL,
        Dimension("home_country", _C, cardinality=_SOME, says="ISO 3166-1 alpha-2, where the viewer lives."),
        Dimension("age", _I, low=0, high=130, unit="years", says="As told or inferred."),
        Dimension("gender", _C, values=("f", "m", "x"), says="As told."),
        Dimension("income_band", _C, values=("low", "middle", "high"), says="Of the household, inferred."),
        Dimension("household_size", _I, low=1, high=64, says="People under one roof."),
        Dimension("children", _F, says="Whether children live there."),
        Dimension("subscriber", _F, says="Pays for the tier without ads."),
        Dimension("hours_per_week", _N, low=0, high=168, unit="h", says="Watched, over the last four weeks."),
        Dimension("likes", _S, says="Genres watched most."),
        Dimension("interest", _S, says="Bought or brought interests."),
        Dimension("consent", _S, values=("ads", "profiling", "measurement"), says="Purposes agreed to."),
        Dimension("watched", Kind.EVENT, says="Finished something of a genre."),
        Dimension("visited", Kind.EVENT, says="Opened a page or an app of somebody's."),
        Dimension("bought", Kind.EVENT, says="Bought something of a category."),
    ),
    *_of(
        Source.PROFILE,
        Privacy.SENSITIVE,
        Dimension("health_interest", _S, says="GDPR, article 9: kept only to be shown and deleted."),
    ),
)
