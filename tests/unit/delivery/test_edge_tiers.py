"""What stands between an edge's memory and its origin: disk, staleness, shields, tokens, and its refusals."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bijou.delivery.answers import STALE_S
from bijou.delivery.connection import SLOW_AFTER_S
from bijou.delivery.model import LIVE_S
from bijou.delivery.shields import SICK_S
from bijou.delivery.slots import SlotTable, slot_of
from bijou.delivery.tokens import Grant, Route, TokenKey, TokenKeys
from bijou.engines.files import FileBlobs
from bijou.ports import VirtualClock
from tests.contract.delivery.scene import (
    HOST,
    Client,
    Loop,
    ask,
    connected,
    edge,
    head_of,
    obedient_origin,
    origin,
    patiently,
)
from tests.unit.delivery.test_edge import statistics

ASSET = "ast_00000000-03e8-7226-b63c-5ab791b7584a"
SEGMENT = f"/media/{ASSET}/v360/00001.m4s"
LIVE = f"/media/{ASSET}/live/v360.m3u8"
BODY = bytes(range(256)) * 200


async def publish(folder: Path, clock: VirtualClock, *paths: str, body: bytes = BODY) -> None:
    blobs = FileBlobs(folder, clock)
    for path in paths:
        await blobs.put(path.removeprefix("/"), body)


def test_what_made_room_in_memory_comes_from_disk_and_not_from_the_origin(loop: Loop, tmp_path: Path) -> None:
    paths = [f"/media/{ASSET}/v360/{number:05}.m4s" for number in range(8)]

    async def scene() -> None:
        clock = VirtualClock()
        await publish(tmp_path / "blobs", clock, *paths)
        async with origin(tmp_path / "blobs", clock) as origin_port:
            more: dict[str, Any] = {"cache_bytes": 4 * (len(BODY) + 1024), "disk": tmp_path / "edge"}
            async with edge(origin_port, clock, disk_bytes=1 << 24, **more) as port:
                for path in paths:
                    assert (await ask(port, path)).body == BODY
                while (await statistics(port))["disk_objects"] < 4:
                    pass
                again = [await ask(port, path) for path in (*reversed(paths), *paths[:1])]
                counted = await statistics(port)
            async with edge(origin_port, clock, disk_bytes=1 << 24, **more) as port:
                after_restart = await ask(port, paths[0])

        assert [reply.body for reply in again] == [BODY] * 9
        assert {reply.fields["x-cache"] for reply in again} == {"hit", "disk"}
        assert (counted["origin_fetches"], counted["disk_hits"] >= 4) == (8, True)
        assert (after_restart.body, after_restart.fields["x-cache"]) == (BODY, "disk")

    loop(patiently(scene()))


def test_a_growing_playlist_is_asked_for_anew_and_a_304_keeps_its_bytes(loop: Loop) -> None:
    async def scene() -> None:
        clock = VirtualClock()
        async with obedient_origin() as (told, origin_port), edge(origin_port, clock) as port:
            first = asyncio.ensure_future(ask(port, LIVE))
            _, writer = await told.asked.get()
            writer.write(head_of(3) + b"one")
            assert (await first).body == b"one"
            assert (await ask(port, LIVE)).fields["x-cache"] == "hit"
            clock.advance(LIVE_S)
            second = asyncio.ensure_future(ask(port, LIVE))
            _, writer = await told.asked.get()
            writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "e"\r\n\r\n')
            reply = await second
            held = await ask(port, LIVE)

        assert b'If-None-Match: "e"' in told.heads[1]
        assert (reply.body, reply.fields["x-cache"]) == (b"one", "revalidated")
        assert (held.body, held.fields["x-cache"], len(told.paths)) == (b"one", "hit", 2)

    loop(patiently(scene()))


@pytest.mark.parametrize("fault", ["error", "silence", "cut"])
def test_a_growing_playlist_is_shown_stale_for_half_a_minute_where_the_origin_fails(
    loop: Loop, fault: str
) -> None:
    async def scene() -> None:
        clock = VirtualClock()
        async with obedient_origin() as (told, origin_port), edge(origin_port, clock) as port:
            first = asyncio.ensure_future(ask(port, LIVE))
            _, writer = await told.asked.get()
            writer.write(head_of(3) + b"one")
            await first

            async def again() -> tuple[int, str]:
                asking = asyncio.ensure_future(ask(port, LIVE))
                _, writer = await told.asked.get()
                if fault == "error":
                    writer.write(head_of(0, status="500 No"))
                elif fault == "cut":
                    writer.close()
                while not asking.done():
                    await asyncio.wait({asking}, timeout=0.01)
                    clock.advance(0.4)
                reply = await asking
                return reply.status, reply.fields.get("x-cache", "")

            clock.advance(LIVE_S)
            assert await again() == (200, "stale")
            clock.advance(LIVE_S + STALE_S)
            status, _ = await again()
            assert status in {502, 504}
            assert (await statistics(port))["stale_hits"] == 1

    loop(patiently(scene()))


@contextlib.asynccontextmanager
async def two_shields(
    folder: Path, clock: VirtualClock, keys: TokenKeys | None = None
) -> AsyncIterator[tuple[int, list[int], int]]:
    """An origin, two shields, and an edge that asks them."""
    async with (
        origin(folder, clock) as origin_port,
        edge(origin_port, clock, keys=keys) as one,
        edge(origin_port, clock, keys=keys) as other,
    ):
        urls = [f"http://{HOST}:{port}" for port in (one, other)]
        async with edge(origin_port, clock, shields=urls, keys=keys) as port:
            yield port, [one, other], origin_port


def test_each_object_is_asked_of_its_shield_and_of_no_other(loop: Loop, tmp_path: Path) -> None:
    paths = [f"/media/ast_{number:012x}/v1/00001.m4s" for number in range(0, 4096, 300)]

    async def scene() -> None:
        clock = VirtualClock()
        await publish(tmp_path, clock, *paths)
        keys = TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock)
        token = keys.sign(Grant("", 600))
        async with two_shields(tmp_path, clock, keys) as (port, shields, _):
            for path in paths:
                assert (await ask(port, f"{path}?token={token}")).body == BODY
            fetched = [(await statistics(shield))["fills"] for shield in shields]
            urls = [f"http://{HOST}:{shield}" for shield in shields]

        table = SlotTable(dict.fromkeys(urls, 1.0))
        assert fetched == [sum(table.nodes(slot_of(path))[0] == url for path in paths) for url in urls]
        assert min(fetched) > 0

    loop(patiently(scene()))


def test_a_shield_that_fails_is_passed_over_for_a_moment(loop: Loop, tmp_path: Path) -> None:
    paths = [f"/media/ast_{number:012x}/v1/00001.m4s" for number in range(20)]

    async def scene() -> None:
        clock = VirtualClock()
        await publish(tmp_path, clock, *paths)
        async with obedient_origin() as (sick, sick_port), origin(tmp_path, clock) as origin_port:
            url = f"http://{HOST}:{sick_port}"
            async with edge(origin_port, clock, shields=[url]) as port:
                asking = asyncio.ensure_future(ask(port, paths[0]))
                _, writer = await sick.asked.get()
                writer.write(head_of(0, status="503 No"))
                assert (await asking).body == BODY
                assert (await ask(port, paths[1])).body == BODY
                assert len(sick.paths) == 1
                clock.advance(SICK_S)
                asking = asyncio.ensure_future(ask(port, paths[2]))
                _, writer = await sick.asked.get()
                writer.write(head_of(len(BODY)) + BODY)
                assert (await asking).body == BODY
                assert sick.paths == [paths[0], paths[2]]

    loop(patiently(scene()))


def test_an_edge_that_is_its_own_shield_does_not_wait_for_itself(loop: Loop, tmp_path: Path) -> None:
    async def scene() -> None:
        clock = VirtualClock()
        await publish(tmp_path, clock, SEGMENT)
        async with origin(tmp_path, clock) as origin_port, edge(origin_port, clock) as port:
            reply = await ask(port, SEGMENT, CDN_Loop="east, other")
            async with edge(origin_port, clock, shields=[f"http://{HOST}:{port}"]) as outer:
                through = await ask(outer, SEGMENT)

        assert (reply.body, through.body) == (BODY, BODY)

    loop(patiently(scene()))


def test_why_bytes_came_from_elsewhere_is_counted(loop: Loop, tmp_path: Path) -> None:
    paths = [f"/media/{ASSET}/v360/{number:05}.m4s" for number in range(6)]

    async def scene() -> None:
        clock = VirtualClock()
        await publish(tmp_path, clock, *paths)
        keys = TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock)

        def token(home: str, route: Route = Route.SESSION) -> str:
            return keys.sign(Grant(ASSET, 600, home=home, route=route))

        room = 4 * (len(BODY) + 1024)
        async with (
            origin(tmp_path, clock) as origin_port,
            edge(origin_port, clock, keys=keys, cache_bytes=room) as port,
        ):
            for path in paths:
                await ask(port, f"{path}?token={token('east')}")
            gone = paths[-1]
            for path in paths:
                await ask(port, f"{path}?token={token('east')}", "HEAD")  # makes nothing cold
            for path in paths:
                reply = await ask(port, f"{path}?token={token('east')}")
                gone = path if reply.fields["x-cache"] == "fill" else gone
            before = (await statistics(port))["fetched_bytes"]
            cold = f"/media/{ASSET}/v720/00001.m4s"
            steered = f"/media/{ASSET}/v720/00002.m4s"
            await publish(tmp_path, clock, cold, steered)
            await ask(port, f"{cold}?token={token('west')}")
            await ask(port, f"{steered}?token={token('west', Route.STEERED)}")
            counted = (await statistics(port))["fetched_bytes"]
            refused = await ask(port, gone)
            codes = (await statistics(port))["refused"]

        assert (before["cold"], before["capacity"] >= len(BODY)) == (6 * len(BODY), True)
        assert (counted["health"], counted["steering"]) == (len(BODY), len(BODY))
        assert (refused.status, codes) == (403, {"delivery.token_missing": 1})

    loop(patiently(scene()))


def test_a_nearly_full_edge_begins_no_sessions_and_serves_those_that_play(loop: Loop, tmp_path: Path) -> None:
    start = f"/media/{ASSET}/master.m3u8"

    async def scene() -> None:
        clock = VirtualClock()
        await publish(tmp_path, clock, SEGMENT, start)
        async with origin(tmp_path, clock) as origin_port, edge(origin_port, clock, connections=10) as port:
            async with contextlib.AsyncExitStack() as stack:
                clients: list[Client] = [await stack.enter_async_context(connected(port)) for _ in range(10)]
                playing = [await client.ask(SEGMENT) for client in clients]
                turned_away = await clients[0].ask(start)
                playing.append(await clients[0].ask(SEGMENT))

            async def begun() -> bool:
                return (await ask(port, start)).status == 200

            while not await begun():
                pass
            counted = await statistics(port)

        assert {reply.status for reply in playing} == {200}
        assert (turned_away.status, turned_away.problem.code) == (503, "delivery.no_new_sessions")
        assert turned_away.fields["retry-after"] == "2"
        assert counted["shed"] >= 1

    loop(patiently(scene()))


def test_who_reads_too_slowly_to_be_watching_is_let_go(loop: Loop, tmp_path: Path) -> None:
    async def scene() -> None:
        clock = VirtualClock()
        await publish(tmp_path, clock, SEGMENT, body=bytes(16 << 20))
        async with (
            origin(tmp_path, clock) as origin_port,
            edge(origin_port, clock, cache_bytes=1 << 27) as port,
        ):
            await ask(port, SEGMENT)
            async with connected(port, limit=1 << 12) as client:
                await client.say(f"GET {SEGMENT} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
                await client.head()
                clock.advance(SLOW_AFTER_S * 4000)

                async def ended() -> bool:
                    clock.advance(1)
                    return bool((await statistics(port))["slow"])

                while not await ended():
                    pass

            counted = await statistics(port)

        assert counted["slow"] == 1

    loop(patiently(scene()))


def test_what_another_caches_client_may_have_is_told_without_media(loop: Loop, tmp_path: Path) -> None:
    async def scene() -> None:
        clock = VirtualClock()
        await publish(tmp_path, clock, SEGMENT)
        keys = TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock)
        token = keys.sign(Grant(ASSET, 600))
        async with origin(tmp_path, clock, keys=keys) as port:
            yes = await ask(port, f"/allowed{SEGMENT}?token={token}")
            no = await ask(port, f"/allowed/media/ast_2/any?token={token}")
            media = await ask(port, SEGMENT)
        async with origin(tmp_path, clock) as port:
            anybody = await ask(port, f"/allowed{SEGMENT}")

        assert [reply.status for reply in (yes, no, media, anybody)] == [204, 403, 200, 204]

    loop(patiently(scene()))


def test_signed_playlists_are_the_plain_ones_with_the_token_handed_on(loop: Loop, tmp_path: Path) -> None:
    plain = f"/media/{ASSET}/master.m3u8"

    async def scene() -> None:
        clock = VirtualClock()
        await publish(tmp_path, clock, plain, body=b"#EXTM3U\nv1/media.m3u8\n")
        async with origin(tmp_path, clock) as origin_port, edge(origin_port, clock) as port:
            replies = [
                await ask(port, f"/media/{ASSET}/master.signed.m3u8?token={token}") for token in ("a", "b")
            ]
            missing = await ask(port, f"/media/{ASSET}/none.signed.m3u8")
            known = await ask(
                port, f"/media/{ASSET}/master.signed.m3u8", If_None_Match=replies[0].fields["etag"]
            )

        assert {reply.body for reply in replies} == {
            b'#EXTM3U\n#EXT-X-VERSION:11\n#EXT-X-DEFINE:QUERYPARAM="token"\nv1/media.signed.m3u8?token={$token}\n'
        }
        assert [reply.fields["x-cache"] for reply in replies] == ["fill", "hit"]
        assert replies[0].fields["content-type"] == "application/vnd.apple.mpegurl"
        assert (missing.status, known.status) == (404, 304)

    loop(patiently(scene()))
