"""Which locks an operation takes, and in which order.

Every node has a lock of its own. The order is that of the Linux kernel
(Documentation/filesystems/directory-locking.rst), with a gate before it:

1. the gate: shared by whatever follows a path or changes anything; shut while
   a directory moves, a symbolic link moves or goes away, the mode or owner of
   a directory changes, or a snapshot is taken or closed;
2. the rename mutex, for a rename from one directory to another;
3. directories, an ancestor before its descendants;
4. files and symbolic links, in the order of their inode numbers;
5. the byte budget's lock, a leaf.

The kernel has no gate: there a path may be resolved that never existed at any
one moment. With it, every operation on a path takes effect at one moment.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, TypeAlias

Lock: TypeAlias = AbstractContextManager[Any]
NewLock: TypeAlias = Callable[[], Lock]

_STRIPES: Final = 16


class Gate(threading.local):
    """Shared by many, shut by one; sharing costs one lock that is mostly free.

    A thread that shares takes one of 16 locks, always the same one; whoever
    shuts the gate takes all 16, in order. Not reentrant.

    Threads: safe; `shared` is each thread's own.
    Source: the "big reader" lock that the kernel's mount table once had.
    """

    shared: Lock

    def __init__(self, stripes: tuple[Lock, ...], turns: "itertools.count[int]") -> None:
        # Runs once in each thread that meets the gate, with these same arguments.
        self.shared = stripes[next(turns) % len(stripes)]
        self._stripes = stripes

    @staticmethod
    def of(new_lock: NewLock) -> "Gate":
        """Return an open gate made of such locks."""
        return Gate(tuple(new_lock() for _ in range(_STRIPES)), itertools.count())

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Wait until all who share have left, and keep others out."""
        taken: list[Lock] = []
        try:
            for stripe in self._stripes:
                stripe.__enter__()
                taken.append(stripe)
            yield
        finally:
            for stripe in reversed(taken):
                stripe.__exit__(None, None, None)
