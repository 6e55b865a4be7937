"""Live events through a real server, whose stop ends them."""

import asyncio
import socket
from random import Random

import httpx
import pytest

from bijou.catalog.happenings import TitlePublished
from bijou.events import Hub
from bijou.events.http import routes
from bijou.ports import Envelope, VirtualClock
from bijou.runtime import codec
from bijou.runtime.http import serve_app, service_app

pytestmark = pytest.mark.anyio


async def test_a_stream_carries_events_and_ends_properly_when_the_server_stops(clock: VirtualClock) -> None:
    stop, ready = asyncio.Event(), asyncio.Event()
    hub = Hub(clock, Random(1))
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = service_app(routes(hub, clock, stop))
    serving = asyncio.create_task(serve_app(app, "", 0, stop=stop, ready=ready.set, listener=listener))
    await ready.wait()
    async with (
        httpx.AsyncClient(base_url=address, trust_env=False, verify=False) as client,
        client.stream("GET", "/api/live") as stream,
    ):
        lines = stream.aiter_lines()
        assert [await anext(lines), await anext(lines)] == [": live", ""]
        hub.publish(TitlePublished("sintel", "Sintel"))
        event = [await anext(lines) for _ in range(4)]
        stop.set()
        rest = [line async for line in lines]  # an end cut short would raise here
    await serving

    envelope = codec.decode(event[2].removeprefix("data: "), Envelope)
    assert event[1] == "event: title.published@1"
    assert codec.decode(bytes(envelope.payload), TitlePublished) == TitlePublished("sintel", "Sintel")
    assert rest == []
    assert hub.statistics()["subscribers"] == 0
