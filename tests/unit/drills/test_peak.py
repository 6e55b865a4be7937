import asyncio
import json
from collections import Counter
from random import Random

from bijou.drills.peak import Name, Outcome, Plan, everyone
from bijou.ports import EngineUnavailable, SystemClock
from bijou.runtime import codec

MULTIVARIANT = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nlow.m3u8\n"
MEDIA = '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n' + "".join(f"#EXTINF:4,\n{n}.m4s\n" for n in range(9))

BUSY = codec.encode(EngineUnavailable("accounts.sign_in_busy", "x", retry_after_s=0.01).problem()).decode()


class Service:
    """Site and edge in one; answers 503 to a share of what begins with a path, and to who signs in first."""

    def __init__(self, broken: str = "nothing", every: int = 1, busy: int = 0) -> None:
        self.asked: Counter[str] = Counter()
        self.signed_in: list[str] = []
        self._broken, self._every, self._seen = broken, every, 0
        self._busy = busy
        self.base = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = head.decode().split("\r\n")
                length = next((int(f[15:]) for f in fields if f.startswith("Content-Length")), 0)
                body = await reader.readexactly(length)
                status, said = self.answer(fields[0].split(" ")[1].partition("?")[0], body.decode())
                writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(said)}\r\n\r\n{said}".encode())
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass
        finally:
            writer.close()

    def answer(self, path: str, body: str) -> tuple[int, str]:
        self.asked[path] += 1
        if path.startswith(self._broken):
            self._seen += 1
            if self._seen % self._every == 0:
                return 503, ""
        if path == "/api/sign-in" and self._busy:
            self._busy -= 1
            return 503, BUSY
        if path == "/api/sign-in":
            self.signed_in.append(json.loads(body)["name"])
        if path.endswith("/playback"):
            ways = [{"id": "east", "hls": f"{self.base}/media/f/main.m3u8", "dash": ""}]
            session = {"id": "s", "title": "f", "started_at": "2026-01-01T00:00:00Z", "pathways": ways}
            return 200, json.dumps(session)
        if path.endswith(".m3u8"):
            return 200, MULTIVARIANT if "main" in path else MEDIA
        return 200, "{}"


def pressed(service: Service, plan: Plan) -> Outcome:
    async def drilled() -> Outcome:
        server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
        service.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        names = [Name("anna", "a long password"), Name("ben", "another password")]
        async with server:
            return await everyone(
                f"{service.base}/t/film",
                names,
                plan,
                clock=SystemClock(),
                chance=Random(1),
                told=lambda _step, _share: None,
            )

    return asyncio.run(drilled())


def test_everyone_goes_through_every_tier_and_each_try_is_counted() -> None:
    service = Service()

    outcome = pressed(service, Plan(people=10, within_s=0.1, signing=1.0))

    assert outcome.passed
    assert outcome.began == 10
    assert {tier.name: tier.tries for tier in outcome.tiers} == {
        "sign-in": 10,
        "page": 20,
        "session": 10,
        "playlist": 20,
        "segments": 40,
    }
    assert set(service.signed_in) == {"anna", "ben"}
    assert service.asked["/media/f/3.m4s"] == 0


def test_a_tier_that_fails_is_named_with_its_trouble_and_ends_the_evening_of_its_people() -> None:
    outcome = pressed(Service("/api/titles/film/playback", every=2), Plan(10, within_s=0.1, signing=0.0))

    tiers = {tier.name: tier for tier in outcome.tiers}
    assert not outcome.passed
    assert outcome.began == 5
    assert (tiers["session"].availability, tiers["session"].troubles) == (0.5, {"503": 5})
    assert (tiers["playlist"].availability, tiers["playlist"].tries) == (1.0, 10)
    assert tiers["sign-in"].tries == 0
    assert "5 x 503" in outcome.text()
    assert "<svg" in outcome.svg()
    assert outcome.figures()["began"] == 5


def test_whoever_is_told_when_to_come_back_to_sign_in_comes_and_each_try_is_counted_as_it_went() -> None:
    outcome = pressed(Service(busy=30), Plan(people=10, within_s=0.1, signing=1.0))

    signing = outcome.tiers[0]
    assert (signing.tries, signing.availability, signing.troubles) == (40, 0.25, {"503": 30})
    assert outcome.passed
    assert outcome.began == 10
    assert sum(entry.tries for entry in outcome.entries) == 40
    assert "10 of 10 who had to sign in came in" in outcome.text()
    assert "with 4.0 tries each" in outcome.text()


def test_whoever_is_sent_away_for_longer_than_their_patience_did_not_come_in() -> None:
    outcome = pressed(Service(busy=30), Plan(people=10, within_s=0.1, signing=1.0, patience_s=0.0))

    assert not outcome.passed
    assert (outcome.began, outcome.tiers[0].tries) == (0, 10)
    assert "0.00% of 10 people came in" in outcome.text()
    assert outcome.figures()["signed_in"] == 0


def test_a_sign_in_that_is_broken_and_does_not_say_when_is_not_tried_again() -> None:
    outcome = pressed(Service("/api/sign-in"), Plan(people=10, within_s=0.1, signing=1.0))

    assert not outcome.passed
    assert outcome.tiers[0].tries == 10
