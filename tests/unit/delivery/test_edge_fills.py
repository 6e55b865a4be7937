"""An edge that fills ahead, through its doors: who may order, what is planned from, what a restart keeps."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bijou.delivery import Fills, FillStanding, FillSummary, FillWish, Seals, TokenKey, TokenKeys
from bijou.delivery.fill_orders import FILL_PATH, HISTORY_PATH
from bijou.delivery.fill_planning import TICK_S
from bijou.delivery.filling.ledger import LedgerImage
from bijou.delivery.http import FILLING, STOCK
from bijou.delivery.sealed import SEAL_S
from bijou.delivery.stock import STOCK_PATH, Stock
from bijou.engines.files import FileBlobs
from bijou.ports import Instant, Role, VirtualClock
from bijou.runtime import codec
from tests.contract.delivery.scene import (
    REAL,
    Loop,
    Reply,
    ask,
    connected,
    edge,
    obedient_origin,
    origin,
    patiently,
)
from tests.unit.delivery.test_edge import statistics

HOUR, DAY = 3600, 86_400
NOON = Instant(1_700_049_600 * 1_000_000)
"""Some day at 12:00 UTC."""
FIRST, SECOND = (f"/media/ast_00000000-03e8-7226-b63c-5ab791b758{at:02x}" for at in (1, 2))
SIZE = 3000


def segment(title: str, number: int) -> str:
    return f"{title}/v360/{number:05}.m4s"


class Scene(msgspec.Struct):
    clock: VirtualClock
    seals: Seals
    port: int
    origin_port: int

    async def call(self, path: str, body: object = None, *, port: int = 0) -> Reply:
        """A call as services make it."""
        content = b"" if body is None else codec.encode(body)
        method = "GET" if body is None else "POST"
        return await self.say(method, path, content, self.seals.seal(method, path, content), port=port)

    async def say(self, method: str, path: str, content: bytes, seal: str, *, port: int = 0) -> Reply:
        async with connected(port or self.port) as client:
            head = f"{method} {path} HTTP/1.1\r\nHost: e\r\nBijou-Seal: {seal}\r\n"
            length = f"Content-Length: {len(content)}\r\n" if method == "POST" else ""
            await client.say(f"{head}{length}\r\n".encode() + content)
            return await client.reply()

    async def standing(self) -> FillStanding:
        return codec.decode((await self.call(FILL_PATH)).body, FillStanding)

    async def reaches(self, state: str) -> FillStanding:
        while (told := await self.standing()).state != state:
            await REAL.sleep(0.002)
        return told

    async def order(self, **wish: Any) -> FillSummary:
        reply = await self.call(FILL_PATH, FillWish(self.clock.now(), **wish))
        assert reply.status == 200, reply.body
        return codec.decode(reply.body, FillSummary)


async def publish(folder: Path, clock: VirtualClock, *titles: str, segments: int = 4) -> None:
    blobs = FileBlobs(folder / "blobs", clock)
    for title in titles:
        for number in range(1, segments + 1):
            await blobs.put(segment(title, number)[1:], bytes([number]) * SIZE)


@contextlib.asynccontextmanager
async def filling(
    folder: Path, clock: VirtualClock, *, hours: tuple[int, ...] = (), quiet: float = 0.6
) -> AsyncIterator[Scene]:
    """An origin and an edge that fills from it."""
    seals = Seals(TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock), clock)
    fills = Fills(folder / "filled", 1 << 20, seals, hours=hours, quiet=quiet, keep_free_bytes=0)
    async with (
        origin(folder / "blobs", clock, seals=seals) as origin_port,
        edge(origin_port, clock, fills=fills) as port,
    ):
        yield Scene(clock, seals, port, origin_port)


def test_what_is_filled_is_served_as_from_disk_without_asking_the_origin(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        await publish(tmp_path, clock, FIRST)
        async with filling(tmp_path, clock) as scene:
            assert (await ask(scene.port, segment(FIRST, 1))).fields["x-cache"] == "fill"
            summary = await scene.order(for_s=3600)
            told = await scene.reaches("done")
            before = await statistics(scene.port)
            replies = [await ask(scene.port, segment(FIRST, number)) for number in (2, 3, 4)]
            after = await statistics(scene.port)
            told_after = await scene.standing()

        assert (summary.objects, summary.fetches, summary.titles) == (4, 4, (1, 1))
        assert summary.expected_share == pytest.approx(1.0)
        assert (told.wanted, told.here, told.fetched) == (4, 4, 3)  # the first was here already
        assert before["fetched_bytes"]["ahead"] == 3 * SIZE
        assert [reply.fields["x-cache"] for reply in replies] == ["disk"] * 3
        assert [reply.body for reply in replies] == [bytes([number]) * SIZE for number in (2, 3, 4)]
        assert after["origin_fetches"] == before["origin_fetches"]
        assert (after["filled_hits"], after["filled_hit_bytes"]) == (3, 3 * SIZE)
        assert (told_after.hits, told_after.hit_bytes) == (3, 3 * SIZE)

    loop(patiently(played()))


@pytest.mark.parametrize("path", [FILL_PATH, HISTORY_PATH])
def test_no_call_is_answered_without_a_fresh_seal_of_its_own_and_each_refusal_is_counted(
    loop: Loop, tmp_path: Path, path: str
) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        async with filling(tmp_path, clock) as scene:
            elsewhere = Seals(TokenKeys(lambda: [TokenKey("k1", bytes([1]) * 32)], clock), clock)
            stolen = scene.seals.seal("GET", "/elsewhere")
            old = scene.seals.seal("GET", path)
            bare = await ask(scene.port, path)
            forged = [
                await scene.say("GET", path, b"", seal)
                for seal in (elsewhere.seal("GET", path), stolen, "k1", "k1.zz.aa", "\xe9")
            ]
            clock.advance(SEAL_S + 1)
            late = await scene.say("GET", path, b"", old)
            refused = (await statistics(scene.port))["refused"]

        assert (bare.status, bare.problem.code) == (403, "delivery.seal_missing")
        assert {(reply.status, reply.problem.code) for reply in forged} == {(403, "delivery.seal_forged")}
        assert (late.status, late.problem.code) == (403, "delivery.seal_old")
        assert refused == {
            "delivery.seal_missing": 1, "delivery.seal_forged": 5, "delivery.seal_old": 1,
        }  # fmt: skip

    loop(patiently(played()))


def test_an_orders_seal_is_of_its_body(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        async with filling(tmp_path, clock) as scene:
            honest, other = (codec.encode(FillWish(clock.now(), for_s=60, rate_bps=rate)) for rate in (1, 2))
            reply = await scene.say("POST", FILL_PATH, other, scene.seals.seal("POST", FILL_PATH, honest))
            told = await scene.standing()

        assert (reply.status, reply.problem.code, told.state) == (403, "delivery.seal_forged", "watching")

    loop(patiently(played()))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no order"),
        (b"[]", "no order"),
        (b'{"made_at": "now"}', "no order"),
        (b'{"made_at": 7}', "no order"),
        (b'{"made_at": "2023-11-15T12:00:00Z", "for_s": -1}', "none is below 0"),
        (b'{"made_at": "2023-11-15T12:00:00Z", "rate_bps": 99999999999999}', "at most 1 Tb/s"),
    ],
)
def test_what_is_no_order_is_refused_in_one_sentence(
    loop: Loop, tmp_path: Path, body: bytes, says: str
) -> None:
    async def played() -> None:
        async with filling(tmp_path, VirtualClock(NOON)) as scene:
            reply = await scene.say("POST", FILL_PATH, body, scene.seals.seal("POST", FILL_PATH, body))

        assert (reply.status, reply.problem.code) == (422, "delivery.bad_fill")
        assert says in reply.problem.detail

    loop(patiently(played()))


def test_an_order_that_is_older_than_the_one_in_force_is_refused(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        await publish(tmp_path, clock, FIRST)
        async with filling(tmp_path, clock) as scene:
            old = FillWish(clock.now(), for_s=60)
            clock.advance(10)
            await scene.order(for_s=3600)
            again = await scene.call(FILL_PATH, old)
            early = await scene.call(FILL_PATH, FillWish(Instant(clock.now() + HOUR * 1_000_000), for_s=60))

        assert [reply.problem.code for reply in (again, early)] == ["delivery.fill_order_old"] * 2

    loop(patiently(played()))


def test_an_order_from_a_clock_that_was_set_back_since_holds_up_nobody(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        later = VirtualClock(Instant(NOON + 400 * DAY * 1_000_000))
        async with filling(tmp_path, later) as scene:
            await scene.order(for_s=60)
        clock = VirtualClock(NOON)
        await publish(tmp_path, clock, FIRST)
        async with filling(tmp_path, clock) as scene:
            await ask(scene.port, segment(FIRST, 1))
            summary = await scene.order(for_s=3600)

        assert summary.objects == 4

    loop(patiently(played()))


def test_a_plan_that_is_only_looked_at_fetches_nothing(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        await publish(tmp_path, clock, FIRST)
        async with filling(tmp_path, clock) as scene:
            await ask(scene.port, segment(FIRST, 1))
            summary = await scene.order(for_s=3600, tries=True)
            told = await scene.standing()

        assert (summary.fetches, summary.carried_out, told.state, told.wanted) == (4, False, "watching", 0)

    loop(patiently(played()))


def test_nothing_is_planned_by_demand_before_a_day_was_watched(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        await publish(tmp_path, clock, FIRST)
        async with filling(tmp_path, clock) as scene:
            clock.advance(6 * HOUR)
            reply = await scene.call(FILL_PATH, FillWish(clock.now()))

        assert (reply.status, reply.problem.code) == (409, "delivery.fill_too_early")
        assert "watched for 6.0 h" in reply.problem.detail

    loop(patiently(played()))


def test_an_edge_plans_by_itself_at_its_hours_and_fetches_when_it_is_quiet(
    loop: Loop, tmp_path: Path
) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        await publish(tmp_path, clock, FIRST)
        async with filling(tmp_path, clock, hours=(1,), quiet=0.3) as scene:
            for _ in range(10):  # from noon to ten
                for _ in range(4):
                    await ask(scene.port, segment(FIRST, 1))
                clock.advance(HOUR)
            clock.advance(14 * HOUR + 60)  # it has watched for a day; the hour of one has passed in it
            told = await scene.standing()
            while told.order_at_s == 0:
                clock.advance(60)
                await REAL.sleep(0.01)
                told = await scene.standing()
            planned_at_s = told.order_at_s
            windows = told.windows
            assert told.fetched == 0  # it is noon, and busy
            while told.state != "done":
                clock.advance(HOUR / 2)
                await REAL.sleep(0.01)
                told = await scene.standing()
            fetched_at_s = clock.now() / 1e6

        noon_s = NOON / 1e6 + DAY
        assert noon_s <= planned_at_s <= noon_s + 3 * HOUR
        assert all(start - noon_s >= 9 * HOUR for start, _ in windows)
        assert told.fetched == 3
        assert fetched_at_s >= windows[0][0]

    loop(patiently(played()))


def test_what_was_asked_for_survives_a_restart_and_is_handed_out(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        await publish(tmp_path, clock, FIRST, SECOND)
        async with filling(tmp_path, clock) as scene:
            for number in (1, 2, 1):
                await ask(scene.port, segment(FIRST, number))
            for path in (segment(FIRST, 1), segment(SECOND, 1)):
                await ask(scene.port, path, "HEAD")  # nobody watches a HEAD, of what is here or not
            await ask(scene.port, segment(SECOND, 9))  # nor what is not there
        clock.advance(HOUR)
        async with filling(tmp_path, clock) as scene:
            await ask(scene.port, segment(FIRST, 1))
            told = codec.decode((await scene.call(HISTORY_PATH)).body, LedgerImage)

        hour = NOON // 1_000_000 // HOUR
        (hours,) = told.starts.values()
        assert list(told.starts) == [FIRST]
        assert (told.since_s, hours[hour], sum(hours.values())) == (NOON / 1e6, 2, 3)
        assert told.positions == [3.0, 1.0]

    loop(patiently(played()))


def test_a_killed_process_has_lost_a_minute_of_what_was_asked_for(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        await publish(tmp_path, clock, FIRST)
        note = tmp_path / "filled" / "ledger.json"
        async with filling(tmp_path, clock) as scene:
            await ask(scene.port, segment(FIRST, 1))
            while not note.exists():
                clock.advance(TICK_S)
                await REAL.sleep(0.002)
            kept = msgspec.json.decode(note.read_bytes(), type=LedgerImage)

        assert list(kept.starts) == [FIRST]

    loop(patiently(played()))


def test_what_is_asked_for_is_kept_each_minute_though_the_clock_was_set_back(
    loop: Loop, tmp_path: Path
) -> None:
    note = tmp_path / "filled" / "ledger.json"

    async def kept(clock: VirtualClock, *, starts: int) -> None:
        async with filling(tmp_path, clock) as scene:
            for number in range(1, starts + 1):
                await ask(scene.port, segment(FIRST, 1))
                for _ in range(1000):
                    clock.advance(TICK_S)
                    await REAL.sleep(0.002)
                    told = msgspec.json.decode(note.read_bytes(), type=LedgerImage) if note.exists() else None
                    if told and told.begun[FIRST].times >= number:
                        break
                else:
                    pytest.fail(f"the start of number {number} was not kept")

    async def played() -> None:
        await publish(tmp_path, VirtualClock(NOON), FIRST)
        async with filling(tmp_path, VirtualClock(Instant(NOON + 400 * DAY * 1_000_000))) as scene:
            await ask(scene.port, segment(FIRST, 1))
        await kept(VirtualClock(NOON), starts=3)

    loop(patiently(played()))


def test_an_origin_tells_its_stock_to_who_proves_itself_and_to_nobody_else(
    loop: Loop, tmp_path: Path
) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        await publish(tmp_path, clock, FIRST, SECOND, segments=3)
        async with filling(tmp_path, clock) as scene:
            told = codec.decode((await scene.call(STOCK_PATH, port=scene.origin_port)).body, Stock)
            bare = await ask(scene.origin_port, STOCK_PATH)
            at_edge = await scene.call(STOCK_PATH)

        assert [title.name for title in told.titles] == [FIRST, SECOND]
        assert [title.available_at_s for title in told.titles] == pytest.approx([NOON / 1e6] * 2)
        assert [(each.name, each.sizes_bytes) for each in told.titles[0].renditions] == [("v360", [SIZE] * 3)]
        assert (bare.status, bare.problem.code, at_edge.status) == (403, "delivery.seal_missing", 404)

    loop(patiently(played()))


def test_an_origin_that_says_nothing_of_its_stock_leaves_the_order_in_force(
    loop: Loop, tmp_path: Path
) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        seals = Seals(TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock), clock)
        fills = Fills(tmp_path / "filled", 1 << 20, seals, hours=(), keep_free_bytes=0)
        async with obedient_origin() as (told, origin_port), edge(origin_port, clock, fills=fills) as port:
            scene = Scene(clock, seals, port, origin_port)
            ordering = asyncio.ensure_future(scene.call(FILL_PATH, FillWish(clock.now(), for_s=60)))
            path, writer = await told.asked.get()
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            reply = await ordering
            standing = await scene.standing()

        assert (path, reply.status, reply.problem.code) == (STOCK_PATH, 503, "delivery.no_stock")
        assert b"Bijou-Seal: k1." in told.heads[0]
        assert standing.state == "watching"

    loop(patiently(played()))


def test_every_request_on_one_connection_is_counted(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        await publish(tmp_path, clock, FIRST)
        async with filling(tmp_path, clock) as scene, connected(scene.port) as client:
            for _ in range(5):
                assert (await client.ask(segment(FIRST, 1))).status == 200
            told = codec.decode((await scene.call(HISTORY_PATH)).body, LedgerImage)

        assert told.positions == [5.0]

    loop(patiently(played()))


def test_the_table_of_routes_holds_what_is_answered_and_to_whom(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        async with filling(tmp_path, clock) as scene:
            there = [(row, scene.port) for row in FILLING] + [(row, scene.origin_port) for row in STOCK]
            for row, port in there:
                body = FillWish(clock.now(), for_s=60) if row.takes else None
                content = codec.encode(body) if body else b""
                told = await scene.call(row.path, body, port=port)
                refused = await scene.say(row.method, row.path, content, "", port=port)
                assert (told.status, refused.status, row.role) == (200, 403, Role.SERVICE)
                codec.decode(told.body, row.gives)

    loop(patiently(played()))


def test_an_edge_that_fills_nothing_has_no_such_door(loop: Loop, tmp_path: Path) -> None:
    async def played() -> None:
        clock = VirtualClock(NOON)
        seals = Seals(TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock), clock)
        async with origin(tmp_path, clock) as origin_port, edge(origin_port, clock) as port:
            replies = [
                await ask(port, path, Bijou_Seal=seals.seal("GET", path)) for path in (FILL_PATH, STOCK_PATH)
            ]

        assert [reply.status for reply in replies] == [404, 404]

    loop(patiently(played()))
