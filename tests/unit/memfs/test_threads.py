"""What threads see could have happened one call at a time, and none waits for ever."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import count
from random import Random
from typing import Any

import pytest

from bijou.memfs import MemFS, renaming
from bijou.memfs.locks import Gate
from bijou.memfs.nodes import Directory, is_at_or_above
from tests.unit.algorithms.linearizability import Call, is_linearizable, switching_often
from tests.unit.memfs.lottery import Deadlock, Lottery, NoLock, OneInterruption
from tests.unit.memfs.specification import Operation, Tree, step

START: list[Operation] = [
    ("mkdir", "/a"),
    ("mkdir", "/a/b"),
    ("append", "/a/f", b"0"),
    ("append", "/a/b/g", b"1"),
    ("mkdir", "/a/e"),
]
CALLS = ["mkdir", "rename", "rename", "rename", "unlink", "rmdir", "append", "append", "read", "listdir"]
CALLS += ["size", "snapshot"]
PATHS = ["/a", "/a/b", "/a/f", "/a/b/g", "/a/e", "/c", "/c/b", "/c/f", "/a/b/f", "/a/e/f"]
# Two threads each, in which one of the re-checks under a lock is all that stands between right and wrong.
NARROW: dict[str, list[list[Operation]]] = {
    "a name in a directory that goes away": [[("mkdir", "/a/e/n")], [("rmdir", "/a/e"), ("listdir", "/a")]],
    "a file that moves while it is written": [
        [("append", "/a/f", b"!")],
        [("rename", "/a/f", "/a/h"), ("read", "/a/h")],
    ],
    "a file that moves and grows while it is asked for": [
        [("size", "/a/f")],
        [("rename", "/a/f", "/a/h"), ("append", "/a/h", b"more")],
    ],
    "a file that is at neither name": [[("read", "/a/f"), ("read", "/a/h")], [("rename", "/a/f", "/a/h")]],
    "a file that is at both names": [[("read", "/a/h/x"), ("read", "/a/f/x")], [("rename", "/a/f", "/a/h")]],
}


def answer(fs: MemFS, operation: Operation) -> Any:
    name, *arguments = operation
    try:
        if name == "snapshot":
            with fs.snapshot() as then:
                return tree_of(then)
        if name == "size":
            return fs.stat(*arguments).size_bytes
        answered = getattr(fs, name)(*arguments)
    except OSError as error:
        return error.errno
    return tuple(answered) if isinstance(answered, list) else answered


def tree_of(fs: MemFS) -> Tree:
    found: set[tuple[str, bytes | None]] = set()
    for path, directories, files in fs.walk("/"):
        above = path.rstrip("/")
        found |= {(f"{above}/{name}", None) for name in directories}
        found |= {(f"{above}/{name}", fs.read(f"{above}/{name}")) for name in files}
    return Tree(found)


def some_script(chance: Random, tag: int, length: int) -> list[Operation]:
    script: list[Operation] = []
    for number in range(length):
        name = chance.choice(CALLS)
        extra: list[Any] = []
        if name == "rename":
            extra = [chance.choice(PATHS)]
        elif name == "append":
            extra = [b"%d%d" % (tag, number)]
        script.append((name, chance.choice(PATHS), *extra))
    return script


def is_linear(fs: MemFS, lottery: Lottery, scripts: list[list[Operation]]) -> bool:
    state = Tree()
    for operation in START:
        expected, state = step(state, operation)
        assert answer(fs, operation) == expected
    history = lottery.record(scripts, lambda operation: answer(fs, operation))
    end = max(call.returned for call in history) + 1
    history.append(Call(end, end + 1, ("snapshot", "/"), answer(fs, ("snapshot", "/"))))

    return is_linearizable(history, step, state)


def scripts_of(seed: int) -> list[list[Operation]]:
    chance = Random(seed)
    return [some_script(chance, tag, 4) for tag in range(3)]


@pytest.mark.parametrize("start", range(0, 240, 60))
def test_what_threads_see_could_have_happened_one_call_at_a_time(start: int) -> None:
    for seed in range(start, start + 60):
        lottery = Lottery(seed)
        fs = MemFS(now=lambda: 0, new_lock=lottery.new_lock)

        assert is_linear(fs, lottery, scripts_of(seed)), f"seed {seed}"


@pytest.mark.parametrize("story", NARROW)
@pytest.mark.parametrize("first", [0, 1])
def test_no_single_interruption_comes_between_a_look_and_what_is_done_about_it(
    story: str, first: int
) -> None:
    for lottery in interruptions(first):
        fs = MemFS(now=lambda: 0, new_lock=lottery.new_lock)

        assert is_linear(fs, lottery, NARROW[story])


def interruptions(first: int) -> Iterator[Lottery]:
    """Yield one lottery for each line at which the first thread can be interrupted."""
    for line in count(1):
        lottery = OneInterruption(first, line)
        yield lottery
        if not lottery.was_early_enough:
            assert line > 50, "the file system's lines are not seen"
            return


def test_nothing_comes_through_a_link_that_was_taken_away() -> None:
    for lottery in interruptions(0):
        fs = MemFS(now=lambda: 0, new_lock=lottery.new_lock)
        fs.makedirs("/a")
        fs.append("/a/f", b"0")
        fs.symlink("/a", "/link")
        scripts: list[list[Operation]] = [
            [("append", "/link/f", b"!")],
            [("unlink", "/link"), ("read", "/a/f")],
        ]
        history = lottery.record(scripts, lambda operation, fs=fs: answer(fs, operation))  # type: ignore[misc]
        appended = next(call.result for call in history if call.operation[0] == "append")
        seen = next(call.result for call in history if call.operation[0] == "read")

        assert (seen == b"0!") == (appended == 1)


def test_without_locks_the_checker_finds_what_cannot_have_happened() -> None:
    appends: list[list[Operation]] = [[("append", "/a/f", b"%d" % tag)] * 2 for tag in range(3)]
    look: list[list[Operation]] = [[("read", "/a/f")] * 3]

    def goes_wrong(seed: int) -> bool:
        return not is_linear(MemFS(now=lambda: 0, new_lock=NoLock), Lottery(seed), appends + look)

    assert any(goes_wrong(seed) for seed in range(200))


def test_without_the_gate_an_append_lands_in_a_directory_that_has_moved() -> None:
    appends: list[list[Operation]] = [[("append", "/a/f", b"!")], [("append", "/a/f", b"?")]]
    move: list[list[Operation]] = [[("rename", "/a", "/c"), ("read", "/c/f"), ("read", "/c/f")]]

    def goes_wrong(seed: int, *, gate: bool) -> bool:
        lottery = Lottery(seed, switches=0.01)
        fs = MemFS(now=lambda: 0, new_lock=lottery.new_lock)
        if not gate:
            fs._gate = fs._volume.gate = Gate.of(NoLock)
        return not is_linear(fs, lottery, appends + move)

    assert any(goes_wrong(seed, gate=False) for seed in range(200))
    assert not any(goes_wrong(seed, gate=True) for seed in range(200))


def test_a_shut_gate_keeps_out_whichever_lock_a_thread_shares_by() -> None:
    gate, shares = Gate.of(threading.Lock), list[Any]()
    in_threads(lambda _: shares.append(gate.shared), 16)

    assert len(set(map(id, shares))) == 16
    with gate.shut():
        assert all(share.locked() for share in shares)
    assert not any(share.locked() for share in shares)


def crossing(seed: int) -> None:
    """Move things between two directories, both ways, and take directories away meanwhile."""
    lottery = Lottery(seed)
    fs = MemFS(now=lambda: 0, new_lock=lottery.new_lock)
    for path in ("/p/q/r", "/s/t/u"):
        fs.makedirs(path)
    fs.write("/p/q/one", b"")
    fs.write("/s/t/two", b"")
    scripts: list[list[Operation]] = [
        [("rename", "/p/q/one", "/s/t/one"), ("rename", "/s/t/u", "/p/q/u"), ("rename", "/p/q", "/s/q")],
        [("rename", "/s/t/two", "/p/q/two"), ("rename", "/p/q/r", "/s/t/r"), ("rename", "/s/t", "/p/q/t")],
        [("rmdir", "/p/q/r"), ("rename", "/s/t/one", "/p/one"), ("rmdir", "/s/t"), ("snapshot",)],
    ]
    lottery.record(scripts, lambda operation: answer(fs, operation))


def test_crossing_renames_never_wait_for_each_other() -> None:
    for seed in range(100):
        crossing(seed)


@contextmanager
def source_first(_: object, one: Directory, other: Directory) -> Iterator[None]:
    with one.lock, other.lock if other is not one else nullcontext():
        yield


@contextmanager
def without_mutex(_: object, one: Directory, other: Directory) -> Iterator[None]:
    first, second = (other, one) if is_at_or_above(other, one) else (one, other)
    with first.lock, second.lock if other is not one else nullcontext():
        yield


@pytest.mark.parametrize("locking", [source_first, without_mutex])
def test_without_the_order_of_the_kernel_the_lottery_finds_the_deadlock(
    locking: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renaming, "_parents_locked", locking)

    def all_crossings() -> None:
        for seed in range(300):
            crossing(seed)

    with pytest.raises(Deadlock):
        all_crossings()


def test_eight_threads_append_to_one_file_and_nothing_is_lost() -> None:
    fs = MemFS(now=lambda: 0, extent_bytes=64)
    handle = fs.open("/log", "a")

    def write(tag: int) -> None:
        for number in range(150):
            line = b"%d:%03d;" % (tag, number)
            if number % 2:
                fs.append("/log", line)
            else:
                handle.write(line)

    in_threads(write, 8)
    lines = fs.read("/log").split(b";")[:-1]

    assert len(lines) == 8 * 150
    for tag in range(8):
        assert [line for line in lines if line.startswith(b"%d:" % tag)] == [
            b"%d:%03d" % (tag, n) for n in range(150)
        ]


def test_eight_threads_that_share_a_handle_read_every_byte_once() -> None:
    fs = MemFS(now=lambda: 0, extent_bytes=64)
    fs.write("/film", b"".join(b"%06d" % number for number in range(1000)))
    handle, chunks = fs.open("/film"), list[bytes]()

    def read(_: int) -> None:
        while chunk := handle.read(6):
            chunks.append(chunk)

    in_threads(read, 8)

    assert sorted(chunks) == [b"%06d" % number for number in range(1000)]


def in_threads(work: Callable[[int], None], number: int) -> None:
    threads = [threading.Thread(target=work, args=[tag]) for tag in range(number)]
    with switching_often():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
