"""A queue that always knows what it folds to, for operations that cannot be undone."""

from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class TwoStacks(Generic[V]):
    """A first-in first-out queue with the fold of its items at hand.

    Works for every associative operation, also for those without an inverse
    (maximum, union, merging of sketches) and those where order matters. Items
    enter a back stack that keeps one running fold, and leave a front stack
    whose every entry is the fold from there to its bottom; when the front is
    empty the back is turned over into it.

    Cost: amortised three operations an item, and one a question; two values of memory an item.
    Threads: not safe; one owner, or a lock around it.
    Source: the queue of two stacks; Tangwongsan, Hirzel and Schneider, "Low-latency
    sliding-window aggregation in worst-case constant time", DEBS 2017, section 2.

    Args:
        combine: Associative; the older value comes first.

    Example:
        >>> queue = TwoStacks(max)
        >>> for value in (3, 1, 2):
        ...     queue.push(value)
        >>> queue.fold(), queue.pop(), queue.fold()
        (3, 3, 2)
    """

    __slots__ = ("_back", "_back_fold", "_combine", "_front", "_front_folds")
    _back_fold: V

    def __init__(self, combine: Callable[[V, V], V]) -> None:
        self._combine = combine
        self._back: list[V] = []
        self._front: list[V] = []
        self._front_folds: list[V] = []

    def __len__(self) -> int:
        return len(self._back) + len(self._front)

    def push(self, value: V) -> None:
        """Put a value in at the back."""
        self._back_fold = self._combine(self._back_fold, value) if self._back else value
        self._back.append(value)

    def pop(self) -> V:
        """Take the oldest value out.

        Raises:
            IndexError: the queue is empty.
        """
        if not self._front:
            if not self._back:
                raise IndexError("pop from an empty queue")
            self._turn_over()
        self._front_folds.pop()
        return self._front.pop()

    def fold(self) -> V:
        """Return all values combined, the oldest first.

        Raises:
            IndexError: the queue is empty.
        """
        if not self._back:
            if not self._front:
                raise IndexError("an empty queue folds to nothing")
            return self._front_folds[-1]
        return self._combine(self._front_folds[-1], self._back_fold) if self._front else self._back_fold

    def _turn_over(self) -> None:
        """Move the back to the front; where `combine` raises, nothing has moved."""
        combine = self._combine
        turned = self._back[::-1]
        folds = [turned[0]]
        for value in turned[1:]:
            folds.append(combine(value, folds[-1]))
        self._front, self._front_folds, self._back = turned, folds, []
