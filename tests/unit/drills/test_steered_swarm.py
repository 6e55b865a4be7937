"""Viewers with two pathways: what they do when one fails, and what they say of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from urllib.parse import parse_qs, urlsplit

import uvloop

from bijou.drills.swarm import Crowd, Report, Seen, Swarm, opening_of
from bijou.ports import SystemClock

MULTIVARIANT = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nlow.m3u8?token=t1\n"
SEGMENTS = 20


class HurriedClock(SystemClock):
    """Twenty seconds pass in one."""

    def monotonic_ns(self) -> int:
        return 20 * super().monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 20)


@dataclass
class Edge:
    """One region: media, steering and reports; fails from a segment on."""

    name: str
    priority: list[str] = field(default_factory=lambda: ["east", "west"])
    fails_from: int = SEGMENTS
    steers: int = 200
    takes_reports: int = 204
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    session: bytes = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0
                )
                body = await reader.readexactly(length)
                path = head.split(b" ", 2)[1].decode()
                status, said = self.answer(path, body.decode())
                writer.write(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (status, len(said)) + said)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass
        finally:
            writer.close()

    def answer(self, path: str, body: str) -> tuple[int, bytes]:
        place = urlsplit(path).path
        self.asked.append(path)
        if place.endswith("/playback"):
            return 200, self.session
        if place.startswith("/steer"):
            manifest = {"VERSION": 1, "TTL": 1, "RELOAD-URI": place, "PATHWAY-PRIORITY": self.priority}
            return self.steers, json.dumps(manifest).encode()
        if place == "/cmcd":
            self.told += body.splitlines()
            return self.takes_reports, b""
        if place.endswith(".m4s"):
            return (503, b"") if int(place.split("/")[-1][:-4]) >= self.fails_from else (200, b"x" * 500)
        text = MULTIVARIANT if "main" in place else playlist()
        return 200, text.encode()


def playlist() -> str:
    return "#EXTM3U\n" + "".join(f"#EXTINF:1,\n{n}.m4s?token=t1\n" for n in range(SEGMENTS))


@asynccontextmanager
async def listening(*edges: Edge) -> AsyncIterator[dict[str, str]]:
    async with AsyncExitStack() as stack:
        bases = {}
        for edge in edges:
            server = await asyncio.start_server(edge.serve, "127.0.0.1", 0)
            await stack.enter_async_context(server)
            bases[edge.name] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield bases


def watched(east: Edge, west: Edge, *, steering: bool = True) -> tuple[Report, list[Seen]]:
    async def sent() -> tuple[Report, list[Seen]]:
        async with listening(east, west) as bases:
            first = bases["east"]
            ways = [{"id": name, "hls": f"{base}/f/main.m3u8", "dash": ""} for name, base in bases.items()]
            east.session = json.dumps(
                {
                    "id": "ses_1",
                    "title": "film",
                    "started_at": "2026-01-01T00:00:00Z",
                    "pathways": ways,
                    "steering": f"{first}/steer/s1" if steering else "",
                    "reports": f"{first}/cmcd?token=s1" if steering else "",
                }
            ).encode()
            clock = HurriedClock()
            crowd = Crowd(2, 200.0, arrive_s=0, link_bps=(1e8, 1e8), limit_s=4.0)
            opening = opening_of(f"{first}/t/film", clock)
            swarm = Swarm(opening, crowd, clock=clock, chance=Random(1), cpu_s=lambda: 0.0)
            return await swarm.run(), swarm.sessions

    return uvloop.run(sent())


def segments(edge: Edge) -> list[int]:
    places = (urlsplit(path).path for path in edge.asked)
    return [int(place.split("/")[-1][:-4]) for place in places if place.endswith(".m4s")]


def trails(sessions: list[Seen]) -> list[list[str]]:
    return [[way for _, way in seen.trail] for seen in sessions]


def test_an_error_is_asked_elsewhere_at_once_and_costs_no_second_try() -> None:
    east, west = Edge("east", fails_from=5), Edge("west")

    report, sessions = watched(east, west, steering=False)

    assert (report.failures, report.started) == ({}, 2)
    assert trails(sessions) == [["east", "west"]] * 2
    assert segments(east).count(5) == 2  # each viewer once, and then never again in its ten seconds
    assert min(segments(west)) == 5


def test_where_every_pathway_fails_a_viewer_waits_between_its_tries_and_then_ends() -> None:
    east, west = Edge("east", fails_from=5), Edge("west", fails_from=5)

    report, _ = watched(east, west, steering=False)

    assert list(report.failures.values()) == [2]
    assert "answered 503" in next(iter(report.failures))
    assert segments(east).count(5) + segments(west).count(5) == 2 * 4  # one each at once, and two later


def test_steering_moves_viewers_who_saw_no_error() -> None:
    east, west = Edge("east", priority=["west", "east"]), Edge("west", priority=["west", "east"])

    report, sessions = watched(east, west)

    assert (report.failovers, report.errors) == (0, 0)
    assert [ways[-1] for ways in trails(sessions)] == ["west", "west"]
    assert report.steered == 2
    asked = [path for path in west.asked + east.asked if path.startswith("/steer")]
    assert {parse_qs(urlsplit(path).query)["_HLS_pathway"][0] for path in asked} >= {'"east"', '"west"'}


def test_a_steering_server_that_is_gone_is_asked_by_the_other_pathway() -> None:
    east, west = Edge("east", steers=503), Edge("west", priority=["west", "east"])

    _, sessions = watched(east, west)

    assert [ways[-1] for ways in trails(sessions)] == ["west", "west"]
    assert any(path.startswith("/steer/s1") for path in west.asked)


def test_steering_that_is_over_is_not_asked_again() -> None:
    east, west = Edge("east", steers=410), Edge("west")

    watched(east, west)

    assert sum(path.startswith("/steer") for path in east.asked + west.asked) == 2


def test_what_came_and_what_did_not_is_reported_where_the_viewer_is_now() -> None:
    east, west = Edge("east", fails_from=5), Edge("west")

    report, _ = watched(east, west)

    errors = [line for line in west.told if "e=e," in line]
    assert len(errors) >= 2
    assert all('ec="status"' in line and "rc=503" in line for line in errors)
    assert sum("/5.m4s" in line for line in errors) == 2
    assert any("e=rr," in line and "rc=200" in line for line in west.told)
    assert not any("token" in line for line in east.told + west.told)
    assert report.reported == len(east.told) + len(west.told) > SEGMENTS
    assert all("token=s1" in path for path in west.asked if path.startswith("/cmcd"))


def test_an_edge_that_knows_no_reports_is_told_once_and_nobody_minds() -> None:
    east, west = Edge("east", takes_reports=404), Edge("west")

    report, _ = watched(east, west)

    assert (report.failures, report.reported) == ({}, 0)
    assert sum(path.startswith("/cmcd") for path in east.asked) == 2


def test_a_service_without_the_title_ends_the_session_in_words() -> None:
    async def sent() -> Report:
        edge = Edge("east")
        refusing: Callable[[str, str], tuple[int, bytes]] = lambda _path, _body: (404, b"")  # noqa: E731
        edge.answer = refusing  # type: ignore[method-assign, assignment]
        async with listening(edge) as bases:
            clock = HurriedClock()
            opening = opening_of(f"{bases['east']}/t/none", clock)
            crowd = Crowd(1, 20.0, arrive_s=0)
            return await Swarm(opening, crowd, clock=clock, chance=Random(1), cpu_s=lambda: 0.0).run()

    assert uvloop.run(sent()).failures == {"/api/titles/none/playback answered 404": 1}
