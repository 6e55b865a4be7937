import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import uvloop

from bijou.drills.swarm import Crowd, Playhead, Report, gather, media_of, multivariant_of
from bijou.drills.swarm.telling import Telling, query
from bijou.ports import SystemClock

MULTIVARIANT = """#EXTM3U
#EXT-X-DEFINE:QUERYPARAM="tok"
#EXT-X-MEDIA:TYPE="AUDIO",GROUP-ID="a",NAME="x",URI="sound.m3u8?tok={$tok}"
#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,CODECS="avc1,mp4a",AUDIO="a"
high.m3u8?tok={$tok}
#EXT-X-STREAM-INF:BANDWIDTH=300000,AVERAGE-BANDWIDTH=200000,AUDIO="a"
low.m3u8?tok={$tok}
"""
MEDIA = (
    '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n'
    + "".join(f"#EXTINF:0.1,\n{n}.m4s\n" for n in range(8))
    + "#EXT-X-ENDLIST\n"
)


class HurriedClock(SystemClock):
    """Twenty seconds pass in one."""

    def monotonic_ns(self) -> int:
        return 20 * super().monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 20)


class Server:
    """Serves the playlists above, and segments of 2,000 bytes; keeps what it was asked."""

    def __init__(self, *, broken: str = "nothing", refuses: int = 0) -> None:
        self.asked: list[str] = []
        self.broken, self.refuses = broken, refuses

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode()
                self.asked.append(path)
                writer.write(self.answer(path))
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    def answer(self, path: str) -> bytes:
        place = urlsplit(path).path
        if self.broken in place or self.refuses > 0:
            self.refuses -= 1
            return b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
        body = b"x" * 2000
        if place.endswith(".m3u8"):
            body = (MULTIVARIANT if "main" in place else MEDIA).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[str]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/film/main.m3u8?tok=abc"
    finally:
        listening.close()


def send(server: Server, crowd: Crowd) -> Report:
    async def sent() -> Report:
        async with serving(server) as target:
            return await gather(target, crowd, clock=HurriedClock(), chance=Random(1), cpu_s=lambda: 0.0)

    return uvloop.run(sent())  # as the command does


def told(path: str) -> dict[str, str]:
    said = unquote(parse_qs(urlsplit(path).query)["CMCD"][0])
    return dict((pair + "=").split("=")[:2] for pair in said.split(","))


def test_every_viewer_sees_the_film_to_its_end_and_says_so() -> None:
    server = Server()

    report = send(server, Crowd(viewers=5, seconds=2000, arrive_s=0.1, link_bps=(20e6, 20e6)))

    assert (report.started, report.failures, report.errors) == (5, {}, 0)
    assert report.at_once == 5
    assert report.bitrate_bps > 200_000
    segments = [path for path in server.asked if ".m4s" in path]
    assert len(segments) == 5 * 8 * 2  # picture and sound
    assert {told(path)["sid"] for path in server.asked} == {f'"swarm-{number:06}"' for number in range(5)}
    assert {told(path)["ot"] for path in server.asked} == {"m", "i", "v", "a"}
    assert all("tok=abc" in path for path in server.asked if ".m3u8" in path)


def test_a_server_that_falters_once_costs_an_error_and_no_viewer() -> None:
    report = send(Server(refuses=1), Crowd(viewers=1, seconds=2000, arrive_s=0))

    assert (report.started, report.errors, report.failures) == (1, 1, {})


def test_what_ends_a_session_early_is_named() -> None:
    report = send(Server(broken="3.m4s"), Crowd(viewers=2, seconds=2000, arrive_s=0))

    assert report.started == 2
    assert list(report.failures.values()) == [2]
    assert "answered 503" in next(iter(report.failures))


def test_nobody_listening_is_no_picture_for_anybody() -> None:
    crowd = Crowd(viewers=2, seconds=500, arrive_s=0)

    report = asyncio.run(
        gather(
            "http://127.0.0.1:9/main.m3u8", crowd, clock=HurriedClock(), chance=Random(1), cpu_s=lambda: 0.0
        )
    )

    assert report.started == 0
    assert sum(report.failures.values()) == 2


def test_the_crowds_time_is_bounded_even_in_the_middle_of_a_download() -> None:
    report = send(Server(), Crowd(viewers=4, seconds=6, arrive_s=0, link_bps=(4e3, 4e3)))

    assert report.seconds < 30  # the film alone would last longer


def test_viewers_jump_and_leave_as_they_are_told_to() -> None:
    jumping = send(Server(), Crowd(viewers=4, seconds=400, arrive_s=0, jumps=0.4, link_bps=(4e6, 4e6)))
    leaving = send(Server(), Crowd(viewers=4, seconds=400, arrive_s=0, stay_s=0.001))

    assert jumping.jumps > 0
    assert leaving.requests < 4 * 20


def test_a_crowd_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="0 viewers"):
        asyncio.run(
            gather("http://x/", Crowd(0, 1), clock=HurriedClock(), chance=Random(1), cpu_s=lambda: 0.0)
        )


def test_rungs_come_lowest_first_with_variables_filled() -> None:
    title = multivariant_of(MULTIVARIANT, "http://h/film/main.m3u8?tok=t1")

    assert title.bitrates_bps == (200_000.0, 800_000.0)
    assert title.videos == ("http://h/film/low.m3u8?tok=t1", "http://h/film/high.m3u8?tok=t1")
    assert title.sounds == ("http://h/film/sound.m3u8?tok=t1",) * 2
    media = media_of(MEDIA, "http://h/film/low.m3u8")
    assert (media.init, len(media.segments), media.durations_s[0]) == ("http://h/film/init.mp4", 8, 0.1)
    with pytest.raises(ValueError, match="no rendition"):
        multivariant_of("#EXTM3U\n", "http://h/")
    with pytest.raises(ValueError, match="0 segments"):
        media_of("#EXTM3U\n", "http://h/")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('#EXT-X-STREAM-INF:AUDIO="a"\nlow.m3u8', "BANDWIDTH"),
        ('#EXT-X-MEDIA:TYPE=AUDIO,URI="a.m3u8"', "GROUP-ID"),
        ('#EXT-X-MAP:BYTERANGE="9@0"', "URI"),
    ],
)
def test_a_playlist_without_what_it_must_say_ends_one_session_and_not_the_crowd(line: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is missing"):
        (media_of if "MAP" in line else multivariant_of)(f"#EXTM3U\n{line}\n", "http://h/")


def test_a_stall_is_the_time_between_an_empty_buffer_and_the_next_segment() -> None:
    playhead = Playhead(asked_s=0.0)
    playhead.arrived(1.0, 4.0)
    playhead.arrived(2.0, 4.0)
    playhead.arrived(12.0, 4.0)  # empty since 9
    playhead.leave(14.0)

    assert (playhead.startup_s, playhead.stalls, playhead.stalled_s, playhead.played_s) == (1.0, 1, 3.0, 10.0)


def test_waiting_after_a_jump_is_no_stall() -> None:
    playhead = Playhead(asked_s=0.0)
    playhead.arrived(1.0, 4.0)
    playhead.jump(2.0)
    assert playhead.buffer_s(3.0) == 0
    playhead.arrived(8.0, 4.0)
    playhead.leave(9.0)

    assert (playhead.stalls, playhead.played_s) == (0, 2.0)


def test_keys_stand_in_order_and_rates_are_rounded_to_hundreds() -> None:
    said = unquote(
        query(Telling("s", "f", "v", 1e6, 3e6, 4.0, 3.14, 4_260_000, "8.m4s", started=True, starved=True))
    )

    assert (
        said
        == 'CMCD=bl=3100,br=1000,bs,cid="f",d=4000,mtp=4300,nor="8.m4s",ot=v,sf=h,sid="s",st=v,tb=3000,v=2'
    )
