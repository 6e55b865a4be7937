"""Merging by rounds: all that lies before a horizon is sorted at once."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bijou.algorithms.merging.order import Order
from bijou.algorithms.merging.queue import Queue
from bijou.algorithms.merging.run import Piece, Run, in_order

_RUNS_A_PUSH = 32


class Rounds:
    """Merges runs a batch a round.

    The horizon is the first of the last keys that were read: nothing unread
    can come before it. So what lies before it is complete, and one sort of it
    (which finds the runs in it, and gallops) puts it in order.

    Cost: O(log K) comparisons a round for each run that has items before the
    horizon; others are not touched. A round moves half a read or more.

    Args:
        runs: By their ranks, none of them empty.
    """

    def __init__(self, runs: dict[int, Run], order: Order) -> None:
        self._runs = runs
        self._order = order
        self._heads = Queue(order, [(run.keys[order.first], rank) for rank, run in runs.items()])
        self._lasts = Queue(order, [(run.keys[order.last], rank) for rank, run in runs.items() if run.more])

    def batches(self) -> Iterator[Iterable[Any]]:
        """Yield what comes next, until nothing is left."""
        while self._lasts and len(self._runs) > 1:
            self._push_on()
            if not self._lasts:
                break
            last, horizon = self._lasts.first()
            # An unsorted run may end before it begins; its first item then keeps the rounds going.
            ranks = sorted(self._heads.take_through(last, horizon)) or self._heads.take_one()
            olds = [self._runs[rank].keys[self._order.last] for rank in ranks]
            yield in_order(self._cut(ranks, last, horizon), reverse=self._order.reverse)
            self._read_on(ranks, olds)
        yield from self._rest()

    def _push_on(self) -> None:
        """Read on in the runs that end first, so that a round of very many runs moves more."""
        for _ in range(len(self._runs) // _RUNS_A_PUSH):
            _, rank = self._lasts.first()
            run = self._runs[rank]
            if run.failure is not None:
                return
            self._lasts.take_one()
            run.refill()
            if run.more:
                self._lasts.put([(run.keys[self._order.last], rank)])
            elif not self._lasts:
                return

    def _cut(self, ranks: Sequence[int], last: Any, horizon: int) -> list[Piece]:
        """Take what comes before the horizon; equal keys of later runs come after it."""
        pieces = []
        for rank in ranks:
            run = self._runs[rank]
            cut = self._order.through if rank <= horizon else self._order.before
            piece = run.take(cut(run.keys, last))
            if piece[0]:
                pieces.append(piece)
        if not pieces:
            pieces.append(self._runs[ranks[0]].take_one())
        return pieces

    def _read_on(self, ranks: Sequence[int], olds: Sequence[Any]) -> None:
        """Refill runs that are low, and let all that took part wait again."""
        heads, lasts = [], []
        for rank, old in zip(ranks, olds, strict=True):
            run = self._runs[rank]
            if run.is_low():
                self._lasts.drop(old, rank)
                run.refill()
                if run.more and run.keys:
                    lasts.append((run.keys[self._order.last], rank))
            if run.keys:
                heads.append((run.keys[self._order.first], rank))
            elif run.failure is not None:
                raise run.failure
            else:
                del self._runs[rank]
        self._heads.put(heads)
        self._lasts.put(lasts)

    def _rest(self) -> Iterator[Iterable[Any]]:
        """Yield all that was read, and of the only run that has more, what it has."""
        runs = [self._runs[rank] for rank in sorted(self._runs)]
        if not runs:
            return
        yield in_order([run.take_all() for run in runs], reverse=self._order.reverse)
        for run in runs:
            if run.failure is not None:
                raise run.failure
            if run.more:
                yield run.source
