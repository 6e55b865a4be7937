"""Which candidates of an ad break exclude each other, and which can be left out from the start."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import gcd
from typing import NamedTuple


class Candidate(NamedTuple):
    """A creative that may stand in a pod.

    Args:
        duration: Ticks, > 0.
        value: What showing it is worth, such as micros; nothing <= 0 is shown.
        labels: No two candidates of a pod share one: advertiser, category.
    """

    duration: int
    value: int
    labels: frozenset[Hashable] = frozenset()


class Item(NamedTuple):
    """A candidate by its index, `place`; `length` counts units; `bits` are its labels that span groups."""

    length: int
    value: int
    bits: int
    place: int


class Group(NamedTuple):
    """Items of which at most one is shown, and the labels that end with them."""

    items: list[Item]
    closes: int


class _Homes(NamedTuple):
    """The label that groups each candidate, and all the labels that it shares with others."""

    of: dict[int, int]
    labels: dict[int, list[int]]


def grouped(
    candidates: Sequence[Candidate], fitting: Sequence[int], *, duration: int, most: int
) -> tuple[list[list[Item]], int]:
    """Return groups of which at most one each is shown, and the ticks of their unit of length.

    What no best pod needs is left out. What labels are called does not matter:
    equal candidates give equal groups.
    """
    homes = _homes(candidates, fitting)
    bit_of = {label: 1 << number for number, label in enumerate(_crossing(homes))}
    entangled = {
        homes.of[index]
        for index, labels in homes.labels.items()
        if bit_of and not bit_of.keys().isdisjoint(labels)
    }
    kept = list(_worthwhile(candidates, homes.of, entangled, duration, most))
    cell = gcd(*(candidates[index].duration for index in kept))
    groups: dict[int, list[Item]] = {}
    for index in kept:
        one = candidates[index]
        bits = sum(bit_of.get(label, 0) for label in homes.labels.get(index, ())) if bit_of else 0
        groups.setdefault(homes.of[index], []).append(Item(one.duration // cell, one.value, bits, index))
    return list(groups.values()), cell


def in_order(groups: Iterable[list[Item]], watched: int) -> list[Group]:
    """Heed the watched labels alone, and order the groups so that few of them are open at once."""
    alone: list[Group] = []
    left: list[tuple[list[Item], int]] = []
    for items in groups:
        heeding = [item._replace(bits=item.bits & watched) if item.bits else item for item in items]
        if bits := union(heeding):
            left.append((heeding, bits))
        else:
            alone.append(Group(heeding, 0))
    return alone + _followed(left)


def _followed(left: list[tuple[list[Item], int]]) -> list[Group]:
    """Follow shared labels from group to group; a label closes with the last that has it."""
    groups = []
    opened = 0
    while left:
        nearest = min(range(len(left)), key=lambda at: (left[at][1] & ~opened).bit_count())
        items, bits = left.pop(nearest)
        opened |= bits
        later = 0
        for _, others in left:
            later |= others
        groups.append(Group(items, bits & ~later))
    return groups


def union(items: Iterable[Item]) -> int:
    """Return all their bits."""
    bits = 0
    for item in items:
        bits |= item.bits
    return bits


def _homes(candidates: Sequence[Candidate], fitting: Sequence[int]) -> _Homes:
    """Group each candidate by its most frequent label, so that groups are few."""
    holders: dict[Hashable, list[int]] = {}
    for index in fitting:
        for label in candidates[index].labels:
            holders.setdefault(label, []).append(index)
    # A label is known by who has it, so that no order of hashes shows in the pod.
    shared = {tuple(who) for who in holders.values() if len(who) > 1}
    homes = _Homes({index: -1 - index for index in fitting}, {})
    for label, who in enumerate(sorted(shared, key=_by_size)):
        for index in who:
            homes.of[index] = label
            homes.labels.setdefault(index, []).append(label)
    return homes


def _by_size(who: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    return len(who), who


def _crossing(homes: _Homes) -> list[int]:
    """Return the labels that stand in more than one group."""
    places: dict[int, set[int]] = {}
    for index, labels in homes.labels.items():
        for label in labels:
            places.setdefault(label, set()).add(homes.of[index])
    return sorted(label for label, where in places.items() if len(where) > 1)


def _worthwhile(
    candidates: Sequence[Candidate],
    home_of: Mapping[int, int],
    entangled: AbstractSet[int],
    duration: int,
    most: int,
) -> Iterator[int]:
    """Yield the candidates, dearest first, but those that some best pod can do without.

    One can go where others, of groups that conflict with none, are worth no less and last no longer, and are
    so many that not all of their groups fit beside it, in time or in slots: a pod that shows it may show one
    of those instead. Whatever is as long and worth no more can then go too.
    """
    too_long = duration + 1
    least: dict[int, int] = {}
    for index, home in home_of.items():
        if (length := candidates[index].duration) < least.get(home, too_long):
            least[home] = length
    shortest = min(least.values())
    crowd: dict[int, _Crowd] = {}
    counted: dict[int, int] = {}
    for index in sorted(home_of, key=lambda index: (-candidates[index].value, candidates[index].duration)):
        home, length = home_of[index], candidates[index].duration
        if length >= too_long or counted.get(home, too_long) <= length:
            continue
        better = [some for longest, some in crowd.items() if longest <= length]
        ticks = sum(some.ticks for some in better)
        if ticks > duration - length or sum(some.groups for some in better) >= most:
            too_long = length
            if too_long == shortest:
                return
            continue
        yield index
        if home not in entangled:
            if home in counted:
                crowd[counted[home]].count(-1, -least[home])
            crowd.setdefault(length, _Crowd()).count(1, least[home])
            counted[home] = length


class _Crowd:
    """How many groups are counted at a length, and the ticks that they take at least."""

    def __init__(self) -> None:
        self.groups = 0
        self.ticks = 0

    def count(self, groups: int, ticks: int) -> None:
        self.groups += groups
        self.ticks += ticks
