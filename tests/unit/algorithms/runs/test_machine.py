"""A table of runs held to a dictionary, step by step."""

from contextlib import nullcontext
from itertools import islice
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from bijou.algorithms.runs import Entry, Run, RunTable, SortedRun, encode_run, merge_runs, runs_due
from tests.unit.algorithms.linearizability import is_linearizable, record
from tests.unit.algorithms.machines import Machine, run_machine

KEYS = st.sampled_from([b"", b"a", b"ab", b"b", b"\x00", b"\xff\xff", *(bytes([n, n]) for n in range(30))])
VALUES = st.one_of(st.none(), st.binary(max_size=3), st.just(b"long" * 50))


class TableMachine(Machine):
    """The specification is `self.truth`, a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RunTable()
        self.truth: dict[bytes, bytes] = {}

    @rule(entries=st.lists(st.tuples(KEYS, VALUES), max_size=40))
    def write(self, entries: list[Entry]) -> None:
        self.table.write(entries)
        for key, value in entries:
            self.truth.pop(key, None)
            if value is not None:
                self.truth[key] = value

    @rule(key=KEYS)
    def get(self, key: bytes) -> None:
        assert self.table.get(key) == self.truth.get(key)

    @rule(start=KEYS, stop=st.none() | KEYS)
    def scan(self, start: bytes, stop: bytes | None) -> None:
        within = (key for key in sorted(self.truth) if start <= key and (stop is None or key < stop))
        assert list(self.table.scan(start, stop)) == [(key, self.truth[key]) for key in within]

    @rule()
    def freeze(self) -> None:
        self.table.freeze()

    @rule(at=st.integers(0, 9))
    def lay_out(self, at: int) -> None:
        for run in islice(self.table.runs, at, at + 1):
            self.table.replace([run], [laid_out(run)])

    @rule()
    def merge_all(self) -> None:
        if runs := self.table.runs:
            self.table.replace(runs, [SortedRun(b"".join(encode_run(merge_runs(runs, oldest=True))))])

    @rule(count=st.integers(2, 4))
    def merge_the_newest(self, count: int) -> None:
        if len(runs := self.table.runs) > count:
            merged = merge_runs(runs[:count], oldest=False)
            self.table.replace(runs[:count], [SortedRun(b"".join(encode_run(merged)))])


def laid_out(run: Run) -> SortedRun:
    return SortedRun(b"".join(encode_run(run.entries(b"", None))))


def test_a_table_of_runs_is_a_dictionary() -> None:
    run_machine(TableMachine)


def test_what_was_deleted_takes_no_room_once_nothing_older_is_left() -> None:
    table = RunTable()
    table.write([(b"a", b"1"), (b"b", b"2")])
    older = table.freeze()
    table.write([(b"a", None)])
    newer = table.freeze()

    assert list(merge_runs([newer], oldest=False)) == [(b"a", None)]
    assert list(merge_runs([newer, older], oldest=True)) == [(b"b", b"2")]


def test_a_scan_sees_one_moment() -> None:
    table = RunTable()
    table.write([(b"a", b"1"), (b"c", b"3")])
    scan = table.scan()
    table.write([(b"b", b"2"), (b"a", None)])
    table.freeze()

    assert list(scan) == [(b"a", b"1"), (b"c", b"3")]


def test_runs_apart_are_not_replaced_as_one() -> None:
    table = RunTable()
    runs = [table.freeze() for _ in range(3)]

    with pytest.raises(ValueError, match="the 2 runs to replace are not neighbours among the 3"):
        table.replace([runs[2], runs[0]], [])


OPERATIONS = [("write", 1), ("get", 0), ("write", 2), ("freeze", 0), ("get", 0), ("write", None), ("get", 0)]


def history(table: RunTable, seed: int) -> list[Any]:
    """What three threads saw, of which one freezes now and then."""

    def perform(operation: tuple[str, int | None]) -> bytes | None:
        name, value = operation
        if name == "get":
            return table.get(b"k")
        if name == "freeze":
            table.freeze()
            return None
        table.write([(b"k", None if value is None else bytes([value]))])
        return None

    without = [operation for operation in OPERATIONS if operation[0] != "freeze"]
    return record([OPERATIONS, without, without[::-1]], perform, seed=seed)


def specified(state: bytes | None, operation: tuple[str, int | None]) -> tuple[bytes | None, bytes | None]:
    name, value = operation
    if name == "write":
        return None, None if value is None else bytes([value])
    return (state if name == "get" else None), state


def test_threads_see_one_table() -> None:
    for seed in range(30):
        assert is_linearizable(history(RunTable(), seed), specified, None), seed


def test_without_its_lock_a_write_is_lost_in_a_freeze() -> None:
    def unlocked() -> RunTable:
        table = RunTable()
        table._lock = nullcontext()  # type: ignore[assignment]
        return table

    assert not all(is_linearizable(history(unlocked(), seed), specified, None) for seed in range(100))


def test_runs_of_one_size_are_merged_and_no_more() -> None:
    sizes: list[int] = []
    written = 0
    for _ in range(1000):
        sizes.insert(0, 10)
        while due := runs_due(sizes, least_bytes=10, fan_in=4):
            written += sum(sizes[:due])
            sizes[:due] = [sum(sizes[:due])]
        assert len(sizes) <= 3 * 5

    assert sum(sizes) == 10_000
    assert written <= 10_000 * 5
