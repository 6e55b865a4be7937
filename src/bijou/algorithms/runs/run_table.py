"""The table: memory above sorted runs, the newest first."""

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from threading import Lock
from typing import NamedTuple

from bijou.algorithms.merging import merge
from bijou.algorithms.runs.memory_run import Entry, MemoryRun, Missing, Run

_ENTRY_BYTES = 100
"""What Python holds for an entry besides the bytes of its key and value."""


class _State(NamedTuple):
    memory: dict[bytes, bytes | None]
    runs: tuple[Run, ...]


class RunTable:
    """A sorted table whose writes cost one entry of a dictionary.

    What was written last is in memory; `freeze` makes a run of it, and
    `replace` puts in its place what the caller made of it: a file, or one run
    of many. Reads ask the memory and then each run, the newest first.

    Cost: O(1) a write; O(log n) a run for a read, most of them spared by the
    runs' Bloom filters.
    Threads: safe. Reads take no lock; a scan sees one moment. Only one thread
    at a time may call `freeze` and `replace`.

    Args:
        runs: What was there before, the newest first.

    Example:
        >>> table = RunTable()
        >>> table.write([(b"a", b"1"), (b"b", b"2")])
        >>> frozen = table.freeze()
        >>> table.write([(b"a", None)])
        >>> table.get(b"a"), table.get(b"b"), list(table.scan())
        (None, b'2', [(b'b', b'2')])
    """

    def __init__(self, runs: Sequence[Run] = ()) -> None:
        self._lock = Lock()
        self._state = _State({}, tuple(runs))
        self.memory_bytes = 0

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs under the memory, the newest first."""
        return self._state.runs

    def write(self, entries: Sequence[Entry]) -> None:
        """Write all entries, in turn; a value of None deletes."""
        grown = sum(len(key) + len(value or b"") for key, value in entries) + _ENTRY_BYTES * len(entries)
        with self._lock:
            self._state.memory.update(entries)
            self.memory_bytes += grown

    def get(self, key: bytes) -> bytes | None:
        """Return the value last written, or None."""
        state = self._state
        found = state.memory.get(key, Missing.MISSING)
        for run in state.runs:
            if found is not Missing.MISSING:
                break
            found = run.get(key)
        return None if found is Missing.MISSING else found

    def scan(self, start: bytes = b"", stop: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) with start <= key < stop in order, as they are now."""
        with self._lock:
            memory, runs = self._state
            within = [key for key in memory if start <= key and (stop is None or key < stop)]
            now = MemoryRun({key: memory[key] for key in within}, 0)
        return _scan((now, *runs), start, stop)

    def freeze(self) -> MemoryRun:
        """Make a run of what is in memory, so that new writes begin another."""
        with self._lock:
            memory, runs = self._state
            frozen = MemoryRun(memory, self.memory_bytes)
            self._state = _State({}, (frozen, *runs))
            self.memory_bytes = 0
        return frozen

    def replace(self, old: Sequence[Run], new: Sequence[Run]) -> None:
        """Put `new` where the neighbours `old` are.

        Raises:
            ValueError: `old` are not neighbours in the table.
        """
        with self._lock:
            memory, runs = self._state
            first = runs.index(old[0]) if old[0] in runs else len(runs)
            if runs[first : first + len(old)] != tuple(old):
                raise ValueError(
                    f"the {len(old)} runs to replace are not neighbours among the {len(runs)} there"
                )
            self._state = _State(memory, (*runs[:first], *new, *runs[first + len(old) :]))


def merge_runs(runs: Sequence[Run], *, oldest: bool) -> Iterator[Entry]:
    """Yield the newest entry of each key, in order.

    Cost: O(n log k), one pass; memory holds what `merge` reads ahead.
    Threads: safe.

    Args:
        runs: The newest first.
        oldest: Whether nothing older is left: then what was deleted goes too.
    """
    newest = _newest([run.entries(b"", None) for run in runs])
    return (entry for entry in newest if entry[1] is not None) if oldest else newest


def _scan(runs: Sequence[Run], start: bytes, stop: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    for key, value in _newest([run.entries(start, stop) for run in runs]):
        if value is not None:
            yield key, value


def _newest(sources: Iterable[Iterator[Entry]]) -> Iterator[Entry]:
    """Of equal keys keep the first: merging is stable, and the newest run came first."""
    before = None
    for entry in merge(*sources, key=itemgetter(0)):
        if entry[0] != before:
            before = entry[0]
            yield entry
