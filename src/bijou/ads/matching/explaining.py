"""Why a line item may not serve: from its own targeting, past every index."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from bijou.ads.matching.asking import Opportunity, Standing, hour_and_weekday
from bijou.ads.matching.delta import Questions, judged
from bijou.ads.matching.lines import Lines
from bijou.ads.matching.loops import ENDED, GONE, NO_ALTERNATIVE, NOT_BEGUN, SERVES, STANDS
from bijou.ads.matching.normal_form import AUDIENCE, WEEK
from bijou.ads.matching.vocabulary import NONE, WITHIN, Clause, Known, Vocabulary, clauses, moment_of_week
from bijou.ports import Instant, NotFound

_LONGEST: Final = 120


class Verdict(msgspec.Struct, frozen=True):
    """Whether one line item may serve, and the first reason why not.

    Args:
        reason: Empty, or a word: a dimension's name, `paused`, `exhausted`,
            `daypart`, `not begun`, `ended`, `never`.
        says: The same for people.
    """

    ordinal: int
    rank: int
    may_serve: bool
    reason: str = ""
    says: str = ""


class Explanation:
    """The verdicts on all line items at one opportunity, best first.

    Standing comes first, then the flight, then dimensions in the registry's
    order; of several alternatives the one that got furthest. It reads
    programs and no row of bits, so it also checks the index.

    Cost: about 50 ns a line item, compiled; each verdict in words about 20 us.
    """

    def __init__(
        self,
        parts: Sequence[Lines],
        counts: Sequence[int | None],
        vocabulary: Vocabulary,
        opportunity: Opportunity,
        *,
        native: bool,
    ) -> None:
        self._parts, self._vocabulary, self._opportunity = parts, vocabulary, opportunity
        self._known = vocabulary.known(opportunity)
        questions = Questions(self._known, vocabulary)
        verdicts, places = [], []
        for number, (lines, count) in enumerate(zip(parts, counts, strict=True)):
            rows = slice(count)
            verdicts.append(judged(lines, rows, questions, int(opportunity.at), native=native))
            places.append(
                np.stack([np.full(len(verdicts[-1]), number), np.arange(len(verdicts[-1]))], axis=1)
            )
        codes, at = np.concatenate(verdicts), np.concatenate(places)
        ranks, ordinals = (
            np.concatenate([lines[column][:count] for lines, count in zip(parts, counts, strict=True)])
            for column in (1, 0)
        )
        order = np.lexsort((ordinals, ranks))
        order = order[codes[order] != STANDS - GONE]
        self.ordinals, self.ranks = ordinals[order], ranks[order]
        self._codes, self._places = codes[order], at[order]

    def __len__(self) -> int:
        return len(self.ordinals)

    def __iter__(self) -> Iterator[Verdict]:
        return map(self._verdict, range(len(self)))

    def serving(self) -> list[int]:
        """Return the ordinals of all that may serve, best first."""
        found: list[int] = self.ordinals[self._codes == SERVES].tolist()
        return found

    def reasons(self) -> dict[str, int]:
        """Return how many line items are out for which reason, most first."""
        codes, counts = np.unique(self._codes[self._codes != SERVES], return_counts=True)
        tally = Counter(
            {self._reason(code): count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)}
        )
        return dict(tally.most_common())

    def verdict(self, ordinal: int) -> Verdict:
        """Return the verdict on one line item.

        Raises:
            NotFound: `ads.no_line_item`.
        """
        (rows,) = np.nonzero(self.ordinals == ordinal)
        if not len(rows):
            raise NotFound("ads.no_line_item", f"there is no line item {ordinal} among {len(self):,}")
        return self._verdict(int(rows[0]))

    def _verdict(self, row: int) -> Verdict:
        code = int(self._codes[row])
        ordinal, rank = int(self.ordinals[row]), int(self.ranks[row])
        if code == SERVES:
            return Verdict(ordinal, rank, may_serve=True)
        part, place = self._places[row].tolist()
        return Verdict(ordinal, rank, False, self._reason(code), self._says(code, self._parts[part], place))

    def _reason(self, code: int) -> str:
        if code >= 0:
            name = self._vocabulary.names[code]
            return "daypart" if name.startswith(WEEK) else name
        words = {NO_ALTERNATIVE: "never", NOT_BEGUN: "not begun", ENDED: "ended"}
        return words.get(code) or Standing(STANDS - code).name.lower()

    def _says(self, code: int, lines: Lines, row: int) -> str:
        if code >= 0:
            clause = _stopped(lines.program(row), code, self._known, self._vocabulary.bounds)
            return f"{self._fact(code)}; asked: {self._vocabulary.spelled(clause)}"
        if code in {NOT_BEGUN, ENDED}:
            at = Instant(int(lines.flights[row, 0 if code == NOT_BEGUN else 1])).rfc3339()
            return f"its flight begins at {at}" if code == NOT_BEGUN else f"its flight ended at {at}"
        if code == NO_ALTERNATIVE:
            return "its targeting contradicts itself: it can never match"
        return f"it is {self._reason(code)}"

    def _fact(self, dimension: int) -> str:
        name = self._vocabulary.names[dimension]
        if name.startswith(WEEK):
            return f"it is {moment_of_week(self._known.numbers[dimension])} in {name.removeprefix(WEEK)}"
        if dimension in self._known.numbers and (":" in name or name == "hour"):
            return f"{name} is {self._known.numbers[dimension]:g}"
        if dimension not in self._known.listed and dimension not in self._known.numbers:
            return f"{name} is unknown"
        if name == AUDIENCE:
            return f"the viewer is in {len(self._opportunity.audiences or ()):,} audiences"
        fact = (
            hour_and_weekday(self._opportunity)[1] if name == "weekday" else self._opportunity.facts.get(name)
        )
        spelled = repr(fact)
        return f"{name} is {spelled if len(spelled) <= _LONGEST else f'{spelled[:_LONGEST]}…'}"


def _stopped(words: list[int], dimension: int, known: Known, bounds: list[float]) -> Clause:
    """Return the clause on this dimension that stopped an alternative furthest on."""
    best, furthest = None, -1
    for alternative in clauses(words):
        for passed, clause in enumerate(alternative):
            if not holds(clause, known, bounds):
                if clause.dimension == dimension and passed > furthest:
                    best, furthest = clause, passed
                break
    assert best is not None, "the loop that judged found one"
    return best


def holds(clause: Clause, known: Known, bounds: list[float]) -> bool:
    """Tell whether a clause holds of what is known."""
    if clause.kind == WITHIN:
        number = known.numbers.get(clause.dimension)
        if number is None:
            return False
        edges = [bounds[each] for each in clause.values]
        return any(low <= number < high for low, high in zip(edges[::2], edges[1::2], strict=True))
    values = known.listed.get(clause.dimension)
    return values is not None and set(values).isdisjoint(clause.values) == (clause.kind == NONE)
