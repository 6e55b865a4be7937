import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from bijou.encoding import EncodingLimits
from bijou.encoding.prober import Prober
from bijou.ports import BijouError, EngineUnavailable, InvalidRequest, SystemClock, VirtualClock
from bijou.runtime import confinement

CLOCK = SystemClock()
MISREADER = Path(__file__).with_name("misreader.py")
LIMITS = EncodingLimits(probe_wall_s=30, probe_memory_bytes=1024**3)

Loop = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Loop:
    chosen: Loop = request.param
    return chosen


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film"
    path.write_bytes(b"a film")
    return path


def bad(clock: VirtualClock | SystemClock = CLOCK) -> Prober:
    return Prober(limits=LIMITS, clock=clock, reader=MISREADER)


async def until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        await CLOCK.sleep(0.01)
    raise AssertionError("it never came")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def hanging(prober: Prober, film: Path) -> "tuple[asyncio.Task[Any], int]":
    """A reading that hangs, and the process that does it."""
    reading = asyncio.ensure_future(prober.facts(film, "hang"))
    await until(lambda: "hanging" in prober.last_words)
    return reading, int(prober.last_words.split()[1])


async def refusal(reading: Awaitable[Any]) -> BijouError:
    with pytest.raises(BijouError) as caught:
        await reading
    return caught.value


def test_one_process_waits_and_each_file_is_read_by_another(loop: Loop, film: Path) -> None:
    async def scene() -> None:
        async with bad() as prober:
            first = await prober.facts(film, "look")
            pid = prober.pid
            second = await prober.facts(film, "look")

            assert first == second
            assert (prober.pid, prober.started) == (pid, 1)
        assert pid
        assert not alive(pid)

    loop(scene())


def test_whoever_reads_a_file_can_do_nothing_else(film: Path) -> None:
    async def scene() -> str:
        async with bad() as prober:
            return (await prober.facts(film, "look")).problem

    escapes = [one for one in asyncio.run(scene()).split(", ") if one]

    if not confinement.available():
        pytest.skip("this kernel has no Landlock")
    assert [one for one in escapes if one != "signal its parent" or confinement.abi() >= 6] == []
    assert film.read_bytes() == b"a film"


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("segfault", "encoding.inspection_crashed", "SIGSEGV"),
        ("kill", "encoding.crashed", "SIGKILL"),
        ("bloat", "encoding.inspection_crashed", "more than 1024 MiB of memory"),
        ("flood", "encoding.inspection_crashed", "more to tell"),
        ("garble", "encoding.inspection_crashed", "no answer"),
        ("raise", "encoding.inspection_crashed", "exit code 1"),
    ],
)
def test_a_reader_that_breaks_is_replaced_and_the_next_file_is_read(
    how: str, code: str, words: str, film: Path
) -> None:
    async def scene() -> BijouError:
        async with bad() as prober:
            await prober.facts(film, "look")
            error = await refusal(prober.facts(film, how))
            assert prober.pid is None
            await prober.facts(film, "look")
            assert prober.started == 2
            return error

    error = asyncio.run(scene())

    assert (error.code, words in error.detail) == (code, True), error.detail
    assert isinstance(error, EngineUnavailable if how == "kill" else InvalidRequest)


def test_a_reader_that_hangs_is_ended_with_all_that_waited(film: Path) -> None:
    clock = VirtualClock()

    async def scene() -> None:
        async with bad(clock) as prober:
            reading, reader = await hanging(prober, film)
            waited = prober.pid
            clock.advance(LIMITS.probe_wall_s)

            assert (await refusal(reading)).code == "encoding.inspection_timed_out"
            assert waited
            await until(lambda: not alive(waited) and not alive(reader))
            await prober.facts(film, "look")

    asyncio.run(scene())


def test_a_reading_that_is_cancelled_leaves_nothing_behind(loop: Loop, film: Path) -> None:
    async def scene() -> None:
        async with bad() as prober:
            reading, reader = await hanging(prober, film)
            waited = prober.pid
            reading.cancel()
            await asyncio.wait([reading])

            assert waited
            await until(lambda: not alive(waited) and not alive(reader))
            await prober.facts(film, "look")

    loop(scene())


def test_a_waiting_process_that_was_killed_is_replaced_unnoticed(film: Path) -> None:
    async def scene() -> None:
        async with bad() as prober:
            await prober.facts(film, "look")
            assert prober.pid
            os.kill(prober.pid, signal.SIGKILL)

            await prober.facts(film, "look")

            assert prober.started == 2

    asyncio.run(scene())


def test_the_death_of_the_waiting_process_ends_its_reader_and_another_pair_reads_on(film: Path) -> None:
    async def scene() -> None:
        async with bad() as prober:
            reading, reader = await hanging(prober, film)
            assert prober.pid
            os.kill(prober.pid, signal.SIGKILL)

            await until(lambda: prober.started == 2 and "hanging" in prober.last_words)
            await until(lambda: not alive(reader))
            reading.cancel()
            await asyncio.wait([reading])

    asyncio.run(scene())


def test_a_machine_that_ends_every_process_that_waits_is_said_to_the_operator(film: Path) -> None:
    async def scene() -> BijouError:
        async with bad() as prober:
            reading, _ = await hanging(prober, film)
            for number in (1, 2):
                await until(lambda: prober.started == number and "hanging" in prober.last_words)  # noqa: B023
                assert prober.pid
                os.kill(prober.pid, signal.SIGKILL)
            return await refusal(reading)

    error = asyncio.run(scene())

    assert (type(error), error.code) == (EngineUnavailable, "encoding.crashed")


def test_a_second_file_waits_for_its_turn(film: Path) -> None:
    async def scene() -> None:
        async with bad() as prober:
            both = await asyncio.gather(prober.facts(film, "look"), prober.facts(film, "look"))

            assert both[0] == both[1]
            assert prober.started == 1

    asyncio.run(scene())


def test_a_reader_that_cannot_start_is_said_to_the_operator(film: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_this_name")

    async def scene() -> BijouError:
        async with Prober(limits=LIMITS, clock=CLOCK, reader=broken) as prober:
            return await refusal(prober.facts(film, "look"))

    error = asyncio.run(scene())

    assert (type(error), error.code) == (EngineUnavailable, "encoding.no_prober")
