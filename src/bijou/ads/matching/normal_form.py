"""Targeting as an OR of ANDs: what rules become before anything is indexed.

Negations move down to the tests, where they turn `in` into `not in` and a
range into what lies outside of it. A test of something unknown is false, and
so is its negation: a rule over what nobody knows serves nobody. (Audiences
are built by a looser rule: there, `not in` holds for the unknown.)
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from bijou.ads.matching.asking import Dayparts
from bijou.audience import (
    And,
    Const,
    Dimension,
    In,
    InAudience,
    Kind,
    Not,
    Or,
    Privacy,
    Range,
    Recency,
    Registry,
    Rule,
    Scalar,
)
from bijou.audience import (
    Sequence as Sequel,
)
from bijou.ports import InvalidRequest

MAX_CONJUNCTIONS: Final = 64
MAX_VALUES: Final = 20_000
MAX_DEPTH: Final = 64
MAX_REMEMBERED: Final = 16_384
AUDIENCE: Final = "audience"
LARGEST: Final = 2.0**53
WEEK: Final = "week@"  # and a time zone: the name of a number that the clock tells
WEEK_MINUTES: Final = 7 * 24 * 60

Values: TypeAlias = frozenset[str]
Spans: TypeAlias = tuple[tuple[float, float], ...]


class Term(NamedTuple):
    """What one conjunction asks of one dimension; the value must be known.

    Args:
        some: At least one value of each of these; a category has one list.
        none: No value of these.
        spans: Of a number: within one of these, `low <= x < high`, ascending.
    """

    some: tuple[Values, ...] = ()
    none: Values = frozenset()
    spans: Spans | None = None


Conjunction: TypeAlias = dict[str, Term]


class NormalForm(NamedTuple):
    """A rule, normalised; no conjunctions match nobody.

    Args:
        warnings: What its author will want to know, in sentences.
    """

    conjunctions: tuple[Conjunction, ...]
    warnings: tuple[str, ...] = ()


def normalise(rule: Rule, registry: Registry) -> NormalForm:
    """Return the rule as an OR of ANDs, without those that contradict themselves.

    Raises:
        InvalidRequest: `ads.targeting_too_large`, `ads.targeting_test`, or
            what the registry says of a dimension; each names the place as a
            JSON path.

    Example:
        >>> from bijou.audience import EVERYBODY
        >>> rule = Not(Or((In("country", ("DE",)), Range("age", high=17))))
        >>> normalise(rule, Registry.shipped()).conjunctions == (
        ...     {
        ...         "country": Term(none=frozenset({"DE"})),
        ...         "age": Term(spans=((math.nextafter(17, 18), math.inf),)),
        ...     },
        ... )
        True
    """
    return Normaliser(registry).normalise(rule)


class Normaliser:
    """Normalises rules, and remembers the tests that recur in them.

    Cost: a new test some microseconds, one that recurs about one; the product
        of alternatives where ORs are ANDed. Up to `MAX_REMEMBERED` tests.
    Threads: one at a time.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._remembered: dict[tuple[Rule, bool], tuple[Dimension | None, str, Term]] = {}

    def normalise(self, rule: Rule) -> NormalForm:
        """Do what `normalise` does."""
        found = self.read(rule, negated=False, place="$", depth=1)
        unique: list[Conjunction] = []
        for conjunction in found:
            if conjunction not in unique:
                unique.append(conjunction)
        values = sum(_size(term) for conjunction in unique for term in conjunction.values())
        if values > MAX_VALUES:
            raise _too_large("$", f"{values:,} values", f"{MAX_VALUES:,}; make an audience or a key of them")
        warnings = () if unique else ("the targeting contradicts itself: it can never match",)
        return NormalForm(tuple(unique), warnings)

    def read(self, rule: Rule, *, negated: bool, place: str, depth: int) -> list[Conjunction]:
        """Return the conjunctions of a rule or of its negation."""
        if depth > MAX_DEPTH:
            raise _too_large(place, f"{depth} levels", f"{MAX_DEPTH}")
        if isinstance(rule, Not):
            return self.read(rule.of, negated=not negated, place=f"{place}.of", depth=depth + 1)
        if isinstance(rule, And | Or):
            parts = [
                self.read(part, negated=negated, place=f"{place}.of[{number}]", depth=depth + 1)
                for number, part in enumerate(rule.of)
            ]
            join = self._all_of if isinstance(rule, And) is not negated else self._any_of
            return join(parts, place)
        if isinstance(rule, Const):
            return [{}] if rule.value is not negated else []
        name, term = self._recalled(rule, negated=negated, place=place)
        return [{name: term}] if _is_possible(term) else []

    def _recalled(self, rule: Rule, *, negated: bool, place: str) -> tuple[str, Term]:
        """Read a test, unless it was read before and its dimension is the same still."""
        found = self._remembered.get((rule, negated))
        if found is not None and (found[0] is None or self._registry[found[0].name] is found[0]):
            return found[1], found[2]
        name, term = self._test(rule, negated=negated, place=place)
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        asked = self._registry[name.partition(":")[0]] if name != AUDIENCE else None
        self._remembered[rule, negated] = asked, name, term
        return name, term

    def _all_of(self, parts: Sequence[list[Conjunction]], place: str) -> list[Conjunction]:
        made: list[Conjunction] = [{}]
        for part in parts:
            products = (self._met(one, other) for one in made for other in part)
            made = _bounded((each for each in products if each is not None), place)
        return made

    def _any_of(self, parts: Iterable[list[Conjunction]], place: str) -> list[Conjunction]:
        """Return all alternatives; lists of one dimension become one list."""
        listed: dict[str, Values] = {}
        spans: dict[str, Spans] = {}
        made: list[Conjunction] = []
        for conjunction in (each for part in parts for each in part):
            (name, term), *more = conjunction.items() or [("", Term())]
            if more or not name or term.none or len(term.some) > 1:
                made.append(conjunction)
            elif term.spans is not None:
                spans[name] = _united((*spans.get(name, ()), *term.spans))
            elif term.some:
                listed[name] = listed.get(name, frozenset()) | term.some[0]
            else:
                made.append(conjunction)
        made += ({name: Term(some=(values,))} for name, values in listed.items())
        made += ({name: Term(spans=several)} for name, several in spans.items())
        return _bounded(made, place)

    def _met(self, one: Conjunction, other: Conjunction) -> Conjunction | None:
        """Return what both ask; None where that cannot be."""
        if one.keys().isdisjoint(other):
            return one | other
        made = one | other
        for name in one.keys() & other.keys():
            term = made[name] = _both(one[name], other[name], is_set=self._is_set(name))
            if not _is_possible(term):
                return None
        return made

    def _is_set(self, name: str) -> bool:
        return name == AUDIENCE or (name in self._registry and self._registry[name].kind is Kind.SET)

    def _test(self, rule: Rule, *, negated: bool, place: str) -> tuple[str, Term]:
        if isinstance(rule, InAudience):
            return AUDIENCE, _listed([rule.audience], negated=negated)
        if isinstance(rule, Recency):
            self._dimension(rule.event, {Kind.EVENT}, place)
            return occasion(rule.event, rule.value), _within([(0.0, _past(rule.within_s))], negated=negated)
        if isinstance(rule, Range):
            dimension = self._dimension(rule.dimension, {Kind.INTEGER, Kind.NUMBER}, place)
            return dimension.name, _within(_bounds(rule, place), negated=negated)
        if isinstance(rule, In):
            dimension = self._dimension(rule.dimension, _LISTED, place)
            check, turn = _TYPES[dimension.kind]
            for value in rule.values:
                if not check(value):
                    raise _refused(
                        place, f"{value!r} in a test of {dimension.name}, which is a {dimension.kind}"
                    )
            if dimension.kind in _NUMBERS:
                points = [(float(value), _past(float(value))) for value in rule.values]
                return dimension.name, _within(points, negated=negated)
            return dimension.name, _listed(map(turn, rule.values), negated=negated)
        assert isinstance(rule, Sequel)
        raise _refused(place, "a sequence; an audience is built of it, and that can be targeted")

    def _dimension(self, name: str, kinds: frozenset[Kind] | set[Kind], place: str) -> Dimension:
        try:
            dimension = self._registry[name]
        except InvalidRequest as error:
            raise InvalidRequest(error.code, f"{place}: {error.detail}") from None
        if dimension.kind not in kinds:
            wanted = " or a ".join(sorted(kinds))
            raise _refused(place, f"{name} is a {dimension.kind}; this test is of a {wanted}")
        if dimension.privacy is Privacy.SENSITIVE:
            raise _refused(place, f"{name} is sensitive; no targeting may ask it")
        return dimension


def in_dayparts(form: NormalForm, dayparts: Dayparts) -> NormalForm:
    """Return targeting that holds in these parts of the week only.

    Raises:
        InvalidRequest: `ads.targeting_test`, no such time zone or minutes.
    """
    try:
        ZoneInfo(dayparts.time_zone)
    except (KeyError, ValueError, OSError):
        raise _refused("dayparts", f"there is no time zone {dayparts.time_zone!r}") from None
    for begin, end in dayparts.minutes:
        if not 0 <= begin < end <= WEEK_MINUTES:
            raise _refused("dayparts", f"minutes {begin} to {end}; they lie in a week of {WEEK_MINUTES:,}")
    term = Term(spans=_united((float(begin), float(end)) for begin, end in dayparts.minutes))
    if not _is_possible(term):
        return NormalForm((), (*form.warnings, "it has no dayparts: it can never serve"))
    name = WEEK + dayparts.time_zone
    return form._replace(conjunctions=tuple({**each, name: term} for each in form.conjunctions))


def occasion(event: str, value: str) -> str:
    """Return the name under which the seconds since an occasion are asked."""
    return f"{event}:{value}"


def _is_text(value: Scalar) -> bool:
    return isinstance(value, str)


def _is_flag(value: Scalar) -> bool:
    return isinstance(value, bool)


def _is_number(value: Scalar) -> bool:
    return not isinstance(value, bool | str) and abs(value) <= LARGEST


_NUMBERS: Final = frozenset({Kind.INTEGER, Kind.NUMBER})
_LISTED: Final = frozenset({Kind.CATEGORY, Kind.SET, Kind.FLAG}) | _NUMBERS
_TYPES: Final[dict[Kind, tuple[Callable[[Scalar], bool], Callable[[Scalar], str]]]] = {
    Kind.CATEGORY: (_is_text, str),
    Kind.SET: (_is_text, str),
    Kind.FLAG: (_is_flag, lambda value: flag(bool(value))),
    Kind.INTEGER: (_is_number, str),
    Kind.NUMBER: (_is_number, str),
}


def flag(value: bool) -> str:  # noqa: FBT001 - it is what is spelled
    """Return how a flag's value is spelled in lists."""
    return "true" if value else "false"


def _listed(values: Iterable[str], *, negated: bool) -> Term:
    chosen = frozenset(values)
    return Term(none=chosen) if negated else Term(some=(chosen,))


def _within(spans: Sequence[tuple[float, float]], *, negated: bool) -> Term:
    inside = _united(spans)
    if not negated:
        return Term(spans=inside)
    edges = [-math.inf, *(edge for span in inside for edge in span), math.inf]
    return Term(
        spans=tuple((low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high)
    )


def _past(value: float) -> float:
    """Return the smallest float above: makes a closed end open."""
    return math.nextafter(value, math.inf)


def _bounds(rule: Range, place: str) -> list[tuple[float, float]]:
    for bound in (rule.low, rule.high):
        if bound is not None and not abs(bound) <= LARGEST:
            raise _refused(place, f"a bound of {bound}; a bound is a number of at most 2^53")
    low = -math.inf if rule.low is None else _past(rule.low) if rule.low_open else float(rule.low)
    high = math.inf if rule.high is None else float(rule.high) if rule.high_open else _past(rule.high)
    return [(low, high)]


def _united(spans: Iterable[tuple[float, float]]) -> Spans:
    made: list[tuple[float, float]] = []
    for low, high in sorted(span for span in spans if span[0] < span[1]):
        if made and low <= made[-1][1]:
            made[-1] = (made[-1][0], max(high, made[-1][1]))
        else:
            made.append((low, high))
    return tuple(made)


def _shared(one: Spans, other: Spans) -> Spans:
    pairs = ((max(a[0], b[0]), min(a[1], b[1])) for a in one for b in other)
    return _united(pairs)


def _both(one: Term, other: Term, *, is_set: bool) -> Term:
    if one.spans is not None and other.spans is not None:
        return Term(spans=_shared(one.spans, other.spans))
    none = one.none | other.none
    some = (*one.some, *other.some)
    if not is_set and some:  # one value has to be in all lists
        return Term(some=(frozenset.intersection(*some) - none,))
    kept = {values - none for values in some}
    smallest = [values for values in kept if not any(other < values for other in kept)]
    return Term(some=tuple(sorted(smallest, key=sorted)), none=none)


def _is_possible(term: Term) -> bool:
    return all(term.some) and term.spans != ()


def _bounded(conjunctions: Iterable[Conjunction], place: str) -> list[Conjunction]:
    made: list[Conjunction] = []
    for conjunction in conjunctions:
        made.append(conjunction)
        if len(made) > MAX_CONJUNCTIONS:
            raise _too_large(place, f"more than {MAX_CONJUNCTIONS} alternatives", f"{MAX_CONJUNCTIONS}")
    return made


def _size(term: Term) -> int:
    return sum(map(len, term.some)) + len(term.none) + 2 * len(term.spans or ())


def _too_large(place: str, what: str, most: str) -> InvalidRequest:
    return InvalidRequest(
        "ads.targeting_too_large", f"{place}: the targeting has {what} here; at most {most}"
    )


def _refused(place: str, problem: str) -> InvalidRequest:
    return InvalidRequest("ads.targeting_test", f"{place}: {problem}")
