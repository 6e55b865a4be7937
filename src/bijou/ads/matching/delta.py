"""Line items that changed since the base was built: few, and judged one by one."""

from array import array

import numpy as np

from bijou.ads.matching.asking import After, Line
from bijou.ads.matching.lines import Array, Lines
from bijou.ads.matching.loops import GONE, SERVES, judge
from bijou.ads.matching.vocabulary import Known, Vocabulary
from bijou.algorithms.compiled import compiled

_WORDS_A_LINE = 64


class Questions:
    """What is known at one opportunity, as the arrays that `judge` reads."""

    def __init__(self, known: Known, vocabulary: Vocabulary) -> None:
        dimensions = len(vocabulary.names)
        self.listed_at = np.full((dimensions, 2), -1, dtype=np.int32)
        self.numbers = np.full(dimensions, np.nan)
        listed: list[int] = []
        for dimension, values in known.listed.items():
            self.listed_at[dimension] = (len(listed), len(listed) + len(values))
            listed += values
        for dimension, number in known.numbers.items():
            self.numbers[dimension] = number
        self.listed = np.array(listed, dtype=np.int32)
        self.bounds = vocabulary.bounds_array()


def judged(lines: Lines, rows: slice, questions: Questions, now: int, *, native: bool) -> Array:
    """Return the verdict on each of these lines, from their programs alone."""
    begins = lines.begins[rows]
    verdicts = np.empty(len(begins), dtype=np.int32)
    loop = compiled(judge) if native else judge
    loop(
        lines.words,
        begins,
        lines.standing[rows],
        lines.flights[rows],
        now,
        questions.listed_at,
        questions.listed,
        questions.numbers,
        questions.bounds,
        verdicts,
    )
    return verdicts


class Delta:
    """A table that only grows; a later version of a line switches the earlier one off.

    Threads: one writes, any read: a row is whole before it is counted.
    """

    def __init__(self, room: int, *, native: bool) -> None:
        self._native = native
        self.lines = Lines.empty(room, room * _WORDS_A_LINE)
        self.count = 0
        self._words = 0

    def append(self, line: Line, program: "array[int]") -> int:
        """Add a line item and return its row."""
        row = self.count
        while row >= len(self.lines.ordinals) or self._words + len(program) > len(self.lines.words):
            self._grow()
        self.lines.write(row, line, program, self._words)
        self._words += len(program)
        self.count = row + 1
        return row

    def adopt(self, other: "Delta", row: int) -> int:
        """Add a row of another one and return its row here."""
        columns = other.lines
        line = Line(
            ordinal=int(columns.ordinals[row]),
            rank=int(columns.ranks[row]),
            starts_at=columns.flights[row, 0],
            ends_at=columns.flights[row, 1],
        )
        mine = self.append(line, array("H", columns.program(row)))
        self.lines.standing[mine] = columns.standing[row]
        return mine

    def matches(self, known: Known, vocabulary: Vocabulary, now: int) -> list[After]:
        """Return the places of those that may serve, best first.

        Cost: about 30 ns for each row of the table, compiled.
        """
        count = self.count
        if not count:
            return []
        lines = self.lines
        verdicts = judged(lines, slice(count), Questions(known, vocabulary), now, native=self._native)
        rows = np.flatnonzero(verdicts == SERVES)
        return sorted(map(After, lines.ranks[rows].tolist(), lines.ordinals[rows].tolist()))

    def kept(self) -> Array:
        """Return the rows that no later version replaced."""
        return np.flatnonzero(self.lines.standing[: self.count] != GONE)

    def _grow(self) -> None:
        """Move into twice the room; readers go on in the old one."""
        larger = Lines.empty(2 * len(self.lines.ordinals) + 1, 2 * len(self.lines.words) + 65_535)
        for column, old in zip(larger, self.lines, strict=True):
            column[: len(old)] = old
        self.lines = larger
