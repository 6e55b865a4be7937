"""What undo costs, and what it costs to keep it on disk."""

import copy
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.structures.measuring import Row, allocated_bytes, interleaved
from bijou.algorithms.undo import Assign, Command, History
from bijou.engines.journal import ChangeJournal, Journal

State = dict[str, int]
_SQLITE = f"sqlite3 {sqlite3.sqlite_version}, a commit an event"


def rows(*, quick: bool) -> list[Row]:
    """Return every row of this room; all inform, none has a target."""
    steps = 256 if quick else 1024
    return [
        *_beside_copies(200 if quick else 1000, items=1000),
        *_beside_copies(200, items=10_000),
        _selective(200 if quick else 2000),
        *(_journal(in_flight, steps) for in_flight in (1, 16, 256)),
        _replay(steps),
    ]


class _Puts:
    """The codec of assignments."""

    def __init__(self, state: State) -> None:
        self._state = state

    def encode(self, command: Command) -> bytes:
        assert isinstance(command, Assign)
        return msgspec.msgpack.encode(command.wanted)

    def decode(self, data: bytes) -> Command:
        return Assign(self._state, msgspec.msgpack.decode(data, type=State))


class _Copies:
    """Undo by keeping a copy of everything, as a memento does: the naive way."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._before: list[State] = []
        self._after: list[State] = []

    def execute(self, change: Callable[[State], None]) -> None:
        self._before.append(copy.copy(self.state))
        self._after.clear()
        change(self.state)

    def undo(self) -> None:
        self._after.append(self.state)
        self.state = self._before.pop()

    def redo(self) -> None:
        self._before.append(self.state)
        self.state = self._after.pop()


def _beside_copies(steps: int, items: int) -> list[Row]:
    def ours() -> History:
        state, history = _state(items), History()
        for step in range(steps):
            history.execute(Assign(state, {str(step): step}))
        for turn in (history.undo, history.redo):
            for _ in range(steps):
                assert turn()
        return history

    def theirs() -> _Copies:
        copies = _Copies(_state(items))
        for step in range(steps):
            copies.execute(_put(step))
        for turn in (copies.undo, copies.redo):
            for _ in range(steps):
                turn()
        return copies

    taken = interleaved({"ours": ours, "theirs": theirs}, rounds=3)
    held = {"ours": allocated_bytes(ours), "theirs": allocated_bytes(theirs)}
    row = partial(Row, room="undo", peer=f"a copy a step of {items:,} items")
    return [
        row(
            what=f"execute, undo, redo {steps:,} commands",
            ours=taken["ours"] / steps / 3 * 1e6,
            theirs=taken["theirs"] / steps / 3 * 1e6,
            unit="us/step",
            ratio=taken["theirs"] / taken["ours"],
        ),
        row(
            what=f"memory of the state and {steps:,} entries",
            ours=held["ours"] / steps,
            theirs=held["theirs"] / steps,
            unit="B/entry",
            ratio=held["theirs"] / held["ours"],
        ),
    ]


def _put(step: int) -> Callable[[State], None]:
    return lambda state: state.__setitem__(str(step), step)


def _selective(others: int) -> Row:
    """Undo and redo of one author's, below what others did, and on top of it."""

    def turning(author: str) -> Callable[[], None]:
        state, history = _state(), History()
        for name in ("ann", "bob"):
            for step in range(1 if name == "ann" else others):
                history.execute(Assign(state, {f"{name} {step}": step}), author=name)

        def turn() -> None:
            for _ in range(100):
                assert history.undo(author)
                assert history.redo(author)

        return turn

    taken = interleaved({"below": turning("ann"), "top": turning("bob")}, rounds=3)
    return Row(
        room="undo",
        what=f"one's undo and redo below {others:,} of others'",
        ours=taken["below"] / 200 * 1e6,
        peer="the same on top",
        theirs=taken["top"] / 200 * 1e6,
        unit="us/step",
        ratio=taken["top"] / taken["below"],
    )


def _journal(in_flight: int, steps: int) -> Row:
    """Commands whose callers wait in groups, beside a commit for every event."""
    walls: dict[str, list[float]] = {"ours": [], "theirs": []}
    with _folder() as folder, Journal(folder / "journal.db") as journal:
        changes = ChangeJournal(journal, _Puts({}))
        state, history = _state(), History(limit=100, tell=changes.tell)
        naive = sqlite3.connect(folder / "naive.db", isolation_level=None)
        naive.execute("PRAGMA journal_mode = WAL")
        naive.execute("PRAGMA synchronous = FULL")
        naive.execute("CREATE TABLE events (position INTEGER PRIMARY KEY, kind TEXT, state BLOB)")

        def ours() -> None:
            before = time.perf_counter()
            for step in range(steps):
                history.execute(Assign(state, {str(step): step}))
                if step % in_flight == in_flight - 1:
                    journal.saved().result()
            journal.saved().result()
            walls["ours"].append(time.perf_counter() - before)

        def theirs() -> None:
            before = time.perf_counter()
            for step in range(steps):
                key = str(step)
                state[key] = step
                data = msgspec.msgpack.encode({key: step})
                naive.execute("INSERT INTO events (kind, state) VALUES ('do', ?)", (data,))
            walls["theirs"].append(time.perf_counter() - before)

        taken = interleaved({"ours": ours, "theirs": theirs}, rounds=3)
        naive.close()
    waited = [f"{statistics.median(wall) / steps * 1e6:.0f}" for wall in walls.values()]
    return Row(
        room="undo",
        what=f"durable commands, {in_flight} in flight",
        ours=taken["ours"] / steps * 1e6,
        peer=_SQLITE,
        theirs=taken["theirs"] / steps * 1e6,
        unit="us CPU",
        ratio=taken["theirs"] / taken["ours"],
        note=f"wall us: {' and '.join(waited)}",
    )


def _replay(steps: int) -> Row:
    def execute(history: History, state: State) -> None:
        for step in range(steps):
            history.execute(Assign(state, {str(step): step}))

    with _folder() as folder, Journal(folder / "journal.db", durable=False) as journal:
        state: State = {}
        execute(History(tell=ChangeJournal(journal, _Puts(state)).tell), state)
        journal.saved().result()

        def replay() -> None:
            again: State = {}
            ChangeJournal(journal, _Puts(again)).replay(History())
            assert len(again) == steps

        taken = interleaved({"replay": replay, "execute": lambda: execute(History(), {})}, rounds=3)
    return Row(
        room="undo",
        what=f"recovery of {steps:,} changes",
        ours=taken["replay"] / steps * 1e6,
        peer="executing them, nothing on disk",
        theirs=taken["execute"] / steps * 1e6,
        unit="us/change",
        ratio=taken["execute"] / taken["replay"],
    )


def _state(items: int = 1000) -> State:
    return {str(item): item for item in range(items)}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
