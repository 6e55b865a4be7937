"""Which rows and lists of an index answer one opportunity."""

from typing import NamedTuple

import numpy as np

from bijou.ads.matching.building import ACTIVE, BASES, NOTHING, Built
from bijou.ads.matching.layout import Groups
from bijou.ads.matching.lines import Array
from bijou.ads.matching.vocabulary import Known


class Plan(NamedTuple):
    """The rows and lists that answer; arguments of `walk`, which explains them."""

    every: Array
    groups: Array
    either: Array
    lists: Array


class _Asked(NamedTuple):
    """What one dimension has in an index: its groups as (base row, key of value 0)."""

    dimension: int
    is_whole: bool
    size: int
    value_at: int
    groups: tuple[tuple[int, int], ...]


class Planner:
    """Reads the tables of an index.

    Cost: about 0.2 us a dimension and 0.1 us a value.
    Threads: any.
    """

    def __init__(self, groups: Groups, built: Built) -> None:
        self._numbers = groups.numbers
        self._named = memoryview(built.named.data)
        self._excluded = memoryview(built.excluded.data)
        self._lists = memoryview(built.lists.data)
        self._ones: list[int] = np.bitwise_count(built.rows).sum(axis=1, dtype=np.int64).tolist()
        self._shared = [(BASES + group, groups.key_base(group)) for group in range(groups.own, built.groups)]
        self._asked = [_asked(groups, each) for each in np.flatnonzero(groups.is_asked).tolist()]

    def plan(self, known: Known) -> Plan:
        """Return how to find what matches where this is known."""
        drawn = _Drawn(self._named, self._excluded, self._lists)
        shared: list[int] = []
        for dimension, is_whole, size, value_at, groups in self._asked:
            values = self._values(known, dimension, size)
            if is_whole:
                ((base, key_at),) = groups
                drawn.add_whole(base, key_at, value_at, values)
                continue
            for base, key_at in groups:
                drawn.add_group(base, key_at, values or ())
            if values is None:
                drawn.exclude(value_at, (0,))
            else:
                shared += [value_at + value for value in values]
                drawn.exclude(value_at, values)
        for base, key_at in self._shared:
            drawn.add_group(base, key_at, shared)
        return drawn.finish(self._ones)

    def _values(self, known: Known, dimension: int, size: int) -> list[int] | None:
        """Return the values that hold and that the index knows; None where nothing is known."""
        numbers = self._numbers.get(dimension)
        if numbers is not None:
            number = known.numbers.get(dimension)
            return None if number is None else numbers.at(number)
        values = known.listed.get(dimension)
        return None if values is None else [value for value in values if value < size]


class _Drawn:
    """A plan that is being drawn."""

    def __init__(self, named: memoryview, excluded: memoryview, lists: memoryview) -> None:
        self._named, self._excluded, self._bounds = named, excluded, lists
        self._every: list[int] = []
        self._groups: list[tuple[int, int, int, int]] = []
        self._either: list[int] = []
        self._lists: list[tuple[int, int]] = []
        self._kills: list[int] = []

    def add_whole(self, base: int, key_at: int, value_at: int, values: list[int] | None) -> None:
        """Ask a dimension of which a viewer has one value, or none that is known."""
        value = 0 if values is None else values[0] if values else -1
        row = self._named[key_at + value] if value >= 0 else 0
        if row > 0:
            self._every.append(row)
            return
        self.add_group(base, key_at, (value,) if value >= 0 else ())
        self.exclude(value_at, (value,) if value >= 0 else ())

    def add_group(self, base: int, key_at: int, values: "list[int] | tuple[int, ...]") -> None:
        """Ask a group for any of these values, or for none."""
        named = self._named
        targets = [target for value in values if (target := named[key_at + value])]
        if targets:
            self._gather(base, targets, takes_away=0)
        else:
            self._every.append(base)

    def exclude(self, value_at: int, values: "list[int] | tuple[int, ...]") -> None:
        """Take away whoever excludes any of these values."""
        excluded = self._excluded
        self._kills += [target for value in values if (target := excluded[value_at + value])]

    def finish(self, ones: list[int]) -> Plan:
        """Return the plan, most selective rows first."""
        if self._kills:
            self._gather(NOTHING, self._kills, takes_away=1)
        self._every.sort(key=ones.__getitem__)
        return Plan(
            np.array([ACTIVE, *self._every], dtype=np.int64),
            np.array(self._groups, dtype=np.int64).reshape(-1, 4),
            np.array(self._either, dtype=np.int64),
            np.array(self._lists, dtype=np.int64).reshape(-1, 2),
        )

    def _gather(self, base: int, targets: list[int], *, takes_away: int) -> None:
        bounds = self._bounds
        for target in targets:
            if target > 0:
                self._either.append(target)
            else:
                self._lists.append((bounds[-1 - target], bounds[-target]))
        self._groups.append((base, len(self._either), len(self._lists), takes_away))


def _asked(groups: Groups, dimension: int) -> _Asked:
    first, levels = int(groups.first[dimension]), int(groups.levels[dimension])
    return _Asked(
        dimension,
        bool(groups.is_single[dimension]) and levels > 0,
        int(groups.sizes[dimension]),
        int(groups.value_at[dimension]),
        tuple((BASES + group, int(groups.key_at[group])) for group in range(first, first + levels)),
    )
