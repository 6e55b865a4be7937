"""Which line items of the configuration may serve a viewer at a break, and why the others may not."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec

from bijou.ads.api import AdOperations
from bijou.ads.matching.asking import Fact, Line, Opportunity
from bijou.ads.matching.configured import competing
from bijou.ads.matching.explaining import Verdict
from bijou.ads.matching.matcher import Matcher
from bijou.ads.matching.shards import Profile, with_profile
from bijou.ads.model.nouns import AdBreak, NewDimension, Placement
from bijou.ads.model.record import Record
from bijou.ads.model.showing_rules import dimension_of
from bijou.ads.model.terms import Surface
from bijou.audience import Dimension, Kind, Registry
from bijou.ports import Clock, Instant, InvalidRequest, NotFound

_FLAGS: Final = {"true": True, "false": False}


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom to ask about, where and when.

    Args:
        viewer: Whose profile to take; empty for a stranger.
        break_id: The record of a break; its placement and title are taken.
        facts: What else is known, by dimension; goes before the profile.
        spelled: The same as people write it: `noir,war`, `true`, `33`.
        audiences: In place of the profile's, to see what would be.
        at: None is now.
    """

    viewer: str = ""
    break_id: str = ""
    facts: dict[str, Fact] = {}
    spelled: dict[str, str] = {}
    audiences: list[str] | None = None
    at: Instant | None = None
    utc_offset_s: int = 0


class Judged(msgspec.Struct, frozen=True):
    """One line item's verdict; see `Verdict`."""

    line_item: str
    name: str
    may_serve: bool
    reason: str = ""
    says: str = ""


class Answer(msgspec.Struct, frozen=True):
    """The verdicts on all line items, best first.

    Args:
        opportunity: What was known, all together.
        degraded: Empty, or why no profile was used.
        reasons: How many line items are out for which reason.
    """

    opportunity: Opportunity
    degraded: str
    reasons: dict[str, int]
    verdicts: list[Judged]


class Explains(Protocol):
    """Says why line items may not serve."""

    async def explain(self, question: Question) -> Answer:
        """Return the verdict on every line item that is not a draft.

        Raises:
            NotFound: `ads.no_record`, no such break.
            InvalidRequest: `audience.no_dimension`, `ads.bad_fact`.
        """
        ...


class ExplainingService:
    """`Explains` over the configuration in effect, read anew for every question.

    Line items whose targeting cannot be read are among the verdicts, refused.

    Threads: one event loop.

    Args:
        profile_of: What may be used of a viewer, by key.
        native: As of `Matcher`; the interpreter is quick enough for thousands.
    """

    def __init__(
        self,
        ads: AdOperations,
        clock: Clock,
        profile_of: Callable[[str], Profile],
        *,
        native: bool | None = False,
    ) -> None:
        self._ads, self._clock, self._profile_of, self._native = ads, clock, profile_of, native

    async def explain(self, question: Question) -> Answer:
        """Return the verdict on every line item that is not a draft."""
        at = self._clock.now() if question.at is None else question.at
        configuration = await self._ads.configuration()
        by_id = {record.id: record for record in configuration}
        registry = _registry(configuration)
        context = _facts_of(question.break_id, by_id) if question.break_id else {}
        spelled = {name: _read(registry[name], text) for name, text in question.spelled.items()}
        facts = {**context, **question.facts, **spelled}
        bare = Opportunity(at, facts, question.audiences, None, question.utc_offset_s)
        opportunity, degraded = self._profiled(bare, question.viewer)
        lines = competing(configuration, at).lines
        matcher = Matcher(registry, native=self._native)
        refused = matcher.load(lines).refused
        explanation = matcher.explain(opportunity)
        named = {record.number: record for record in configuration if record.kind == "line_item"}
        verdicts = [_judged(verdict, named) for verdict in explanation]
        verdicts += [_refused(line, named, refused) for line in lines if line.ordinal in refused]
        reasons = explanation.reasons() | ({"targeting": len(refused)} if refused else {})
        return Answer(opportunity, degraded, reasons, verdicts)

    def _profiled(self, opportunity: Opportunity, viewer: str) -> tuple[Opportunity, str]:
        if not viewer:
            return opportunity, "no_profile"
        profile = self._profile_of(viewer)
        return with_profile(opportunity, profile), profile.degraded


def _facts_of(break_id: str, by_id: Mapping[str, Record]) -> dict[str, Fact]:
    """Return what a break tells of the context."""
    record = by_id.get(break_id)
    if record is None or not isinstance(record.noun, AdBreak):
        raise NotFound("ads.no_record", f"there is no break {break_id!r}")
    placement = by_id.get(record.noun.placement)
    facts: dict[str, Fact] = {"title": record.noun.title} if record.noun.title else {}
    if placement is not None and isinstance(placement.noun, Placement):
        surface = placement.noun.surface
        facts["placement"] = f"{record.noun.point}roll" if surface is Surface.BREAK else surface.value
    return facts


def _read(dimension: Dimension, text: str) -> Fact:
    """Read a fact by its dimension's kind."""
    if dimension.kind is Kind.SET:
        return text.split(",")
    if dimension.kind is Kind.CATEGORY:
        return text
    if dimension.kind is Kind.FLAG and text in _FLAGS:
        return _FLAGS[text]
    if dimension.kind in {Kind.INTEGER, Kind.NUMBER}:
        with contextlib.suppress(ValueError):
            return float(text)
    raise InvalidRequest("ads.bad_fact", f"{dimension.name} is a {dimension.kind}, which {text!r} is not")


def _registry(configuration: list[Record]) -> Registry:
    """Return the dimensions that ship, and those that were registered since."""
    nouns = [record.noun for record in configuration]
    return Registry.shipped(dimension_of(noun) for noun in nouns if isinstance(noun, NewDimension))


def _judged(verdict: Verdict, named: Mapping[int, Record]) -> Judged:
    record = named[verdict.ordinal]
    return Judged(record.id, _name(record), verdict.may_serve, verdict.reason, verdict.says)


def _refused(line: Line, named: Mapping[int, Record], refused: Mapping[int, str]) -> Judged:
    record = named[line.ordinal]
    return Judged(record.id, _name(record), may_serve=False, reason="targeting", says=refused[line.ordinal])


def _name(record: Record) -> str:
    return str(getattr(record.noun, "name", record.id))
