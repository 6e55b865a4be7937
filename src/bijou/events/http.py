"""Live events as server-sent events: `GET /api/live`."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from starlette.responses import StreamingResponse

from bijou.events.hub import Hub
from bijou.ports import Clock, Envelope, Principal, Role
from bijou.runtime import codec
from bijou.runtime.http import Call, Endpoint, Route

HEARTBEAT_S = 15.0

LIVE = Endpoint(
    method="GET",
    path="/api/live",
    role=Role.ANYONE,
    summary="What happens from now on, as server-sent events: `event:` is the kind, `data:` the envelope.",
)


def routes(hub: Hub, clock: Clock, stop: asyncio.Event) -> list[Route]:
    """Serve the hub to browsers.

    Args:
        stop: Set when the server stops; every stream ends at once.
    """

    async def live(call: Call) -> StreamingResponse:
        return StreamingResponse(
            lines(hub, call.principal, clock, stop),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return [LIVE.bind(live)]


async def lines(hub: Hub, principal: Principal, clock: Clock, stop: asyncio.Event) -> AsyncGenerator[bytes]:
    """Yield what `principal` may see as the text of server-sent events, until `stop`.

    The first line is a comment; another follows whenever `HEARTBEAT_S` pass in
    silence, so that proxies and browsers can tell quiet from dead.
    """
    subscription = hub.subscribe(principal)
    stopping = asyncio.ensure_future(stop.wait())
    hearing = asyncio.ensure_future(subscription.next())
    try:
        yield b": live\n\n"
        while await _heard(hearing, stopping, clock):
            if not hearing.done():
                yield b": quiet\n\n"
                continue
            envelope = hearing.result()
            if envelope is None:
                yield b": too slow, events were missed; connect again and read afresh\n\n"
                return
            yield message(envelope)
            hearing = asyncio.ensure_future(subscription.next())
    finally:
        hub.unsubscribe(subscription)
        stopping.cancel()
        hearing.cancel()


async def _heard(
    hearing: "asyncio.Future[Envelope | None]", stopping: "asyncio.Future[Any]", clock: Clock
) -> bool:
    """Wait for an event or a heartbeat's time; False where the server stops."""
    quiet = asyncio.ensure_future(clock.sleep(HEARTBEAT_S))
    awaited: list[asyncio.Future[Any]] = [hearing, quiet, stopping]
    try:
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
    finally:
        quiet.cancel()
    return not stopping.done()


def message(envelope: Envelope) -> bytes:
    """Return one event in the text form of server-sent events.

    Source: WHATWG HTML, section 9.2.6.
    """
    return f"id: {envelope.id}\nevent: {envelope.kind}\ndata: ".encode() + codec.encode(envelope) + b"\n\n"
