"""Steering as an edge answers it: over sockets, with edges that really die."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

from bijou.delivery import (
    Pathway,
    Pathways,
    Patience,
    Standing,
    States,
    Steerer,
    TokenKey,
    TokenKeys,
    serve_steering,
)
from bijou.delivery.http import STEERING
from bijou.engines.files import FileBlobs
from bijou.ports import VirtualClock
from tests.contract.delivery.conftest import PUBLISHED_AT
from tests.contract.delivery.scene import (
    HOST,
    REAL,
    Client,
    Loop,
    Reply,
    ask,
    connected,
    edge,
    origin,
    patiently,
    serving,
)

NOW_S = PUBLISHED_AT // 1_000_000


class Steered:
    """One edge that steers, and the two regions that it steers between."""

    def __init__(self, port: int, states: States, pathways: Pathways, clock: VirtualClock) -> None:
        self.port, self.states, self.pathways, self.clock = port, states, pathways, clock
        self.kills: dict[str, contextlib.AsyncExitStack] = {}

    def address(self, home: str = "east", session: str = "ses_1") -> str:
        standing = Standing(session, home, home, NOW_S + 3600, "ast_1")
        return f"/steer/{self.states.write(standing)}"

    async def asked(self, path: str, current: str = "east") -> dict[str, Any]:
        reply = await ask(self.port, f"{path}?_HLS_pathway=%22{current}%22&_HLS_throughput=5000000")
        assert reply.status == 200, reply.body
        answer: dict[str, Any] = msgspec.json.decode(reply.body)
        return answer

    async def pass_time(self, seconds: int) -> None:
        for _ in range(seconds * 10):
            await REAL.sleep(0.01)  # real sockets need real moments: 80 ms until a probe is given up
            self.clock.advance(0.1)


@contextlib.asynccontextmanager
async def steered(folder: Path) -> AsyncIterator[Steered]:
    clock = VirtualClock(PUBLISHED_AT)
    keys = TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock)
    async with contextlib.AsyncExitStack() as stack:
        source = await stack.enter_async_context(origin(folder))
        kills = {
            region: await stack.enter_async_context(contextlib.AsyncExitStack())
            for region in ("east", "west")
        }
        ports = {region: await kill.enter_async_context(edge(source)) for region, kill in kills.items()}
        pathways = Pathways(
            [Pathway(region, f"http://{HOST}:{port}") for region, port in ports.items()],
            clock,
            Patience(hold_s=5, ramp_s=10),
        )
        steerer = Steerer(pathways, keys, clock)
        port = await stack.enter_async_context(edge(source, clock, steerer=steerer))
        told = Steered(port, States(keys, clock), pathways, clock)
        told.kills = kills
        yield told


def play(loop: Loop, folder: Path, act: Any) -> None:
    async def scene() -> None:
        async with steered(folder) as told:
            await act(told)

    loop(patiently(scene()))


def test_a_session_is_told_every_region_its_own_first_and_where_to_ask_next(
    loop: Loop, published: Path
) -> None:
    async def act(told: Steered) -> None:
        answer = await told.asked(told.address())

        assert (answer["VERSION"], answer["TTL"]) == (1, 10)
        assert answer["PATHWAY-PRIORITY"] == ["east", "west"]
        base = told.pathways.all["east"].base_url
        assert answer["RELOAD-URI"].startswith(base + "/steer/k1.")
        again = await told.asked(answer["RELOAD-URI"].removeprefix(base))
        assert again["PATHWAY-PRIORITY"] == ["east", "west"]
        assert (await told.asked(told.address("west"), "west"))["PATHWAY-PRIORITY"] == ["west", "east"]

    play(loop, published, act)


def test_a_dead_edge_goes_last_and_players_ask_more_often(loop: Loop, published: Path) -> None:
    async def act(told: Steered) -> None:
        address = told.address()
        await told.pass_time(1)
        await told.kills["east"].aclose()
        await told.pass_time(3)

        answer = await told.asked(address)
        assert answer["PATHWAY-PRIORITY"] == ["west", "east"]
        assert answer["TTL"] == 2
        assert answer["RELOAD-URI"].startswith(told.pathways.all["west"].base_url)

    play(loop, published, act)


def test_every_page_may_ask_and_nothing_is_kept(loop: Loop, published: Path) -> None:
    async def act(told: Steered) -> None:
        reply = await ask(told.port, told.address())
        flight = await ask(told.port, "/cmcd", "OPTIONS", Access_Control_Request_Headers="content-type")

        assert reply.fields["access-control-allow-origin"] == "*"
        assert reply.fields["cache-control"] == "no-store"
        assert reply.fields["content-type"] == "application/json"
        assert flight.status == 204
        assert "POST" in flight.fields["access-control-allow-methods"]
        assert "Content-Type" in flight.fields["access-control-allow-headers"]

    play(loop, published, act)


def test_a_changed_state_is_refused_and_an_old_one_ends_the_asking(loop: Loop, published: Path) -> None:
    async def act(told: Steered) -> None:
        address = told.address()
        forged = await ask(told.port, address.replace("east", "west"))
        nothing = await ask(told.port, "/steer/")
        told.clock.advance(3601)
        old = await ask(told.port, address)

        assert (forged.status, forged.problem.code) == (403, "delivery.steering_forged")
        assert (nothing.status, nothing.problem.code) == (403, "delivery.steering_forged")
        assert (old.status, old.problem.code) == (410, "delivery.steering_ended")

    play(loop, published, act)


MULTIVARIANT = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv360/media.m3u8\n"


def test_a_multivariant_playlist_has_a_steered_form_at_an_address_of_its_own(
    loop: Loop, tmp_path: Path
) -> None:
    async def scene() -> None:
        await FileBlobs(tmp_path, VirtualClock()).put("media/ast_1/master.m3u8", MULTIVARIANT)
        await FileBlobs(tmp_path, VirtualClock()).put(
            "media/ast_1/v360/media.m3u8", b"#EXTM3U\n#EXT-X-ENDLIST\n"
        )
        async with origin(tmp_path) as source, edge(source) as port:
            told = {
                form: await ask(port, f"/media/ast_1/master{form}.m3u8")
                for form in ("", ".signed", ".steered")
            }
            media = await ask(port, "/media/ast_1/v360/media.steered.m3u8")

        assert told[""].body == MULTIVARIANT
        assert b"STEERING" not in told[".signed"].body
        assert b'SERVER-URI="{$steering}",PATHWAY-ID="{$pathway}"' in told[".steered"].body
        assert len({reply.fields["etag"] for reply in told.values()}) == 3
        assert media.status == 404

    loop(patiently(scene()))


def test_steering_alone_probes_the_edges_and_answers_for_them(loop: Loop, published: Path) -> None:
    async def scene() -> None:
        clock = VirtualClock(PUBLISHED_AT)
        keys = TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock)
        async with origin(published) as source, edge(source) as east:
            pathways = Pathways(
                [Pathway("east", f"http://{HOST}:{east}"), Pathway("west", f"http://{HOST}:9")], clock
            )
            steerer = Steerer(pathways, keys, clock, own_url="http://steer.example")

            async def serve(stop: asyncio.Event, ready: Callable[[int], None]) -> None:
                await serve_steering(steerer, host=HOST, port=0, clock=clock, stop=stop, ready=ready)

            async with serving(serve, clock) as port:
                told = Steered(port, States(keys, clock), pathways, clock)
                await told.pass_time(4)
                answer = await told.asked(told.address("west"), "west")
                health = msgspec.json.decode((await ask(port, "/healthz")).body)
                media = await ask(port, "/media/ast_1/v360/00001.m4s")

        assert answer["PATHWAY-PRIORITY"] == ["east", "west"]
        assert answer["RELOAD-URI"].startswith("http://steer.example/steer/")
        assert [pathway["level"] for pathway in health["pathways"]] == ["up", "down"]
        assert health["steering"]["answers"] == 1
        assert media.status == 404

    loop(patiently(scene()))


async def post(client: Client, path: str, body: bytes, more: str = "") -> Reply:
    fields = f"Host: t\r\nContent-Type: application/cmcd\r\nContent-Length: {len(body)}{more}"
    await client.say(f"POST {path} HTTP/1.1\r\n{fields}\r\n\r\n".encode() + body)
    return await client.reply("POST")


def test_of_those_who_come_through_a_proxy_on_this_machine_two_of_an_address_are_heard(
    loop: Loop, published: Path
) -> None:
    async def act(told: Steered) -> None:
        seen = f'e=rr,rc=503,url="{told.pathways.all["east"].base_url}/1.m4s"'.encode()
        async with connected(told.port) as client:
            for number in range(5):
                proof = told.address(session=f"ses_{number}").removeprefix("/steer/")
                reply = await post(client, f"/cmcd?state={proof}", seen, "\r\nX-Forwarded-For: 198.51.100.7")
                assert reply.status == 204
            await post(client, f"/cmcd?state={proof}", seen)
        health = msgspec.json.decode((await ask(told.port, "/healthz")).body)

        assert (health["steering"]["reports"], health["steering"]["unheard"]) == (6, 3)

    play(loop, published, act)


def test_the_table_of_routes_is_what_steering_answers(loop: Loop, published: Path) -> None:
    async def act(told: Steered) -> None:
        table = {(row.method, row.path) for row in STEERING}
        for path, template in ((told.address(), "/steer/{state}"), ("/cmcd", "/cmcd")):
            for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"):
                async with connected(told.port) as client:
                    if method == "POST":
                        reply = await post(client, path, b'e=ps,sta=p,sid="ses_1"')
                    else:
                        reply = await client.ask(path, method)

                assert (reply.status in {200, 204}) == ((method, template) in table), (method, path)

    play(loop, published, act)
