import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from random import Random

import httpx
import msgspec
import pytest

import bijou.encoding.service  # noqa: F401 - registers job.changed@1
from bijou.catalog import NewTitle
from bijou.catalog.happenings import TitlePublished
from bijou.encoding import Job, JobState
from bijou.events import Hub, make_envelope, register
from bijou.events.http import HEARTBEAT_S, lines, message, routes
from bijou.ports import ANONYMOUS, Envelope, Instant, Principal, Role, VirtualClock
from bijou.runtime import codec
from bijou.runtime.http import service_app

EDITOR = Principal("usr_1", "edda", frozenset({Role.EDITOR}))
SINTEL = TitlePublished("sintel", "Sintel")


class Stage:
    """A hub, its clock, and what listeners hear of it."""

    def __init__(self, queue: int) -> None:
        self.clock = VirtualClock(Instant.parse("2026-11-21T10:00:00Z"))
        self.stop = asyncio.Event()
        self.hub = Hub(self.clock, Random(1), queue=queue)
        self.job = Job(
            "job_1", "ast_1", "uploads/1", "f", NewTitle("x"), JobState.QUEUED, self.clock.now(), progress=0.5
        )

    def listen(self, principal: Principal = ANONYMOUS) -> AsyncGenerator[bytes]:
        return lines(self.hub, principal, self.clock, self.stop)


def play(scene: Callable[[Stage], Awaitable[None]], queue: int = 256) -> None:
    async def run() -> None:
        await scene(Stage(queue))

    asyncio.run(run())


async def moment() -> None:
    """Let other tasks run until they wait."""
    for _ in range(5):
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)


def heard(line: bytes) -> Envelope:
    id_line, event_line, data_line, *rest = line.decode().split("\n")
    envelope = codec.decode(data_line.removeprefix("data: "), Envelope)
    assert (id_line, event_line, rest) == (f"id: {envelope.id}", f"event: {envelope.kind}", ["", ""])
    return envelope


def test_a_listener_hears_a_comment_and_then_each_event_in_order() -> None:
    async def scene(stage: Stage) -> None:
        listener = stage.listen()
        assert await anext(listener) == b": live\n\n"
        for name in "abc":
            stage.hub.publish(TitlePublished(name, name.upper()))

        envelopes = [heard(await anext(listener)) for _ in "abc"]

        assert [codec.decode(bytes(e.payload), TitlePublished).slug for e in envelopes] == ["a", "b", "c"]
        assert {(e.kind, e.event_at) for e in envelopes} == {("title.published@1", stage.clock.now())}
        await listener.aclose()
        assert stage.hub.statistics() == {"subscribers": 0, "told": 3, "dropped": 0}

    play(scene)


def test_jobs_are_heard_by_editors_only() -> None:
    async def scene(stage: Stage) -> None:
        guest, editor = stage.listen(), stage.listen(EDITOR)
        for listener in (guest, editor):
            await anext(listener)
        stage.hub.publish(stage.job)
        stage.hub.publish(SINTEL)

        kinds = [heard(await anext(editor)).kind, heard(await anext(editor)).kind]

        assert kinds == ["job.changed@1", "title.published@1"]
        assert heard(await anext(guest)).kind == "title.published@1"
        for listener in (guest, editor):
            await listener.aclose()

    play(scene)


def test_silence_is_broken_by_a_comment_every_heartbeat() -> None:
    async def scene(stage: Stage) -> None:
        listener = stage.listen()
        await anext(listener)
        for _ in range(3):
            waiting = asyncio.ensure_future(anext(listener))
            await moment()
            stage.clock.advance(HEARTBEAT_S - 0.001)
            await moment()
            assert not waiting.done()
            stage.clock.advance(0.001)
            assert await waiting == b": quiet\n\n"
        stage.hub.publish(SINTEL)
        assert heard(await anext(listener)).kind == "title.published@1"
        await listener.aclose()

    play(scene)


def test_a_listener_that_falls_behind_hears_what_was_queued_and_a_last_comment() -> None:
    async def scene(stage: Stage) -> None:
        slow, quick = stage.listen(), stage.listen()
        for listener in (slow, quick):
            await anext(listener)
        for _ in range(2):
            stage.hub.publish(SINTEL)
            await anext(quick)
        for _ in range(5):
            stage.hub.publish(SINTEL)
            await anext(quick)

        told = [line async for line in slow]

        assert 4 <= len(told) <= 6
        assert told[-1].startswith(b": too slow")
        assert all(heard(line) for line in told[:-1])
        assert stage.hub.statistics()["dropped"] == 1
        await quick.aclose()

    play(scene, queue=4)


def test_every_stream_ends_at_once_when_the_server_stops() -> None:
    async def scene(stage: Stage) -> None:
        listeners = [stage.listen() for _ in range(3)]
        waiting = []
        for listener in listeners:
            await anext(listener)
            waiting.append(asyncio.ensure_future(anext(listener, b"over")))
        await moment()

        stage.stop.set()

        assert await asyncio.gather(*waiting) == [b"over"] * 3
        assert stage.hub.statistics()["subscribers"] == 0

    play(scene)


def test_a_listener_that_goes_away_is_forgotten() -> None:
    async def scene(stage: Stage) -> None:
        listener = stage.listen()
        await anext(listener)
        waiting = asyncio.ensure_future(anext(listener))
        await moment()

        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        assert stage.hub.statistics()["subscribers"] == 0

    play(scene)


def test_the_route_answers_with_server_sent_events() -> None:
    async def scene(stage: Stage) -> None:
        stage.stop.set()
        transport = httpx.ASGITransport(service_app(routes(stage.hub, stage.clock, stage.stop)))
        async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
            answer = await client.get("/api/live")

        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.text == ": live\n\n"

    play(scene)


def test_an_envelope_is_one_line_of_data_whatever_it_says() -> None:
    envelope = make_envelope(TitlePublished("x", "two\nlines\r"), VirtualClock(), Random(1))

    assert message(envelope).count(b"\n") == 4
    assert codec.decode(bytes(heard(message(envelope)).payload), TitlePublished).name == "two\nlines\r"


class Unheard(msgspec.Struct, frozen=True):
    """A payload that nobody registered."""


@pytest.mark.parametrize(
    "name", ["title", "title.published", "title.published@0", "Title.published@1", "a.b@01"]
)
def test_a_kind_with_another_form_of_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"noun\.verb@version"):
        register(name, Unheard, tells="Nothing.")


def test_a_kind_has_one_payload_type_and_a_type_one_kind() -> None:
    with pytest.raises(ValueError, match="registered already"):
        register("title.published@1", Unheard, tells="Something else.")
    with pytest.raises(ValueError, match="registered already"):
        register("title.shouted@1", TitlePublished, tells="Loudly.")
    with pytest.raises(KeyError):
        make_envelope(Unheard(), VirtualClock(), Random(1))
