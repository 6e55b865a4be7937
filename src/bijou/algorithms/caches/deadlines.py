"""Entries by the moment at which they must go."""

from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any, Generic

from bijou.algorithms.caches.policy import K, Policy

_SLACK = 64


class Deadlines(Generic[K]):
    """Tells which entry of a policy is due first.

    An entry that left or got another deadline is not searched for: its old
    note is passed over when it comes up, and all such notes are swept out when
    they outnumber the entries. Notes hold keys, so that no value outlives its
    entry.

    Cost: O(log n) amortised; about 120 bytes a note, at most two an entry.
    """

    def __init__(self, policy: Policy[K, Any]) -> None:
        self._policy = policy
        self._notes: list[tuple[int, int, K]] = []
        self._order = count()

    def note(self, entry: Any) -> None:
        """Add an entry's present deadline."""
        heappush(self._notes, (entry.gone_ns, next(self._order), entry.key))
        if len(self._notes) > 2 * len(self._policy) + _SLACK:
            # By key: a key that left and came back with the same deadline has two true notes.
            self._notes = list({note[2]: note for note in self._notes if self._is_true(note)}.values())
            heapify(self._notes)

    def soonest(self) -> Any:
        """Return the entry that is due first, or None where no note is true."""
        notes = self._notes
        while notes and not self._is_true(notes[0]):
            heappop(notes)
        return self._policy.find(notes[0][2]) if notes else None

    def __len__(self) -> int:
        return len(self._notes)

    def _is_true(self, note: tuple[int, int, K]) -> bool:
        entry = self._policy.find(note[2])
        return entry is not None and entry.gone_ns == note[0]
