"""How many bytes stay in memory, and where the cold ones go."""

import errno
import threading
from collections import OrderedDict, deque
from typing import Final, NamedTuple, Protocol, TypeAlias
from weakref import ref

from bijou.memfs.faults import fault
from bijou.memfs.locks import Lock

Bytes: TypeAlias = bytes | bytearray | memoryview

# Smaller extents stay: to keep track of them would take as much memory as they do.
TRACKED_BYTES: Final = 1024


class Spill(Protocol):
    """A place for cold extents, handed in; called from many threads at once."""

    def store(self, data: Bytes) -> int:
        """Keep bytes and return a token for them; OSError where there is no room."""
        ...

    def load(self, token: int) -> bytes:
        """Return the bytes of a token that was not freed."""
        ...

    def free(self, token: int) -> None:
        """Forget the bytes of a token; quick, as a lock is held meanwhile, and never fails."""
        ...


class Usage(NamedTuple):
    """Content at this moment; extents under 1 KiB are not counted.

    Args:
        limit_bytes: The budget; None where there is none, and nothing is counted.
        resident_bytes: In memory.
        spilled_bytes: Only at the spill.
        stores: Extents written to the spill so far.
        loads: Extents read back from it so far.
    """

    limit_bytes: int | None
    resident_bytes: int
    spilled_bytes: int
    stores: int
    loads: int


class Extent:
    """A piece of a file, at most `Budget.extent_bytes` long.

    A sealed extent never changes again, so that snapshots, views and the spill
    share it without a lock; an open one changes under its file's lock. Bytes
    that it lacks at its end are zeros.
    """

    __slots__ = ("__weakref__", "data", "guard", "is_hot", "is_sealed", "ticket")

    def __init__(self, data: bytes | bytearray, guard: Lock, *, is_sealed: bool) -> None:
        self.data: bytes | bytearray | None = data
        self.guard = guard
        self.is_sealed = is_sealed
        self.is_hot = False
        self.ticket: _Ticket | None = None

    @property
    def length(self) -> int:
        """Bytes that it holds."""
        data = self.data
        if data is not None:
            return len(data)
        assert self.ticket is not None, "an extent leaves memory only with a ticket"
        return self.ticket.size_bytes


class _Ticket(ref[Extent]):
    """What the budget knows of an extent; outlives it until the books are right."""

    __slots__ = ("is_resident", "size_bytes", "token")

    size_bytes: int
    is_resident: bool
    token: int | None


class Budget:
    """Keeps the books of extents, and spills cold ones over a limit.

    Which are cold is found by the clock: an extent that was read since the
    hand last passed gets a second chance. Without a spill a full budget means
    ENOSPC. The limit may be passed by what the writes under way add.

    Cost: without a limit none. With one, a lock a change of size; a spilled
    extent costs its writing, unless it was spilled before.
    Threads: safe. `settle` does the slow work and must be called without locks.

    Args:
        limit_bytes: Bytes of content to keep in memory; None for any number.
        spill: Where cold extents go.
        extent_bytes: Length of an extent, at least 1.
    """

    def __init__(self, limit_bytes: int | None, spill: Spill | None, extent_bytes: int) -> None:
        if extent_bytes < 1 or (limit_bytes is not None and limit_bytes < 0):
            raise ValueError(
                f"extent_bytes {extent_bytes} must be at least 1, budget_bytes {limit_bytes} at least 0"
            )
        self.extent_bytes = extent_bytes
        self.zeros: Final = bytes(extent_bytes)
        self._limit = limit_bytes
        self._spill = spill
        self._lock = threading.Lock()
        self._resident_bytes = 0
        self._spilled_bytes = 0
        self._stores = 0
        self._loads = 0
        self._refused = False
        self._hand: OrderedDict[_Ticket, None] = OrderedDict()
        self._away: set[_Ticket] = set()
        # Filled by the garbage collector at any moment, so by one atomic step and without a lock.
        self._dead: deque[ref[Extent]] = deque()

    def require(self, growth_bytes: int, path: str) -> None:
        """Refuse growth that would find no room; quick, takes no other lock.

        Raises:
            OSError: ENOSPC.
        """
        if self._limit is None or growth_bytes <= 0:
            return
        with self._lock:
            self._bury()
            after = self._resident_bytes + growth_bytes
            # At or under the limit a spill that refused once is given another try.
            is_full = self._refused and self._resident_bytes > self._limit
            if after > self._limit and (self._spill is None or is_full):
                rule = f"{after} bytes would be in memory, the budget is {self._limit}"
                raise fault(errno.ENOSPC, path, rule=f"{rule}, and the spill takes no more")

    def admit(self, extent: Extent) -> None:
        """Enter a new extent, or a new length of an old one, in the books."""
        if self._limit is None:
            return
        length = extent.length
        with self._lock:
            ticket = extent.ticket
            if ticket is None:
                if length < TRACKED_BYTES:
                    return
                ticket = extent.ticket = _Ticket(extent, self._dead.append)
                ticket.size_bytes, ticket.is_resident, ticket.token = 0, True, None
                self._hand[ticket] = None
            self._resident_bytes += length - ticket.size_bytes
            ticket.size_bytes = length

    def fetch(self, extent: Extent) -> bytes | bytearray:
        """Return the bytes of an extent, from the spill where they are there."""
        extent.is_hot = True
        data = extent.data
        if data is not None:
            return data
        ticket = extent.ticket
        assert ticket is not None
        assert ticket.token is not None
        assert self._spill is not None
        loaded = self._spill.load(ticket.token)
        with self._lock:
            self._loads += 1
            if extent.data is None:
                extent.data = loaded
                ticket.is_resident = True
                self._away.discard(ticket)
                self._hand[ticket] = None
                self._resident_bytes += ticket.size_bytes
                self._spilled_bytes -= ticket.size_bytes
        return loaded

    def settle(self) -> None:
        """Spill until the limit holds; the caller must hold no lock."""
        if self._limit is None or (self._resident_bytes <= self._limit and not self._dead):
            return
        while victim := self._next_victim():
            if not self._evict(*victim):
                return

    def usage(self) -> Usage:
        """Return the books."""
        with self._lock:
            self._bury()
            return Usage(self._limit, self._resident_bytes, self._spilled_bytes, self._stores, self._loads)

    def _next_victim(self) -> tuple[_Ticket, Extent] | None:
        with self._lock:
            self._bury()
            while (
                self._spill and self._limit is not None and self._resident_bytes > self._limit and self._hand
            ):
                ticket, _ = self._hand.popitem(last=False)
                extent = ticket()
                if extent is None:
                    continue  # it waits for burial
                if not extent.is_hot:
                    return ticket, extent
                extent.is_hot = False
                self._hand[ticket] = None
            return None

    def _evict(self, ticket: _Ticket, extent: Extent) -> bool:
        """Move an extent, which the hand no longer holds, to the spill."""
        assert self._spill is not None
        with extent.guard:
            extent.is_sealed = True
            data = extent.data
        assert data is not None, "only one thread can have taken it from the hand"
        token, refused = ticket.token, False
        if token is None:
            try:
                token = self._spill.store(data)
            except OSError:
                refused = True
        with self._lock:
            self._refused = refused
            if refused:
                self._hand[ticket] = None
                return False
            self._stores += ticket.token is None
            ticket.token, ticket.is_resident = token, False
            extent.data = None
            self._away.add(ticket)
            self._resident_bytes -= ticket.size_bytes
            self._spilled_bytes += ticket.size_bytes
        return True

    def _bury(self) -> None:
        """Take extents that nobody holds any more out of the books."""
        while self._dead:
            ticket = self._dead.popleft()
            assert isinstance(ticket, _Ticket)
            if ticket.is_resident:
                self._hand.pop(ticket, None)
                self._resident_bytes -= ticket.size_bytes
            else:
                self._away.discard(ticket)
                self._spilled_bytes -= ticket.size_bytes
            if ticket.token is not None and self._spill is not None:
                self._spill.free(ticket.token)
