"""Which line items of the configuration may serve a viewer at a break, and why the others may not."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from bijou.ads.api import AdOperations
from bijou.ads.matching.asking import Fact, Line, Opportunity
from bijou.ads.matching.configured import Sizes, competing, too_small
from bijou.ads.matching.explaining import Explanation, Verdict
from bijou.ads.matching.matcher import Matcher
from bijou.ads.matching.shards import Profile, with_profile
from bijou.ads.matching.uses import AudienceUse, uses_of
from bijou.ads.model.nouns import AdBreak, LineItem, NewDimension, Placement
from bijou.ads.model.record import Record
from bijou.ads.model.showing_rules import dimension_of
from bijou.ads.model.terms import Surface
from bijou.audience import Dimension, Kind, Registry, audiences_of
from bijou.ports import Clock, Instant, InvalidRequest, NotFound

_FLAGS: Final = {"true": True, "false": False}
_STRANGER: Final = Profile({}, [], "stranger")


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which of the verdicts to tell.

    Args:
        reasons: Only those that are out for one of these; empty: whatever the reason.
        may_serve: Only those that may, or may not; None: both.
        like: Only those whose name or record contains it, in any case.
        after: How many to pass over, the best first.
    """

    reasons: list[str] = []
    may_serve: bool | None = None
    like: str = ""
    after: Annotated[int, Meta(ge=0)] = 0
    at_most: Annotated[int, Meta(ge=1, le=1000)] = 100


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom to ask about, where and when.

    Args:
        viewer: Whose profile to take; empty for a stranger.
        break_id: The record of a break; its placement and title are taken.
        facts: What else is known, by dimension; goes before the profile.
        spelled: The same as people write it: `noir,war`, `true`, `33`.
        audiences: In place of the profile's, to see what would be.
        at: None is now.
        page: None: every verdict; over a wire the first hundred.
    """

    viewer: str = ""
    break_id: str = ""
    facts: dict[str, Fact] = {}
    spelled: dict[str, str] = {}
    audiences: list[str] | None = None
    at: Instant | None = None
    utc_offset_s: int = 0
    page: Page | None = None


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
        degraded: Empty, or why no profile was used: `stranger` (no viewer was
            named), `no_profile`, `no_consent`, `stale` or `unavailable`.
        reasons: How many line items are out for which reason.
        total: Line items that were judged.
        serving: How many of them may serve.
        found: How many the page's tests leave.
        after: Where the next page begins; None where this was the last.
    """

    opportunity: Opportunity
    degraded: str
    reasons: dict[str, int]
    verdicts: list[Judged]
    total: int = 0
    serving: int = 0
    found: int = 0
    after: int | None = None


class Explains(Protocol):
    """Says why line items may not serve."""

    async def explain(self, question: Question) -> Answer:
        """Return the verdict on every line item that is not a draft.

        Raises:
            NotFound: `ads.no_record`, no such break.
            InvalidRequest: `audience.no_dimension`, `ads.bad_fact`.
        """
        ...

    async def uses(self, audience: str) -> list[AudienceUse]:
        """Return the line items whose targeting names an audience, drafts too."""
        ...


async def unknown_sizes() -> Sizes | None:
    """Return what is known of the sizes of audiences where there are none: nothing."""
    return None


class ExplainingService:
    """`Explains` over the configuration in effect, read anew for every question.

    Line items whose targeting cannot be read are among the verdicts, refused.
    All but the reading is done in a thread.

    Threads: one event loop.

    Args:
        profile_of: What may be used of a viewer, by key; it degrades and never raises.
        native: As of `Matcher`; the interpreter is quick enough for thousands.
        sizes: Tells the sizes of the audiences that are built.
    """

    def __init__(
        self,
        ads: AdOperations,
        clock: Clock,
        profile_of: Callable[[str], Awaitable[Profile]],
        *,
        native: bool | None = False,
        sizes: Callable[[], Awaitable[Sizes | None]] = unknown_sizes,
    ) -> None:
        self._ads, self._clock, self._profile_of, self._native = ads, clock, profile_of, native
        self._sizes = sizes

    async def explain(self, question: Question) -> Answer:
        """Return the verdict on every line item that is not a draft."""
        at = self._clock.now() if question.at is None else question.at
        configuration = await self._ads.configuration()
        profile = await self._profile_of(question.viewer) if question.viewer else _STRANGER
        sizes = await self._sizes()
        return await asyncio.to_thread(self._judge, question, at, configuration, profile, sizes)

    async def uses(self, audience: str) -> list[AudienceUse]:
        """Return the line items whose targeting names an audience, drafts too."""
        return uses_of(await self._ads.configuration(), audience)

    def _judge(
        self,
        question: Question,
        at: Instant,
        configuration: list[Record],
        profile: Profile,
        sizes: Sizes | None,
    ) -> Answer:
        opportunity = with_profile(_bare(question, at, configuration), profile)
        lines = competing(configuration, at, sizes).lines
        matcher = Matcher(_registry(configuration), native=self._native)
        refused = matcher.load(lines).refused
        explanation = matcher.explain(opportunity)
        named = {record.number: record for record in configuration if record.kind == "line_item"}
        unread = [line for line in lines if line.ordinal in refused]
        told = _Told(explanation, unread, refused, named, too_small(configuration, sizes))
        return told.answer(opportunity, profile.degraded, question.page)


class _Told:
    """The verdicts of one explanation and of the line items that could not be read, in words."""

    def __init__(
        self,
        explanation: Explanation,
        unread: list[Line],
        refused: Mapping[int, str],
        named: Mapping[int, Record],
        small: Mapping[str, int],
    ) -> None:
        self._explanation, self._unread, self._refused, self._named = explanation, unread, refused, named
        self._small = small

    def answer(self, opportunity: Opportunity, degraded: str, page: Page | None) -> Answer:
        everything = list(self._all())
        total = len(everything)
        reasons = dict(Counter(each.reason for each in everything if not each.may_serve).most_common())
        verdicts = [each for each in everything if _is_asked(each, page)]
        found, after = len(verdicts), None
        if page is not None:
            end = page.after + page.at_most
            after = end if end < found else None
            verdicts = verdicts[page.after : end]
        serving = sum(each.may_serve for each in everything)
        return Answer(opportunity, degraded, reasons, verdicts, total, serving, found, after)

    def _all(self) -> Iterator[Judged]:
        for verdict in self._explanation:
            judged = _judged(verdict, self._named)
            yield self._blamed(judged, self._named[verdict.ordinal]) if judged.reason == "never" else judged
        for line in self._unread:
            yield _refused(line, self._named, self._refused)

    def _blamed(self, judged: Judged, record: Record) -> Judged:
        """Say of a targeting that can never match if it does so for want of members."""
        item = record.noun
        small = (
            sorted(audiences_of(item.targeting) & self._small.keys()) if isinstance(item, LineItem) else []
        )
        if not small:
            return judged
        says = f"audience {small[0]!r} has fewer members than the {self._small[small[0]]:,} that it must have"
        return msgspec.structs.replace(judged, reason="audience", says=says)


def _is_asked(judged: Judged, page: Page | None) -> bool:
    if page is None:
        return True
    if page.may_serve is not None and judged.may_serve is not page.may_serve:
        return False
    if page.reasons and judged.reason not in page.reasons:
        return False
    like = page.like.casefold()
    return not like or like in judged.name.casefold() or like in judged.line_item


def _bare(question: Question, at: Instant, configuration: list[Record]) -> Opportunity:
    """Return what is known without the viewer's profile."""
    registry = _registry(configuration)
    context: dict[str, Fact] = {}
    if question.break_id:
        context = _facts_of(question.break_id, {record.id: record for record in configuration})
    spelled = {name: _read(registry[name], text) for name, text in question.spelled.items()}
    facts = {**context, **question.facts, **spelled}
    return Opportunity(at, facts, question.audiences, None, question.utc_offset_s)


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
