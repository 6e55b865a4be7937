"""Who may work on a history now."""

import threading


class HistoryBusy(RuntimeError):
    """A history was called from within its own work; finish that first.

    That is: from a command's `execute`, `undo` or `merge`, or on the thread
    that has a macro open, other than through that macro.
    """


class Turn:
    """A lock that refuses the thread that holds it, where a plain one would hang.

    Threads: others wait for their turn.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None

    def __enter__(self) -> None:
        thread = threading.get_ident()
        if self._owner == thread:
            raise HistoryBusy("the history is at work on this thread: finish the command or macro first")
        self._lock.acquire()
        self._owner = thread

    def __exit__(self, *_: object) -> None:
        self._owner = None
        self._lock.release()
