"""What lies ready is what would have been answered, and nobody gets it who would not have got it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.delivery.answers import media_head
from bijou.delivery.cached import Cached
from bijou.delivery.edge import Edge
from bijou.delivery.model import Representation
from bijou.delivery.ready import LARGEST_BYTES, MOST_BYTES, Ready
from bijou.delivery.selection import Selection
from bijou.delivery.server import Server
from bijou.delivery.tally import Tally
from bijou.delivery.tokens import Grant, TokenKey, TokenKeys
from bijou.delivery.turns import TURN, Turns
from bijou.delivery.upstream import Upstream
from bijou.ports import Instant, VirtualClock
from tests.contract.delivery.scene import HOST

OLD, NEW = TokenKey("k1", bytes(32)), TokenKey("k2", bytes(range(32)))
PLAYLIST, SEGMENT, MASTER = "/media/a/v1/media.m3u8", "/media/a/v1/1.m4s", "/media/a/master.m3u8"
LIVE, STILL = "/media/a/live/v1.m3u8", "/media/a/stills/1.jpg"
HEAD = b"HTTP/1.1 200 OK\r\nX-Cache: hit\r\n"


class Wire(asyncio.Transport):
    """Keeps what is written, as a peer would that reads at once."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def write_eof(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    abort = close


class Scene:
    """One edge with a few objects in memory, and one connection to it."""

    def __init__(self, *, ready: bool = True, signed: bool = True) -> None:
        self.clock = VirtualClock(Instant.parse("2026-01-01T00:00:00Z"))
        self.believed = [NEW, OLD]
        self.keys = TokenKeys(lambda: self.believed, self.clock) if signed else None
        upstream = Upstream(f"http://{HOST}:9", self.clock)
        self.edge = Edge(
            region="east", upstream=upstream, cache_bytes=64 << 20, clock=self.clock, keys=self.keys
        )
        self.clock.advance(0.5)  # so that an age does not change in the moment in which a token ends
        for path in (PLAYLIST, SEGMENT, MASTER, LIVE, STILL):
            self.put(path, path.encode() * 20)
        self.server = Server(self.edge, self.clock, idle_s=60, connections=10)
        self.lay = 0
        self.server.ready = self._ready if ready else None
        self.turns: list[Callable[[], None]] = []
        self.server.turns = Turns(self.turns.append)
        self.wire = Wire()
        self.connection = self.server.connection()
        self.connection.connection_made(self.wire)

    def _ready(self, asked: bytes, now_ns: int) -> bytes | None:
        whole = self.edge.ready(asked, now_ns)
        self.lay += whole is not None
        return whole

    def put(self, path: str, body: bytes) -> None:
        what = Representation(path, len(body), '"e"')
        head = media_head(what, Selection(200, 0, len(body)), self.clock.now())
        now_ns = self.clock.monotonic_ns()
        until_ns = now_ns + 700_000_000 if path == LIVE else None
        cached = Cached(what, memoryview(body), head, self.clock.now(), now_ns, until_ns)
        self.edge.fetching.store.put(path, cached)

    def say(self, data: bytes) -> bytes:
        """Send bytes; return what is answered."""
        before = len(self.wire.written)
        if not self.wire.closed:
            self.connection.data_received(data)
        while self.turns:
            self.turns.pop()()
        return bytes(self.wire.written[before:])

    def ask(self, path: str = PLAYLIST, token: str = "", fields: str = "") -> bytes:
        query = f"?token={token}" if token else ""
        return self.say(f"GET {path}{query} HTTP/1.1\r\nHost: t\r\n{fields}\r\n".encode())

    def do(self, step: "Step") -> bytes:
        """Say bytes, let seconds pass, drop the old key, or put another playlist; return what is answered."""
        if isinstance(step, bytes):
            return self.say(step)
        if isinstance(step, float):
            self.clock.advance(step)
        elif step == "replace":
            self.put(PLAYLIST, b"another")
        elif self.keys is not None:
            self.believed = [NEW]
            self.keys.refresh()
        return b""

    def counted(self) -> dict[str, Any]:
        tally = self.edge.tally
        return {
            "requests": tally.requests, "bytes": tally.sent_bytes, "by": tally.requests_by,
            "bytes by": tally.sent_bytes_by, "refused": tally.refused_by,
        }  # fmt: skip


def token(scope: str = "a", *, lasts_s: int = 3600, key: TokenKey = NEW, session: str = "ses_1") -> str:
    clock = VirtualClock(Instant.parse("2026-01-01T00:00:00Z"))
    expires_at_s = clock.now() // 1_000_000 + lasts_s
    return TokenKeys(lambda: [key], clock).sign(Grant(scope, expires_at_s, session))


Step = bytes | float | str


def request(
    *,
    before: str = "",
    method: str = "GET",
    path: str = PLAYLIST,
    query: str = f"?token={token()}",
    version: str = "1.1",
    fields: str = "Host: t",
) -> bytes:
    """What is usual, but for what is said."""
    return f"{before}{method} {path}{query} HTTP/{version}\r\n{fields}\r\n\r\n".encode()


USUAL = request()
QUERIES = [
    token(session="ses_2"), token(lasts_s=3), token("b"), token(key=OLD), token()[:-1] + "!", "", "a b",
    token() + "&x=1", token() + "&CMCD=sid%3D%22ses_9%22", "x&token=" + token(),
    token() + "?token=" + token(),
]  # fmt: skip
FIELDS = [
    "", "Host: t\r\nRange: bytes=1-4", 'Host: t\r\nIf-None-Match: "e"', "Host: t\r\nHost: u", "Host : t",
    'Host: t\r\nCMCD-Session: sid="ses_9"', "Host: t\r\nConnection: close", "Host: t\r\nA: b",
    "Host: t\r\nContent-Length: 2", "Host: t\r\nTransfer-Encoding: chunked",
    "Host: t\r\nConnection: keep-alive",
    "Host: t\r\nIf-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT",
]  # fmt: skip
ODD: dict[str, list[str]] = {
    "before": ["\r\n", "x", "GET / HTTP/1.1\r\nHost: t\r\n\r\n", "GET / HTTP/1.1\r\n"],
    "method": ["HEAD", "OPTIONS", "PUT", "get", "POST"],
    "path": [LIVE, MASTER, STILL, SEGMENT, "/media/a/cold", "/media/a/../a/1", "/healthz",
             "/media/%61/v1/media.m3u8"],
    "query": ["", "?", *(f"?token={each}" for each in QUERIES)],
    "version": ["1.0", "2.0", "1.1 "],
    "fields": FIELDS,
}  # fmt: skip
one_odd = [request(**{part: value}) for part, values in ODD.items() for value in values]
some_odd = st.fixed_dictionaries({}, optional={part: st.sampled_from(each) for part, each in ODD.items()})
requests = st.one_of(some_odd.map(lambda odd: request(**odd)), st.sampled_from([USUAL, *one_odd]))
pieces = st.one_of(
    requests,
    st.lists(requests, min_size=2, max_size=3).map(b"".join),
    st.tuples(requests, st.integers(1, 120)).map(lambda cut: cut[0][: cut[1]]),
)
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(pieces, pieces, pieces, st.sampled_from([0.3, 1.0, 4.0, "rotate", "replace"])), max_size=20
)


def alike(steps: Iterable[Step], *, signed: bool) -> None:
    """Do the same where something lies ready and where nothing does, and see no difference."""

    async def scene() -> None:
        both = Scene(signed=signed), Scene(ready=False, signed=signed)
        for step in steps:
            said = [each.do(step) for each in both]
            assert said[0] == said[1]
            assert both[0].wire.closed == both[1].wire.closed
        assert both[0].counted() == both[1].counted()
        for each in both:
            each.connection.connection_lost(None)

    asyncio.run(scene())


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("odd", one_odd)
def test_what_differs_in_one_thing_from_what_lies_ready_is_not_taken_for_it(
    odd: bytes, *, signed: bool
) -> None:
    alike([USUAL, USUAL, odd, odd, USUAL, 0.8, odd, USUAL, odd, 2.0, "rotate", odd], signed=signed)
    alike([odd, odd, "replace", odd, USUAL, "rotate", odd, 0.8, USUAL, USUAL + odd, USUAL], signed=signed)


@settings(max_examples=200, deadline=None)
@given(steps=steps, signed=st.booleans())
def test_bytes_are_answered_and_counted_as_if_nothing_lay_ready(steps: list[Step], *, signed: bool) -> None:
    alike([USUAL, USUAL, *steps], signed=signed)


def test_what_is_asked_again_lies_ready_for_everybody_with_a_good_token() -> None:
    scene = Scene()
    first = scene.ask(token=token())
    scene.ask(token=token(session="ses_2"))

    assert scene.ask(token=token()) == first
    assert scene.ask(token=token(session="ses_2")) == first
    assert scene.lay >= 2
    assert (scene.edge.tally.hits, scene.edge.tally.hit_bytes) == (4, 4 * 20 * len(PLAYLIST))


@pytest.mark.parametrize(("lasts_s", "believed"), [(3, [NEW, OLD]), (3600, [NEW])])
def test_a_token_that_ends_opens_nothing_that_lies_ready(lasts_s: int, believed: list[TokenKey]) -> None:
    scene, shown = Scene(), token(lasts_s=lasts_s, key=OLD)
    assert scene.keys is not None
    scene.ask(token=shown)
    scene.clock.advance(2.25)
    for _ in range(2):
        assert scene.ask(token=shown).startswith(b"HTTP/1.1 200")
    assert scene.lay
    scene.clock.advance(0.25)
    scene.believed = believed
    scene.keys.refresh()

    assert scene.ask(token=shown).startswith(b"HTTP/1.1 403")


def test_a_token_of_another_title_opens_nothing_that_lies_ready() -> None:
    scene = Scene()
    scene.ask(token=token("b"))
    scene.ask(token=token())
    assert scene.ask(token=token()).startswith(b"HTTP/1.1 200")

    assert scene.ask(token=token("b")).startswith(b"HTTP/1.1 403")


def test_age_grows_by_the_second_whoever_asks() -> None:
    scene, ages = Scene(), []
    for _ in range(7):
        answer = scene.ask(token=token())
        ages.append(int(answer.partition(b"Age: ")[2].partition(b"\r\n")[0]))
        scene.clock.advance(0.5)

    assert ages == [0, 0, 1, 1, 2, 2, 3]
    assert scene.lay


def test_what_was_replaced_is_told_anew_at_once() -> None:
    scene = Scene()
    for _ in range(2):
        scene.ask(token=token())
    scene.put(PLAYLIST, b"another")

    assert scene.ask(token=token()).endswith(b"another")


def test_every_answer_that_lay_ready_counts_for_who_leaves_memory() -> None:
    asked = []

    def find(path: str) -> Cached | None:
        asked.append(path)
        return cached

    cached = Cached(Representation(PLAYLIST, 3), memoryview(b"abc"), HEAD, Instant(0), 0)
    tally = Tally()
    ready = Ready(find, None, tally)
    ready.keep(cached, HEAD, 0)
    answers = [
        ready.answer(b"GET " + PLAYLIST.encode(), now_ns) for now_ns in (0, 999_999_999, 1_000_000_000)
    ]

    assert answers == [HEAD + b"\r\nabc"] * 2 + [None]
    assert asked == [PLAYLIST] * 2
    assert (tally.requests, tally.sent_bytes) == (2, 6)


def test_what_lies_ready_stays_within_its_bytes_and_large_objects_never_do() -> None:
    body = memoryview(bytes(LARGEST_BYTES))
    kept: dict[str, Cached] = {}
    ready = Ready(kept.get, None, Tally())
    count = 2 * MOST_BYTES // LARGEST_BYTES
    for number in range(count):
        path = f"/media/a/{number}.m4s"
        kept[path] = Cached(Representation(path, len(body)), body, HEAD, Instant(0), 0)
        ready.keep(kept[path], HEAD, 0)
    lying = [path for path in kept if ready.answer(b"GET " + path.encode(), 0)]
    kept["/media/b"] = Cached(
        Representation("/media/b", 1), memoryview(bytes(len(body) + 1)), HEAD, Instant(0), 0
    )
    ready.keep(kept["/media/b"], HEAD, 0)

    assert len(lying) * (len(body) + len(HEAD) + 2) <= MOST_BYTES
    assert lying == list(kept)[count - len(lying) : count]
    assert ready.answer(b"GET /media/b", 0) is None


def test_who_hangs_up_before_its_turn_to_be_read_is_answered_still() -> None:
    scene = Scene(ready=False)
    for _ in range(TURN):
        scene.connection.data_received(request())
    before = len(scene.wire.written)
    scene.connection.data_received(request())
    assert len(scene.wire.written) == before
    scene.connection.eof_received()

    assert scene.edge.tally.hits == TURN + 1
