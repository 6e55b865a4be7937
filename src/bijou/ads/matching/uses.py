"""Which line items name an audience in their targeting."""

from collections.abc import Container, Iterable, Iterator

import msgspec

from bijou.ads.model.nouns import AudienceReference, LineItem
from bijou.ads.model.record import Record
from bijou.ads.model.terms import State
from bijou.audience import And, InAudience, Not, Or, Rule, audiences_of


class AudienceUse(msgspec.Struct, frozen=True):
    """A line item whose targeting names an audience.

    Args:
        reference: The record that stands for the audience.
        excluded: Whether every place where it is named stands below a `not`.
    """

    line_item: str
    name: str
    state: State
    reference: str
    excluded: bool


def uses_of(configuration: Iterable[Record], audience: str) -> list[AudienceUse]:
    """Return the line items whose targeting names an audience, drafts too, by number."""
    records = sorted(configuration, key=lambda record: record.number)
    standing_for = {
        record.noun.name: record.id
        for record in records
        if isinstance(record.noun, AudienceReference) and record.noun.audience == audience
    }
    found = []
    for record in records:
        item = record.noun
        if not isinstance(item, LineItem) or item.state is State.ARCHIVED:
            continue
        named = sorted(audiences_of(item.targeting) & standing_for.keys())
        if named:
            excluded = all(_sides(item.targeting, named))
            found.append(AudienceUse(record.id, item.name, item.state, standing_for[named[0]], excluded))
    return found


def _sides(rule: Rule, names: Container[str]) -> Iterator[bool]:
    """Yield, for each place where one of these is named, whether it stands below a `not`."""
    waiting = [(rule, False)]
    while waiting:
        node, negated = waiting.pop()
        if isinstance(node, InAudience) and node.audience in names:
            yield negated
        elif isinstance(node, Not):
            waiting.append((node.of, not negated))
        elif isinstance(node, And | Or):
            waiting += [(part, negated) for part in node.of]
