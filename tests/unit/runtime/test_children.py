import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from bijou.ports import SystemClock, VirtualClock
from bijou.runtime.children import Finished, Limits, run_child
from bijou.runtime.pipes import LAST_WORDS_BYTES, LINE_BYTES

CLOCK = SystemClock()
SOON = Limits(wall_s=20)

Loop = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Loop:
    chosen: Loop = request.param
    return chosen


def python(code: str, *more: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code, *more]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def gone(pid: int) -> bool:
    for _ in range(200):
        if not alive(pid):
            return True
        await CLOCK.sleep(0.01)
    return False


def test_a_child_is_heard_line_by_line_and_its_end_is_told(loop: Loop) -> None:
    lines: list[str] = []
    script = "echo one; printf 'two\\r\\nthree'; echo sorry >&2; exit 4"

    ended: Finished = loop(run_child(["sh", "-c", script], limits=SOON, clock=CLOCK, on_line=lines.append))

    assert lines == ["one", "two", "three"]
    assert (ended.code, ended.signal, ended.last_words, ended.timed_out) == (4, 0, "sorry\n", False)
    assert not ended.ok


def test_the_wall_limit_kills_the_whole_group(loop: Loop) -> None:
    clock = VirtualClock()
    pids: list[int] = []

    def on_line(line: str) -> None:
        pids.append(int(line))
        clock.advance(60)

    async def scene() -> Finished:
        script = "sleep 1000 & echo $!; wait"
        ended = await run_child(["sh", "-c", script], limits=Limits(wall_s=60), clock=clock, on_line=on_line)
        assert await gone(pids[0])
        return ended

    ended: Finished = loop(scene())

    assert ended.timed_out
    assert (ended.code, ended.signal, ended.wall_s) == (-1, signal.SIGKILL, 60)


def test_cancelling_kills_the_whole_group(loop: Loop) -> None:
    async def scene() -> None:
        started = asyncio.Event()
        pids: list[int] = []

        def on_line(line: str) -> None:
            pids.extend(int(word) for word in line.split())
            started.set()

        script = "sleep 1000 & echo $$ $!; wait"
        running = asyncio.create_task(
            run_child(["sh", "-c", script], limits=SOON, clock=CLOCK, on_line=on_line)
        )
        await started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

        assert not alive(pids[0])
        assert await gone(pids[1])

    loop(scene())


def test_what_a_child_leaves_behind_dies_with_it(loop: Loop) -> None:
    async def scene() -> None:
        lines: list[str] = []
        script = "sleep 1000 & echo $!; exit 0"
        ended = await run_child(["sh", "-c", script], limits=SOON, clock=CLOCK, on_line=lines.append)

        assert ended.ok
        assert await gone(int(lines[0]))

    loop(scene())


def test_an_escaped_grandchild_that_keeps_the_pipes_open_does_not_hold_us_up(loop: Loop) -> None:
    async def scene() -> None:
        lines: list[str] = []
        script = "setsid sleep 1000 & echo $!; exit 0"
        ended = await run_child(["sh", "-c", script], limits=SOON, clock=CLOCK, on_line=lines.append)
        os.kill(int(lines[0]), signal.SIGKILL)

        assert ended.ok

    loop(scene())


def test_an_exception_of_the_listener_kills_the_child_and_is_raised(loop: Loop) -> None:
    def on_line(line: str) -> None:
        raise ValueError(f"cannot read {line}")

    with pytest.raises(ValueError, match="cannot read x"):
        loop(run_child(["sh", "-c", "echo x; sleep 1000"], limits=SOON, clock=CLOCK, on_line=on_line))


def test_a_flood_of_errors_never_blocks_the_child_and_its_end_is_kept(loop: Loop) -> None:
    flood = python("import sys; sys.stderr.write('x' * 3_000_000 + 'the end')")

    ended: Finished = loop(run_child(flood, limits=SOON, clock=CLOCK))

    assert ended.ok
    assert len(ended.last_words) == LAST_WORDS_BYTES
    assert ended.last_words.endswith("xthe end")


def test_a_line_without_end_is_cut() -> None:
    lines: list[str] = []
    endless = python("import sys; sys.stdout.write('x' * 1_000_000 + '\\nshort')")

    asyncio.run(run_child(endless, limits=SOON, clock=CLOCK, on_line=lines.append))

    assert [len(line) for line in lines] == [LINE_BYTES, 5]


def test_a_child_knows_no_environment_but_the_least(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BIJOU_HOUSE_SERVICE_KEY", "hush")
    lines: list[str] = []

    asyncio.run(
        run_child(["env"], limits=SOON, clock=CLOCK, on_line=lines.append, cwd=tmp_path, env={"MORE": "1"})
    )

    scratch = str(tmp_path)
    given = dict(line.split("=", 1) for line in lines)
    assert given.pop("PATH")
    assert given == {"LANG": "C.UTF-8", "HOME": scratch, "TMPDIR": scratch, "MORE": "1"}


def test_a_child_reads_nothing_and_leads_its_own_session() -> None:
    lines: list[str] = []
    code = "import os, sys; print(sys.stdin.read() == '', os.getsid(0) == os.getpid(), os.nice(0))"

    asyncio.run(run_child(python(code), limits=SOON, clock=CLOCK, on_line=lines.append))

    assert lines == [f"True True {os.nice(0) + SOON.nice}"]


@pytest.mark.parametrize(
    ("code", "limits", "words"),
    [
        ("bytearray(2**30)", Limits(wall_s=20, memory_bytes=2**28), "MemoryError"),
        (
            "f = [open('/dev/null') for _ in range(99)]",
            Limits(wall_s=20, open_files=64),
            "Too many open files",
        ),
        (
            "open('f', 'wb', buffering=0).write(bytes(4096)) and open('f', 'ab', buffering=0).write(b'x')",
            Limits(wall_s=20, file_bytes=4096),
            "File too large",
        ),
    ],
    ids=["memory", "files", "length"],
)
def test_a_limit_ends_a_greedy_child(code: str, limits: Limits, words: str, tmp_path: Path) -> None:
    ended = asyncio.run(run_child(python(code), limits=limits, clock=CLOCK, cwd=tmp_path))

    assert ended.code != 0
    assert words in ended.last_words


def test_the_cpu_limit_ends_a_spinning_child_whose_time_is_told() -> None:
    ended = asyncio.run(run_child(python("while True: pass"), limits=Limits(wall_s=20, cpu_s=1), clock=CLOCK))

    assert ended.signal == signal.SIGXCPU
    assert 0.4 < ended.cpu_s < 2.1  # the kernel counts in ticks


def test_a_command_that_is_not_there_is_an_error_of_the_system(loop: Loop) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-command"):
        loop(run_child(["no-such-command"], limits=SOON, clock=CLOCK))


def test_many_children_at_once_are_told_apart(loop: Loop) -> None:
    async def scene() -> list[int]:
        runs = (run_child(["sh", "-c", f"exit {code}"], limits=SOON, clock=CLOCK) for code in range(20))
        return [ended.code for ended in await asyncio.gather(*runs)]

    assert loop(scene()) == list(range(20))
