"""The store of runs in a folder: a dictionary, on disk, that outlives kill -9."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from bijou.algorithms.runs import Entry
from bijou.engines.run_store import RunStore
from bijou.ports import Conflict, EngineUnavailable
from tests.unit.algorithms.linearizability import switching_often
from tests.unit.algorithms.machines import Machine, run_machine

KEYS = st.sampled_from([b"", *(b"key%d" % number for number in range(40))])
BATCHES: list[list[Entry]] = [
    [(b"key%d" % (number * step % 7), b"%d" % number * step if step % 3 else None) for step in range(1, 5)]
    for number in range(9)
]
VALUES = st.integers(-60, 200).map(lambda size: None if size < 0 else b"%d" % size * 30)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Memory where there is some, for fsync is not what is tried here."""
    shm = "/dev/shm"
    with TemporaryDirectory(dir=shm if os.access(shm, os.W_OK) else None) as name:
        yield Path(name)


def after(batches: list[list[Entry]]) -> dict[bytes, bytes]:
    """What a dictionary would hold."""
    table = {key: value for batch in batches for key, value in batch}
    return {key: value for key, value in sorted(table.items()) if value is not None}


class StoreMachine(Machine):
    """Held to `self.truth`, a dictionary; the store is closed and opened now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.store = RunStore(Path(self.folder.name), memory_bytes=600, fan_in=2)
        self.truth: dict[bytes, bytes] = {}

    @rule(entries=st.lists(st.tuples(KEYS, VALUES), max_size=12))
    def write(self, entries: list[Entry]) -> None:
        self.store.write(entries)
        for key, value in entries:
            self.truth.pop(key, None)
            if value is not None:
                self.truth[key] = value

    @rule(key=KEYS)
    def get(self, key: bytes) -> None:
        assert self.store.get(key) == self.truth.get(key)

    @rule(start=KEYS, stop=KEYS)
    def scan(self, start: bytes, stop: bytes) -> None:
        within = [(key, self.truth[key]) for key in sorted(self.truth) if start <= key < stop]
        assert list(self.store.scan(start, stop)) == within

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = RunStore(Path(self.folder.name), memory_bytes=600, fan_in=2)
        assert dict(self.store.scan()) == self.truth

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


def test_a_store_is_a_dictionary_that_stays() -> None:
    run_machine(StoreMachine)


def killed_at(folder: Path, call: int) -> tuple[int, bool]:
    """Write the batches in a child that is killed before its n-th system call; count what it acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _write_until(folder, call, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as acknowledged:
        count = len(acknowledged.read())
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return count, os.WIFSIGNALED(status)


def _write_until(folder: Path, call: int, writing: int) -> None:
    calls = 0

    def count(frame: Any, event: str, function: Any) -> None:
        nonlocal calls
        if event == "c_call" and getattr(function, "__module__", "") == "posix":
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.setprofile(count)
        store = RunStore(folder, memory_bytes=600, fan_in=2)
        for batch in BATCHES:
            store.write(batch)
            os.write(writing, b".")
        sys.setprofile(None)
        os._exit(0)
    finally:
        os._exit(1)


def test_kill_9_at_any_system_call_leaves_a_prefix_with_all_that_was_acknowledged(folder: Path) -> None:
    call, alive = 0, False
    while not alive:
        call += 1
        place = folder / str(call)
        acknowledged, was_killed = killed_at(place, call)
        alive = not was_killed
        with RunStore(place, memory_bytes=600, fan_in=2) as store:
            found = dict(store.scan())
            assert found in [after(BATCHES[: acknowledged + extra]) for extra in (0, 1)], call
            store.write([(b"later", b"on")])
        with RunStore(place, memory_bytes=600, fan_in=2) as store:
            assert dict(store.scan()) == dict(sorted({**found, b"later": b"on"}.items()))
            assert len(store.sizes_bytes()) <= 6
            assert len(list(place.iterdir())) <= 9
    assert call > 100


def test_a_log_cut_at_any_byte_leaves_a_prefix(folder: Path) -> None:
    with RunStore(folder / "whole") as store:
        for batch in BATCHES[:5]:
            store.write(batch)
    (log,) = (folder / "whole").glob("*.log")
    content = log.read_bytes()
    prefixes = [after(BATCHES[:count]) for count in range(6)]

    found = []
    for cut in range(len(content) + 1):
        log.write_bytes(content[:cut])
        with RunStore(folder / "whole") as store:
            found.append(prefixes.index(dict(store.scan())))

    assert found == sorted(found)
    assert set(found) == {0, 1, 2, 3, 4, 5}


def test_after_a_torn_write_the_log_goes_on_where_it_was_whole(folder: Path) -> None:
    with RunStore(folder) as store:
        store.put(b"a", b"1")
        store.put(b"b", b"2")
    (log,) = folder.glob("*.log")
    log.write_bytes(log.read_bytes()[:-1])

    with RunStore(folder) as store:
        store.put(b"c", b"3")
    with RunStore(folder) as store:
        assert dict(store.scan()) == {b"a": b"1", b"c": b"3"}


def test_threads_share_an_fsync_and_lose_nothing(folder: Path) -> None:
    with RunStore(folder, memory_bytes=5000, fan_in=2) as store:

        def write(thread: int) -> None:
            for number in range(60):
                store.put(b"%d-%d" % (thread, number), b"x" * 20)
                assert store.get(b"%d-%d" % (thread, number)) == b"x" * 20

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        with switching_often():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(dict(store.scan())) == 480
    with RunStore(folder) as store:
        assert len(dict(store.scan())) == 480


def test_a_folder_has_one_owner(folder: Path) -> None:
    with RunStore(folder), pytest.raises(Conflict) as refused:
        RunStore(folder)
    assert refused.value.code == "runtime.data_dir_held"


def test_a_run_that_was_changed_is_named(folder: Path) -> None:
    with RunStore(folder, memory_bytes=1) as store:
        store.put(b"a", b"1" * 500)
    (run,) = folder.glob("*.run")
    run.write_bytes(run.read_bytes().replace(b"111", b"121"))

    with RunStore(folder) as store, pytest.raises(EngineUnavailable) as told:
        store.get(b"a")
    assert told.value.code == "runs.damaged"
    run.write_bytes(b"")
    with pytest.raises(EngineUnavailable, match="restore it from a copy"):
        RunStore(folder)


def test_a_failed_write_stops_writes_and_not_reads(folder: Path) -> None:
    with RunStore(folder) as store:
        store.put(b"a", b"1")
        os.close(store._log)
        store._log = os.open("/dev/full", os.O_WRONLY)

        with pytest.raises(EngineUnavailable) as told:
            store.put(b"b", b"2")
        assert told.value.code == "runs.full"
        with pytest.raises(EngineUnavailable, match="open the store again"):
            store.put(b"c", b"3")
        assert store.get(b"a") == b"1"
    with RunStore(folder) as store:
        assert dict(store.scan()) == {b"a": b"1"}


def test_a_closed_store_says_so(folder: Path) -> None:
    store = RunStore(folder)
    store.close()

    with pytest.raises(EngineUnavailable, match="was closed"):
        store.put(b"a", b"1")
