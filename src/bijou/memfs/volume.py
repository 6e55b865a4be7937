"""One tree of nodes, and what all who work on it share."""

import errno
import itertools
import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from bijou.memfs.budget import Budget
from bijou.memfs.credentials import ROOT, Credentials
from bijou.memfs.faults import fault
from bijou.memfs.locks import Gate, Lock, NewLock
from bijou.memfs.nodes import Birth, Directory, Node
from bijou.memfs.watching import Watches


class Keeper(Protocol):
    """Keeps what a node was before it changes."""

    def keep(self, node: Node) -> None:
        """Keep the node as it is; the caller holds its lock."""
        ...


class Volume:
    """Root, gate, clock and books of one file system.

    Args:
        now: Tells the time, in microseconds since 1970.
        budget: The books of content.
        new_lock: Makes the locks of gate and nodes.
        root: The root of a snapshot; None for a new tree.
    """

    def __init__(
        self,
        now: Callable[[], int],
        budget: Budget,
        new_lock: NewLock = threading.Lock,
        root: Directory | None = None,
    ) -> None:
        self.now = now
        self.budget = budget
        self.new_lock = new_lock
        self.gate = Gate.of(new_lock)
        self.renaming: Lock = new_lock()
        self.watches = Watches()
        self.keeper: Keeper | None = None
        self.is_read_only = root is not None
        self._inos = itertools.count(1)
        self.root = self._new_root() if root is None else root
        self.root.parent, self.root.name = self.root, "/"

    def next_ino(self) -> int:
        """Return a number that no node had."""
        return next(self._inos)

    def birth(self, mode: int, uid: int, gid: int, born_at: int) -> Birth:
        """Return what a new node needs."""
        return Birth(next(self._inos), mode, uid, gid, born_at, self.new_lock())

    def keep(self, node: Node) -> None:
        """Before a node changes: keep it for the newest snapshot. Its lock is held."""
        if self.keeper is not None:
            self.keeper.keep(node)

    def require_writable(self, path: str) -> None:
        """Raise EROFS in a snapshot."""
        if self.is_read_only:
            raise fault(errno.EROFS, path)

    def _new_root(self) -> Directory:
        return Directory(self.birth(0o755, ROOT.uid, ROOT.gid, self.now()))


class Caller(NamedTuple):
    """Who acts on which volume."""

    volume: Volume
    who: Credentials
    umask: int
