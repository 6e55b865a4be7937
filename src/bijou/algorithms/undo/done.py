"""The entries that are done, and which stand in each other's way."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterator
from hashlib import blake2b
from itertools import takewhile
from typing import Final, NamedTuple

from bijou.algorithms.undo.changes import Entry

ANYTHING: Final = object()  # the name of what entries touch that may touch anything


class _Footing(NamedTuple):
    """What an undone entry stood on, and must stand on to be redone."""

    tops: dict[Hashable, int]
    digest: int


class Done:
    """The done entries, oldest first, and for each name those that touch it.

    An entry can be undone once nothing done later touches the same. It can be
    redone once what it touches is again as it was below it: each name then
    has the same entry on top, since names are left in the order of a stack.
    Below an entry that may touch anything lies all that is done; that is
    compared by the XOR of a digest of each serial, which two different sets
    share once in 2^64.

    Cost: O(names that the entry touches) a call; O(all entries) where one is
        redone below others.
    Source: A. L. Zobrist, "A new hashing method with application for game
        playing", University of Wisconsin technical report 88, 1970.
    """

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self._stacks: defaultdict[Hashable, list[int]] = defaultdict(list)
        self._digest = 0
        self._footings: dict[int, _Footing] = {}

    def add(self, entry: Entry) -> None:
        """Note that a new entry is done."""
        self.entries[entry.serial] = entry
        self._digest ^= _digest(entry.serial)
        for name in _changed(entry):
            self._stacks[name].append(entry.serial)

    def undo(self, entry: Entry) -> None:
        """Note that an entry which nothing is `above` was undone."""
        self._remove(entry, -1)
        tops = {name: self._top(name) for name in _needed(entry)}
        self._footings[entry.serial] = _Footing(tops, self._digest)

    def redo(self, entry: Entry) -> None:
        """Note that an entry which `stands` was redone."""
        del self._footings[entry.serial]
        newest = next(reversed(self.entries), 0)
        self.add(entry)
        if entry.serial < newest:
            self.entries = dict(sorted(self.entries.items()))

    def retouch(self, entry: Entry, touches: frozenset[Hashable] | None) -> None:
        """Note that the newest entry now touches something else."""
        if touches != entry.touches:
            self._remove(entry, -1)
            entry.touches = touches
            self.add(entry)

    def forget_oldest(self) -> Entry:
        """Forget the oldest entry: it stays done for ever, as if it had always been."""
        entry = next(iter(self.entries.values()))
        for name in _changed(entry):
            for footing in self._footings.values():
                if footing.tops.get(name) == entry.serial:
                    footing.tops[name] = 0
        digest = self._digest
        self._remove(entry, 0)
        self._digest = digest
        return entry

    def forget_undone(self, entry: Entry) -> None:
        """Forget an undone entry: it never comes back."""
        del self._footings[entry.serial]

    def above(self, entry: Entry) -> set[int]:
        """Return the later entries that touch the same: what must be undone before."""
        if entry.touches is None:
            return set(takewhile(lambda serial: serial > entry.serial, reversed(self.entries)))
        stacks = [self._stacks.get(name, []) for name in _needed(entry)]
        return {serial for stack in stacks for serial in stack[bisect_right(stack, entry.serial) :]}

    def stands(self, entry: Entry) -> bool:
        """Tell whether an undone entry could be redone here."""
        footing = self._footings[entry.serial]
        if entry.touches is None:
            return self._digest == footing.digest
        return all(self._top(name) == top for name, top in footing.tops.items())

    def missed(self, entry: Entry) -> set[int]:
        """Return what an undone entry stood on, directly, and that is not there any more."""
        tops = self._footings[entry.serial].tops
        return {top for top in tops.values() if top and top not in self.entries}

    def _top(self, name: Hashable) -> int:
        stack = self._stacks.get(name)
        return stack[-1] if stack else 0

    def _remove(self, entry: Entry, end: int) -> None:
        del self.entries[entry.serial]
        self._digest ^= _digest(entry.serial)
        for name in _changed(entry):
            stack = self._stacks[name]
            stack.pop(end)
            if not stack:
                del self._stacks[name]


def _changed(entry: Entry) -> Iterator[Hashable]:
    yield from (ANYTHING,) if entry.touches is None else entry.touches


def _needed(entry: Entry) -> Iterator[Hashable]:
    yield ANYTHING
    yield from entry.touches or ()


def _digest(serial: int) -> int:
    return int.from_bytes(blake2b(serial.to_bytes(8, "little"), digest_size=8).digest(), "little")
