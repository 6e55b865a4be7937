"""The in-memory file system beside fsspec's, the kernel's tmpfs, and itself with one lock."""

import contextlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from fsspec.implementations.memory import MemoryFileSystem

from benchmarks.structures.measuring import Row, Work, allocated_bytes, interleaved, version
from bijou.memfs import Bytes, Credentials, MemFS

FOLDERS, MEBIBYTE = 500, 2**20
THREADS = 8
LOAD_S = 0.002  # what a busy disk takes for one extent
_KIBIBYTE = bytes(1024)
Folder = Path


def rows(*, quick: bool) -> list[Row]:
    """Measure; the target rows first, then what only informs."""
    files_each = 10 if quick else 100
    with _folder() as folder:
        return [
            *_names(files_each, folder, quick=quick),
            *_content(64 if quick else 1024, folder),
            *_nothing_lost(200 if quick else 2000),
            _memory(2000 if quick else 20_000),
            *_one_lock(500 if quick else 5000),
            *_beside_a_slow_disk(20 if quick else 200),
        ]


def _row(what: str, ours: float, peer: str, theirs: float, unit: str, **more: Any) -> Row:
    ratio = more.pop("ratio", theirs / ours)
    return Row(room="memfs", what=what, ours=ours, peer=peer, theirs=theirs, unit=unit, ratio=ratio, **more)


class _Times:
    """What several works took, by name, per repetition."""

    def __init__(self, works: dict[str, tuple[Work, int]], rounds: int) -> None:
        def repeated(work: Work, times: int) -> Work:
            def repeat() -> None:
                for _ in range(times):
                    work()

            return repeat

        taken = interleaved(
            {name: repeated(work, times) for name, (work, times) in works.items()}, rounds=rounds
        )
        self.us = {name: taken[name] / times * 1e6 for name, (_, times) in works.items()}


def _names(files_each: int, folder: Folder, *, quick: bool) -> list[Row]:
    """stat, ls, create, read and rename among many files."""
    ours, theirs = MemFS(now=time.time_ns), MemoryFileSystem(global_store=False)
    user = ours.acting(Credentials(1000, 1000))
    for number in range(FOLDERS):
        ours.makedirs(f"/live/{number:03}")
        (folder / f"live/{number:03}").mkdir(parents=True)
        for file in range(files_each):
            path = f"/live/{number:03}/{file:03}.m4s"
            ours.write(path, _KIBIBYTE)
            theirs.pipe_file(path, _KIBIBYTE)
            (folder / path[1:]).write_bytes(_KIBIBYTE)
    path, place = "/live/123/007.m4s", f"{folder}/live/123/007.m4s"
    few, many = (2, 500) if quick else (10, 5000)
    times = _Times(
        {
            "stat": (lambda: ours.stat(path), many),
            "stat fsspec": (lambda: theirs.info(path), few),
            "stat tmpfs": (lambda: os.stat(place), many),  # noqa: PTH116 - the call itself
            "stat user": (lambda: user.stat(path), many),
            "ls": (lambda: ours.listdir("/live/123"), many // 5),
            "ls fsspec": (lambda: theirs.ls("/live/123", detail=False), few),
            "ls tmpfs": (lambda: os.listdir(f"{folder}/live/123"), many // 5),  # noqa: PTH208 - the same
            "create": (_maker(lambda name, data: ours.write(f"/live/{name}", data)), many // 5),
            "create fsspec": (_maker(lambda name, data: theirs.pipe_file(f"/live/{name}", data)), many // 5),
            "create tmpfs": (_maker(lambda name, data: _create(f"{folder}/{name}", data)), many // 5),
            "read": (lambda: ours.read(path), many // 5),
            "read fsspec": (lambda: theirs.cat_file(path), many // 5),
            "read tmpfs": (lambda: _read(place), many // 5),
            "rename": (lambda: _there_and_back(ours.rename, path), many // 5),
            "rename tmpfs": (lambda: _there_and_back(os.rename, place), many // 5),
            "snapshot": (lambda: ours.snapshot().close(), many // 5),
        },
        rounds=3 if quick else 5,
    ).us
    among = f"among {FOLDERS * files_each:,} files"
    fsspec, tmpfs = version("fsspec") + " memory", _kernel()
    wanted = (None, None) if quick else (1000, 100)
    found = [
        _row(f"stat {among}", times["stat"], fsspec, times["stat fsspec"], "us", at_least=wanted[0]),
        _row(f"ls({files_each}) {among}", times["ls"], fsspec, times["ls fsspec"], "us", at_least=wanted[1]),
        _row("create 1 KiB", times["create"], fsspec, times["create fsspec"], "us"),
        _row("read 1 KiB", times["read"], fsspec, times["read fsspec"], "us"),
    ]
    found += [
        _row(f"{what}, by system call", times[what], tmpfs, times[f"{what} tmpfs"], "us")
        for what in ("stat", "ls", "create", "read")
    ]
    found += [
        _row("rename there and back", times["rename"], tmpfs, times["rename tmpfs"], "us"),
        _row("stat as a user, modes asked", times["stat user"], "ours, superuser", times["stat"], "us"),
        _row(f"snapshot {among}", times["snapshot"], "ours, one stat", times["stat"], "us", note="and close"),
    ]
    return found


def _maker(create: Callable[[str, bytes], object]) -> Work:
    """Return a work that makes 1 KiB under another name each time, and over again after 500."""
    turn = iter(range(10**9))
    return lambda: create(f"new{next(turn) % 500}", _KIBIBYTE)


def _there_and_back(rename: Callable[[str, str], None], path: str) -> None:
    rename(path, path + "_")
    rename(path + "_", path)


def _create(path: str, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(file, data)
    os.close(file)


def _read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY)
    data = os.read(file, 4096)
    os.close(file)
    return data


def _content(size_mebibytes: int, folder: Folder) -> list[Row]:
    """A large file: appended by 1 MiB, read by 1 MiB, written over by 4 KiB."""
    chunk, block = Random(1).randbytes(MEBIBYTE), Random(2).randbytes(4096)
    ours, theirs, place = MemFS(now=time.time_ns), MemoryFileSystem(global_store=False), str(folder / "large")

    def append_ours() -> None:
        with ours.open("/large", "w") as file:
            _write_all(file.write)

    def append_theirs() -> None:
        with theirs.open("/large", "wb") as file:
            _write_all(file.write)

    def append_kernel() -> None:
        with Path(place).open("wb", buffering=0) as file:
            _write_all(file.write)

    def _write_all(write: Callable[[bytes], object]) -> None:
        for _ in range(size_mebibytes):
            write(chunk)

    def remove() -> None:
        ours.write("/large", b"")
        theirs.pipe_file("/large", b"")
        Path(place).unlink(missing_ok=True)

    append = _appended({"ours": append_ours, "fsspec": append_theirs, "tmpfs": append_kernel}, remove)
    for build in (append_ours, append_theirs, append_kernel):
        build()
    handle, other, kernel = ours.open("/large", "r+"), theirs.open("/large", "rb"), os.open(place, os.O_RDWR)
    span = size_mebibytes - 1
    offsets = [Random(3).randrange(span) * MEBIBYTE + 4096 * Random(4).randrange(256) for _ in range(200)]

    def reading(pread: Callable[[int, int], object]) -> tuple[Work, int]:
        return lambda: [pread(MEBIBYTE, at) for at in offsets], 1

    def writing(pwrite: Callable[[bytes, int], object]) -> tuple[Work, int]:
        return lambda: [pwrite(block, at) for at in offsets], 1

    reads = {
        "pread": reading(handle.pread),
        "pread fsspec": reading(lambda size, at: (other.seek(at), other.read(size))),
        "pread tmpfs": reading(lambda size, at: os.pread(kernel, size, at)),
        "views": reading(handle.views),
    }
    writes = {
        "pwrite": writing(handle.pwrite),
        "pwrite fsspec": writing(lambda data, at: (other.seek(at), other.write(data))),
        "pwrite tmpfs": writing(lambda data, at: os.pwrite(kernel, data, at)),
    }
    times = _Times(reads, rounds=3).us | _Times(writes, rounds=3).us
    os.close(kernel)
    wanted = 1 if size_mebibytes == 1024 else None
    each = {name: taken / len(offsets) for name, taken in times.items()}
    fsspec, tmpfs, size = version("fsspec") + " memory", _kernel(), f"{size_mebibytes} MiB"
    return [
        _row(f"append {size} by 1 MiB", append["ours"], fsspec, append["fsspec"], "s", at_least=wanted),
        _row(f"append {size} by 1 MiB", append["ours"], tmpfs, append["tmpfs"], "s"),
        _row("read 1 MiB anywhere in it", each["pread"], fsspec, each["pread fsspec"], "us"),
        _row("read 1 MiB anywhere in it", each["pread"], tmpfs, each["pread tmpfs"], "us"),
        _row("view 1 MiB, no copy", each["views"], tmpfs + " pread", each["pread tmpfs"], "us"),
        _row("write 4 KiB over it", each["pwrite"], fsspec, each["pwrite fsspec"], "us"),
        _row("write 4 KiB over it", each["pwrite"], tmpfs, each["pwrite tmpfs"], "us"),
    ]


def _appended(works: dict[str, Work], remove: Work) -> dict[str, float]:
    """Time appends one round at a time, so that one large file is there at once."""
    totals: dict[str, list[float]] = {name: [] for name in works}
    names = list(works)
    for turn in range(3):
        for name in names[turn:] + names[:turn]:
            totals[name] += interleaved({name: works[name]}, rounds=1).values()
            remove()
    return {name: sorted(taken)[1] for name, taken in totals.items()}


def _nothing_lost(number: int) -> list[Row]:
    """Eight threads append records to one file, then each reads all of them."""
    ours, theirs = MemFS(now=time.time_ns), MemoryFileSystem(global_store=False)
    expected = THREADS * THREADS * number
    kept = _seen(number, lambda how: ours.open("/log", how)) / expected
    fsspec = _seen(number, lambda how: theirs.open("/log", how + "b")) / expected
    what = f"{THREADS} threads append, then each reads all {THREADS * number:,} records"
    return [
        _row(what, kept, "every record seen", 1.0, "of all", ratio=kept, at_least=1),
        _row(what, kept, version("fsspec") + " memory", fsspec, "of all", ratio=kept / max(fsspec, 1e-9)),
    ]


def _seen(number: int, opened: Callable[[str], Any]) -> int:
    """Return how many right records were seen, by all threads together."""
    seen: list[int] = []

    def append(tag: int) -> None:
        for turn in range(number):
            with opened("a") as file:
                file.write(b"%03d:%07d;" % (tag, turn))

    def read(_: int) -> None:
        records = set[bytes]()
        file = opened("r")
        while record := file.read(12):
            records.add(record)
        valid = {b"%03d:%07d;" % (tag, turn) for tag in range(THREADS) for turn in range(number)}
        seen.append(len(records & valid))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that eight threads are at it at once, however quick they are
    try:
        _in_threads(append)
        _in_threads(read)
    finally:
        sys.setswitchinterval(before)
    return sum(seen)


def _memory(files: int) -> Row:
    """What a file of 100 bytes takes."""
    content = [os.urandom(100) for _ in range(files)]

    def ours() -> MemFS:
        fs = MemFS(now=time.time_ns)
        for number, data in enumerate(content):
            fs.write(f"/{number:07}", data)
        return fs

    def theirs() -> MemoryFileSystem:
        fs = MemoryFileSystem(global_store=False)
        for number, data in enumerate(content):
            fs.pipe_file(f"/{number:07}", data)
        return fs

    sizes = [allocated_bytes(build) / files for build in (ours, theirs)]
    note = "ours shares the caller's bytes, theirs copies them"
    peer = version("fsspec") + " memory"
    return _row("memory of a file of 100 bytes", sizes[0], peer, sizes[1], "B", note=note)


def _one_lock(calls: int) -> list[Row]:
    """The same calls with a lock a node, and with one lock for everything (Q11)."""
    each, one = MemFS(now=time.time_ns), _with_one_lock()
    for fs in (each, one):
        for tag in range(THREADS):
            fs.makedirs(f"/{tag}")
            fs.write(f"/{tag}/film", bytes(4 * MEBIBYTE))

    def calling(fs: MemFS, tag: int) -> None:
        for turn in range(calls):
            fs.stat(f"/{tag}/film")
            fs.append(f"/{tag}/log{turn % 10}", b"record")
            fs.listdir(f"/{tag}")

    times = _Times(
        {
            "alone each": (lambda: calling(each, 0), 1),
            "alone one": (lambda: calling(one, 0), 1),
            "eight each": (lambda: _in_threads(lambda tag: calling(each, tag)), 1),
            "eight one": (lambda: _in_threads(lambda tag: calling(one, tag)), 1),
        },
        rounds=5,
    ).us
    per_call = {
        name: taken / calls / 3 / (THREADS if "eight" in name else 1) for name, taken in times.items()
    }
    return [
        _row("a call, 1 thread", per_call["alone each"], "one lock", per_call["alone one"], "us"),
        _row(f"a call, {THREADS} threads", per_call["eight each"], "one lock", per_call["eight one"], "us"),
    ]


class _SlowSpill:
    """A spill that takes its time to bring an extent back."""

    def __init__(self) -> None:
        self._held: dict[int, bytes] = {}

    def store(self, data: Bytes) -> int:
        token = len(self._held)
        self._held[token] = bytes(data)
        return token

    def load(self, token: int) -> bytes:
        time.sleep(LOAD_S)
        return self._held[token]

    def free(self, token: int) -> None:
        self._held[token] = b""


def _beside_a_slow_disk(loads: int) -> list[Row]:
    """One thread changes cold extents, another asks for other files: how long does it wait (Q11)?"""
    waits = {
        name: _waits_us(fs, loads)
        for name, fs in {
            "each": MemFS(now=time.time_ns, budget_bytes=0, spill=_SlowSpill()),
            "one": _with_one_lock(budget_bytes=0, spill=_SlowSpill()),
        }.items()
    }
    what = f"stat while another file's cold extents come back in {LOAD_S * 1000:g} ms"
    found = []
    for label, place in (("median", 0.5), ("p99", 0.99)):
        each, one = (waits[name][int(place * len(waits[name]))] for name in ("each", "one"))
        found.append(_row(f"{what}, {label}", each, "one lock", one, "us", note="wall time"))
    return found


def _waits_us(fs: MemFS, loads: int) -> list[float]:
    extent_bytes = 256 * 1024
    fs.write("/cold", bytes(loads * extent_bytes))
    fs.write("/other", b"")
    done = threading.Event()

    def change() -> None:
        with fs.open("/cold", "r+") as file:
            for number in range(loads):
                file.pwrite(b"x", number * extent_bytes)
        done.set()

    thread, waits = threading.Thread(target=change), list[float]()
    thread.start()
    while not done.is_set():
        before = time.perf_counter_ns()
        fs.stat("/other")
        waits.append((time.perf_counter_ns() - before) / 1e3)
        time.sleep(1e-4)  # asks ten thousand times a second at most, as requests come
    thread.join()
    return sorted(waits)


def _with_one_lock(**more: Any) -> MemFS:
    the_lock = threading.RLock()
    return MemFS(now=time.time_ns, new_lock=lambda: the_lock, **more)


def _in_threads(work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=[tag]) for tag in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _kernel() -> str:
    kind = "tmpfs" if Path("/dev/shm").is_dir() else "disk"
    return f"{kind}, Linux {os.uname().release.split('-')[0]}"


@contextmanager
def _folder() -> Iterator[Folder]:
    shm = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="bijou-bench-", dir=shm if shm.is_dir() else None)
    try:
        yield Path(folder)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
