"""Which line items may serve: a base that is rebuilt, and what changed since."""

from array import array
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Final, NamedTuple

import msgspec
import numpy as np

from bijou.ads.matching.asking import After, Dayparts, Line, Matches, Opportunity, Standing
from bijou.ads.matching.delta import Delta
from bijou.ads.matching.explaining import Explanation
from bijou.ads.matching.layout import Layout
from bijou.ads.matching.lines import Array, Lines, LinesWriter, in_rank_order
from bijou.ads.matching.loops import GONE
from bijou.ads.matching.normal_form import Normaliser, in_dayparts
from bijou.ads.matching.planning import Plan
from bijou.ads.matching.row_index import RowIndex
from bijou.ads.matching.vocabulary import Vocabulary
from bijou.algorithms.compiled import is_native
from bijou.audience import Registry, Rule
from bijou.ports import InvalidRequest

MAX_ORDINAL: Final = (1 << 31) - 1


class Loaded(msgspec.Struct, frozen=True):
    """What came of a whole set of line items.

    Args:
        refused: Ordinals whose targeting is wrong, each with why; they do not
            serve, and the others do.
        warned: Ordinals whose targeting deserves a second look, with why.
    """

    line_items: int
    refused: dict[int, str]
    warned: dict[int, str]


class Targeting(NamedTuple):
    """A rule in the numbers of one matcher, and what its author will want to know."""

    program: "array[int]"
    warnings: tuple[str, ...]


class Snapshot(NamedTuple):
    """A base and its delta, which belong together."""

    base: RowIndex
    delta: Delta


class Matcher:
    """Finds the best line items that may serve, exactly, and says why others may not.

    It fails closed: of what is unknown nothing holds, a line item whose
    targeting could not be read is not there, and a match under way may miss
    one that is being replaced, but never sees both of its versions.

    Cost: a match some tens of microseconds where much matches, and at most
        one pass over the rows that the opportunity names; a change some
        microseconds; `merge` a few seconds for a million line items.
    Threads: any may match; changes take a lock; `merge` may run beside both.

    Args:
        registry: What dimensions there are.
        native: Compiled by numba or not; None where it is installed.

    Example:
        >>> from bijou.audience import In
        >>> from bijou.ports import Instant
        >>> matcher = Matcher(Registry.shipped(), native=False)
        >>> matcher.put(Line(7, rank=2, rule=In("country", ("DE", "AT")))), matcher.put(Line(8, rank=1))
        ((), ())
        >>> matcher.match(Opportunity(Instant(0), {"country": "DE"}), 10).lines
        (8, 7)
        >>> matcher.match(Opportunity(Instant(0)), 10).lines
        (8,)
        >>> matcher.explain(Opportunity(Instant(0), {"country": "FR"})).verdict(7).says
        "country is 'FR'; asked: country in (AT, DE)"
    """

    def __init__(
        self, registry: Registry, layout: Layout | None = None, *, native: bool | None = None
    ) -> None:
        self.vocabulary = Vocabulary(registry)
        self._normaliser = Normaliser(registry)
        self._layout = layout or Layout()
        self._native = is_native(asked=native)
        self._lock = Lock()
        self._merging = Lock()
        self._compiling = Lock()
        self._homes: Array = np.zeros(1024, dtype=np.int32)  # row + 1 in the base, -1 - row in the delta, 0
        self._touched: set[int] = set()
        self._snapshot = self._built(LinesWriter().finish())

    def load(self, lines: Iterable[Line]) -> Loaded:
        """Replace everything by these line items, in one step.

        Changes that others make meanwhile are lost: whoever loads, loads all.

        Raises:
            InvalidRequest: `ads.line_ordinal`, one comes twice; nothing changed.
        """
        refused: dict[int, str] = {}
        warned: dict[int, str] = {}

        def compiled() -> Iterator[tuple[Line, Targeting]]:
            for line in lines:
                try:
                    targeting = self.compile(_checked(line).rule, line.dayparts)
                except InvalidRequest as error:
                    refused[line.ordinal] = error.detail
                    continue
                if warnings := _warnings(line, targeting):
                    warned[line.ordinal] = "; ".join(warnings)
                yield line, targeting

        return Loaded(self.load_compiled(compiled()), refused, warned)

    def load_compiled(self, lines: Iterable[tuple[Line, Targeting]]) -> int:
        """Do what `load` does, with targeting that `compile` returned; say how many."""
        writer = LinesWriter()
        for line, targeting in lines:
            writer.add(_checked(line), targeting.program)
        with self._merging:
            snapshot = self._built(writer.finish())
            ordinals = snapshot.base.lines.ordinals
            _check_unique(ordinals)
            with self._lock:
                self._homes = _homes(ordinals)
                self._snapshot = snapshot
        return len(ordinals)

    def compile(self, rule: Rule, dayparts: Dayparts | None = None) -> Targeting:
        """Return targeting as this matcher holds it; good for its whole life.

        Raises:
            InvalidRequest: `ads.targeting_too_large`, `ads.targeting_test`,
                or what the registry says of a dimension.
        """
        with self._compiling:
            form = self._normaliser.normalise(rule)
            if dayparts is not None:
                form = in_dayparts(form, dayparts)
            return Targeting(self.vocabulary.program(form.conjunctions), form.warnings)

    def put(self, line: Line, targeting: Targeting | None = None) -> tuple[str, ...]:
        """Add a line item, or replace it; the next match sees it. Returns warnings.

        Args:
            targeting: Its rule and dayparts, where `compile` has read them before.

        Raises:
            InvalidRequest: `ads.line_ordinal`, and whatever `compile` raises;
                what served before goes on.
        """
        _checked(line)
        targeting = targeting or self.compile(line.rule, line.dayparts)
        with self._lock:
            self._retire(line.ordinal)
            row = self._snapshot.delta.append(line, targeting.program)
            self._settle(line.ordinal, -1 - row)
        return _warnings(line, targeting)

    def remove(self, ordinal: int) -> bool:
        """Forget a line item; False where it is not there."""
        with self._lock:
            was_there = self._retire(ordinal)
            if was_there:
                self._settle(ordinal, 0)
        return was_there

    def stand(self, ordinal: int, standing: Standing) -> bool:
        """Let a line item pause, end or go on; False where it is not there."""
        with self._lock:
            home = self._home(ordinal)
            if not home:
                return False
            if home > 0:
                self._snapshot.base.lines.standing[home - 1] = standing
                self._snapshot.base.switch(home - 1, on=standing == Standing.ACTIVE)
            else:
                self._snapshot.delta.lines.standing[-1 - home] = standing
            self._touched.add(ordinal)
        return True

    def match(self, opportunity: Opportunity, count: int, after: After | None = None) -> Matches:
        """Return the best `count` that may serve, of those behind `after`."""
        return self.walk(opportunity, after).take(count)

    def walk(self, opportunity: Opportunity, after: After | None = None) -> "Walk":
        """Return a walk through all that may serve, best first."""
        return Walk(self._snapshot, self.vocabulary, opportunity, after)

    def explain(self, opportunity: Opportunity) -> Explanation:
        """Return the verdict on every line item."""
        base, delta = self._snapshot
        return Explanation(
            [base.lines, delta.lines], [None, delta.count], self.vocabulary, opportunity, native=self._native
        )

    @property
    def is_due(self) -> bool:
        """Whether so much has changed that a merge pays."""
        return self._snapshot.delta.count >= self._layout.delta_lines

    def merge(self) -> None:
        """Build a new base of all that stands, and swap it in.

        What changes while it builds is not lost: it is in the new delta.
        """
        with self._merging:
            with self._lock:
                base, delta = self._snapshot
                kept = [np.flatnonzero(base.lines.standing != GONE), delta.kept()]
                parts = [_frozen(base.lines), _frozen(delta.lines)]
                count = delta.count
                self._touched = set()
            snapshot = self._built(in_rank_order(parts, kept))
            with self._lock:
                self._catch_up(snapshot, delta, count)

    def statistics(self) -> dict[str, int]:
        """Return how many there are of what, and bytes."""
        base, delta = self._snapshot
        return {
            **base.statistics,
            "delta_line_items": delta.count,
            "bytes": base.nbytes() + delta.lines.nbytes() + self._homes.nbytes,
        }

    def _built(self, lines: Lines) -> Snapshot:
        index = RowIndex(lines, self.vocabulary, self._layout, native=self._native)
        return Snapshot(index, Delta(self._layout.delta_lines, native=self._native))

    def _home(self, ordinal: int) -> int:
        return int(self._homes[ordinal]) if 0 <= ordinal < len(self._homes) else 0

    def _retire(self, ordinal: int) -> bool:
        home = self._home(ordinal)
        if home > 0:
            self._snapshot.base.lines.standing[home - 1] = GONE
            self._snapshot.base.switch(home - 1, on=False)
        elif home < 0:
            self._snapshot.delta.lines.standing[-1 - home] = GONE
        return home != 0

    def _settle(self, ordinal: int, home: int) -> None:
        if ordinal >= len(self._homes):
            larger: Array = np.zeros(max(ordinal + 1, 2 * len(self._homes)), dtype=np.int32)
            larger[: len(self._homes)] = self._homes
            self._homes = larger
        self._homes[ordinal] = home
        self._touched.add(ordinal)

    def _catch_up(self, snapshot: Snapshot, old: Delta, count: int) -> None:
        """Repeat on a new snapshot what changed since `count` rows of the old delta."""
        lines = snapshot.base.lines
        homes = _homes(lines.ordinals, len(self._homes))
        for ordinal in self._touched:
            there, home = int(homes[ordinal]), self._home(ordinal)
            is_later = home < 0 and -1 - home >= count
            standing = GONE
            if home > 0:
                standing = int(self._snapshot.base.lines.standing[home - 1])
            elif home < 0 and not is_later:
                standing = int(old.lines.standing[-1 - home])
            if there:
                lines.standing[there - 1] = standing
                snapshot.base.switch(there - 1, on=standing == Standing.ACTIVE)
            if is_later:
                homes[ordinal] = -1 - snapshot.delta.adopt(old, -1 - home)
            elif not home:
                homes[ordinal] = 0
        self._homes, self._snapshot = homes, snapshot


class Walk:
    """One opportunity's line items, best first, as many as are asked for.

    What changes after it began may or may not show.

    Threads: one.
    """

    def __init__(
        self, snapshot: Snapshot, vocabulary: Vocabulary, opportunity: Opportunity, after: After | None
    ) -> None:
        known = vocabulary.known(opportunity)
        self._base = snapshot.base
        self._now = int(opportunity.at)
        self._changed = snapshot.delta.matches(known, vocabulary, self._now)
        if after is not None:
            self._changed = [place for place in self._changed if place > after]
        self._changed.reverse()
        self._plan: Plan = self._base.plan(known)
        self._line = 0 if after is None else _line_behind(self._base.lines, after)

    def take(self, count: int) -> Matches:
        """Return the next `count`, or all that are left."""
        found, following = self._base.walk(self._plan, self._now, self._line, count)
        ranks = self._base.lines.ranks[found].tolist()
        ordinals = self._base.lines.ordinals[found].tolist()
        if not self._changed:
            self._line = following
        else:
            ranks, ordinals = self._merged(list(map(After, ranks, ordinals)), found, following, count)
        is_over = len(ordinals) < count or not count
        after = None if is_over else After(ranks[-1], ordinals[-1])
        return Matches(tuple(ordinals), tuple(ranks), after)

    def _merged(
        self, unchanged: list[After], found: Array, following: int, count: int
    ) -> tuple[list[int], list[int]]:
        taken: list[After] = []
        used = 0
        while len(taken) < count and (used < len(unchanged) or self._changed):
            if used == len(unchanged) or (self._changed and self._changed[-1] < unchanged[used]):
                taken.append(self._changed.pop())
            else:
                taken.append(unchanged[used])
                used += 1
        self._line = following if used == len(unchanged) else int(found[used])
        return [each.rank for each in taken], [each.ordinal for each in taken]


def _checked(line: Line) -> Line:
    if not 0 <= line.ordinal <= MAX_ORDINAL:
        raise InvalidRequest("ads.line_ordinal", f"line item {line.ordinal}; ordinals are 0 to 2^31 - 1")
    return line


def _warnings(line: Line, targeting: Targeting) -> tuple[str, ...]:
    if line.starts_at < line.ends_at:
        return targeting.warnings
    return (*targeting.warnings, "its flight ends before it starts: it can never serve")


def _line_behind(lines: Lines, after: After) -> int:
    first, last = np.searchsorted(lines.ranks, [after.rank, after.rank + 1])
    return int(first + np.searchsorted(lines.ordinals[first:last], after.ordinal, side="right"))


def _homes(ordinals: Array, least: int = 1024) -> Array:
    homes = np.zeros(max(least, int(ordinals.max(initial=0)) + 1), dtype=np.int32)
    homes[ordinals] = np.arange(1, len(ordinals) + 1)
    return homes


def _frozen(lines: Lines) -> Lines:
    return lines._replace(standing=lines.standing.copy())


def _check_unique(ordinals: Array) -> None:
    _, counts = np.unique(ordinals, return_counts=True)
    if (counts > 1).any():
        double = int(np.unique(ordinals)[counts > 1][0])
        raise InvalidRequest("ads.line_ordinal", f"line item {double} came twice; ordinals are unique")
