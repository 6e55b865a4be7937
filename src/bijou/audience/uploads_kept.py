"""Orders of batches on disk: what was asked for outlives this process."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from bijou.audience.column_files import replace_file, sync_folder
from bijou.audience.manifest import BatchReport
from bijou.audience.orders import NewBatch
from bijou.ports import Conflict, Instant, Problem
from bijou.runtime import codec

_KEPT_WHEN_OVER: Final = 200


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """One batch that somebody wants to be brought in.

    Args:
        upload: Where its bytes are sent to; empty where they come from a bucket.
        file: Where they lie, below the folder of audiences; empty while they do not.
        forgotten: Hashes of people who were deleted since; they are kept out
            of what comes of the file, and go with it.
        problem: Why nothing of it was applied; of a status from 500 on: it
            goes on when it is ordered again.
        report: What became of its rows.
    """

    new: NewBatch
    event_at: Instant
    ordered_at: Instant
    author: str = ""
    upload: str = ""
    file: str = ""
    forgotten: list[int] = []
    problem: Problem | None = None
    report: BatchReport | None = None

    @property
    def id(self) -> str:
        """Of the batch."""
        return self.new.id

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.report is not None or self.problem is not None


class OrderBook:
    """The orders of one folder: a small file each, replaced in one step.

    Threads: one at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._orders = {order.id: order for order in self._read()}

    def get(self, batch_id: str) -> Order | None:
        """Return an order, if there is one."""
        return self._orders.get(batch_id)

    def of_upload(self, upload_id: str) -> Order | None:
        """Return the order whose bytes come in an upload."""
        return next((each for each in self._orders.values() if each.upload == upload_id), None)

    def all(self) -> list[Order]:
        """Return all orders, the oldest first."""
        return sorted(self._orders.values(), key=lambda order: (order.ordered_at, order.id))

    def place(self, batch_id: str) -> Path:
        """Return where an order lies."""
        return self._folder / f"{batch_id}.json"

    def keep(self, order: Order) -> Order:
        """Put an order on the disk; forget the oldest of very many that are over and have no bytes."""
        replace_file(self.place(order.id), codec.encode(order))
        self._orders[order.id] = order
        over = [each for each in self.all() if each.is_over and not each.file]
        for old in over[: max(0, len(over) - _KEPT_WHEN_OVER)]:
            self.drop(old.id)
        return order

    def keep_out(self, hash_: int) -> list[str]:
        """Keep somebody out of what comes of files that are on their way; return whose batches those are."""
        waiting = [order for order in self.all() if not is_refused(order) and not order.report]
        for order in waiting:
            if hash_ not in order.forgotten:
                self.keep(msgspec.structs.replace(order, forgotten=[*order.forgotten, hash_]))
        return [order.id for order in waiting]

    def drop(self, batch_id: str) -> None:
        """Forget an order."""
        self._orders.pop(batch_id, None)
        self.place(batch_id).unlink(missing_ok=True)
        sync_folder(self._folder)

    def _read(self) -> Iterator[Order]:
        for path in sorted(self._folder.glob("*.json")):
            with contextlib.suppress(msgspec.MsgspecError):  # replaced in one step: it is of another bijou
                yield codec.decode(path.read_bytes(), Order)


def keep_out(folder: Path, hash_: int) -> list[str]:
    """Do as `OrderBook.keep_out` does, below the folder of audiences, where no server runs."""
    return OrderBook(folder / "orders").keep_out(hash_)


def is_due(order: Order) -> bool:
    """Tell whether an order can be brought in now."""
    return not order.is_over and bool(order.file or order.new.source)


def is_refused(order: Order) -> bool:
    """Tell whether an order is over for good without a trace, so that its id is free again."""
    return order.problem is not None and (order.problem.status < 500 or not (order.file or order.new.source))


def has_bytes_in_vain(order: Order) -> bool:
    """Tell whether an order is over and its bytes, which name people, are still here."""
    is_final = order.report is not None or is_refused(order)
    return is_final and bool(order.file)


def check_same(known: NewBatch, new: NewBatch) -> None:
    """Refuse another batch under an id that is in use: Conflict `audience.batch_taken`."""
    for field in ("mode", "policy", "source", "size_bytes", "id_column", "event_at", "sha256"):
        one, other = getattr(known, field), getattr(new, field)
        if one != other and not (field in {"event_at", "sha256"} and (not one or not other)):
            raise taken(new.id, f"it was ordered with {field} {one!r}, and now with {other!r}")


def taken(batch_id: str, why: str) -> Conflict:
    """Return the error for an id that stands for another batch."""
    return Conflict("audience.batch_taken", f"batch {batch_id}: {why}; give another batch another id")
