"""A crowd that waits for one object is served a few at a time, all of it."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from bijou.delivery.answers import media_head
from bijou.delivery.fill import ROUSED, Fill
from bijou.delivery.model import BodyCut, Miss, Representation
from bijou.delivery.origin import Origin
from bijou.delivery.selection import Selection
from bijou.delivery.server import Server
from bijou.delivery.turns import TURN, Turns
from bijou.engines.files import FileBlobs
from bijou.ports import Instant, NotFound, VirtualClock
from tests.contract.delivery.scene import REAL

WHAT = Representation("/media/a/1.m4s", 10, '"e"')
CROWD = 3 * ROUSED + 7


class Crowd:
    """Many who wait for one fetch, and the order in which they heard of it."""

    def __init__(self) -> None:
        self.fill = Fill(WHAT.path, Miss.COLD, lambda _fill: None)
        self.heard: list[int | str] = []
        self.tasks = [asyncio.ensure_future(self._wait(number)) for number in range(CROWD)]

    async def _wait(self, number: int) -> None:
        try:
            await self.fill.opened()
            await self.fill.ready(0)
        except (NotFound, BodyCut) as error:
            self.heard.append(type(error).__name__)
        else:
            self.heard.append(number)

    async def turns(self) -> list[int]:
        """How many had heard of it after each turn of the loop, until all have."""
        counts = [len(self.heard)]
        while counts[-1] < CROWD:
            await REAL.sleep(0)
            counts.append(len(self.heard))
        return counts


def test_a_crowd_is_woken_a_few_at_a_time_in_the_order_in_which_it_came() -> None:
    async def scene() -> None:
        crowd = Crowd()
        await REAL.sleep(0)
        crowd.fill.open(WHAT)
        crowd.fill.append(b"0123456789")
        counts = await crowd.turns()

        assert crowd.heard == list(range(CROWD))
        assert max(after - before for before, after in pairwise(counts)) <= ROUSED

    asyncio.run(scene())


def test_nobody_reads_a_second_piece_before_everybody_has_the_first() -> None:
    async def scene() -> None:
        crowd = Crowd()
        again: list[int] = []

        async def read_on(number: int) -> None:
            await crowd.fill.opened()
            await crowd.fill.ready(1)
            again.append(len(crowd.heard))

        readers = [asyncio.ensure_future(read_on(number)) for number in range(ROUSED)]
        await REAL.sleep(0)
        crowd.fill.open(WHAT)
        crowd.fill.append(b"0")
        for _ in range(2):
            await REAL.sleep(0)
        crowd.fill.append(b"1")
        await asyncio.wait([*crowd.tasks, *readers])

        assert again == [CROWD] * ROUSED

    asyncio.run(scene())


def test_all_of_a_crowd_hear_of_a_failure_also_those_who_were_being_woken() -> None:
    async def scene() -> None:
        crowd = Crowd()
        await REAL.sleep(0)
        crowd.fill.open(WHAT)
        for _ in range(3):
            await REAL.sleep(0)
        crowd.fill.fail(NotFound("delivery.no_media", "it is gone"))
        crowd.tasks[-1].cancel()
        await asyncio.wait(crowd.tasks)

        assert crowd.heard == ["BodyCut"] * (CROWD - 1)

    asyncio.run(scene())


class Viewer:
    """A connection that notes when it is read."""

    def __init__(self, name: int, read: list[int]) -> None:
        self.name, self.read = name, read

    def proceed(self) -> None:
        self.read.append(self.name)


def test_of_a_crowd_that_asks_at_once_a_few_are_read_in_each_turn_in_the_order_in_which_they_came() -> None:
    soon: list[Callable[[], None]] = []
    read: list[int] = []
    turns, counts = Turns(soon.append), []
    for name in range(3 * TURN + 5):
        viewer = Viewer(name, read)
        if turns.takes(viewer):
            viewer.proceed()
    while soon:
        counts.append(len(read))
        soon.pop()()

    assert read == list(range(3 * TURN + 5))
    assert counts == [TURN, 2 * TURN, 3 * TURN, 3 * TURN + 5]


def test_who_comes_while_a_crowd_is_read_waits_behind_it() -> None:
    soon: list[Callable[[], None]] = []
    read: list[int] = []
    turns = Turns(soon.append)
    for name in range(2 * TURN):
        turns.takes(Viewer(name, read))
    soon.pop()()
    late = turns.takes(Viewer(-1, read))
    while soon:
        soon.pop()()

    assert not late
    assert read == [*range(TURN, 2 * TURN), -1]


class Clumsy:
    """A connection on which something breaks."""

    def proceed(self) -> None:
        raise RuntimeError("it broke")


def test_a_connection_that_breaks_leaves_nobody_waiting_for_ever() -> None:
    soon: list[Callable[[], None]] = []
    read: list[int] = []
    turns = Turns(soon.append)
    for _ in range(TURN):
        assert turns.takes(Clumsy())
    turns.takes(Clumsy())
    turns.takes(Viewer(1, read))
    with pytest.raises(RuntimeError):
        soon.pop(0)()
    while soon:
        soon.pop(0)()

    assert read == [1]
    assert turns.takes(Viewer(2, read))


class Plug(asyncio.Transport):
    """A peer whose bytes are handed over by the test; notes whether it would be read."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True
        self.sent = b""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Take any."""

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def close(self) -> None:
        """Nothing is open."""


def test_who_waits_for_its_turn_waits_once_and_is_not_read_meanwhile_however_much_it_sends(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        clock, read = VirtualClock(), list[int]()
        server = Server(Origin(FileBlobs(tmp_path, clock), clock), clock, idle_s=30, connections=9)
        for name in range(TURN):
            server.turns.takes(Viewer(name, read))
        plug, connection = Plug(), server.connection()
        connection.connection_made(plug)
        for part in (b"GET /healthz HTTP/1.1\r\nHost: ", *[b"e"] * TURN):
            connection.data_received(part)
        server.turns.takes(Viewer(-1, read))

        assert not plug.reading
        await REAL.sleep(0)
        assert read == [-1]
        assert plug.reading

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("microseconds", "shown"), [(0, b"00:00:00"), (999_999, b"00:00:00"), (1_000_000, b"00:00:01")]
)
def test_a_head_that_a_crowd_shares_is_of_the_second(microseconds: int, shown: bytes) -> None:
    media_head(WHAT, Selection(200, 0, 10), Instant(0))
    head = media_head(WHAT, Selection(200, 0, 10), Instant(microseconds))

    assert b"Date: Thu, 01 Jan 1970 " + shown in head
