"""Batches, updates and deletions over HTTP: the routes, and the client that sends files."""

import asyncio

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from bijou.audience.orders import BatchState, NewBatch, UpdatesTaken
from bijou.audience.shown import Forgotten, Person
from bijou.audience.streaming import MAX_BYTES, Updates
from bijou.audience.turns import Turns
from bijou.audience.uploads import Batches
from bijou.ports import InvalidRequest, Role
from bijou.runtime.http import Call, Endpoint, Route, Wire

NDJSON = "application/x-ndjson"
TUS = "/api/audience-tus"
"""Where the bytes of a batch are sent to, by tus."""
_BODY_S = 10.0

ORDER = Endpoint(
    method="POST",
    path="/api/audience-batches",
    role=Role.ADOPS,
    summary="Have a batch of features brought in: of a file that will be uploaded, or of a bucket.",
    takes=NewBatch,
    gives=BatchState,
    status=201,
)
BATCHES = Endpoint(
    method="GET",
    path="/api/audience-batches",
    role=Role.ADOPS,
    summary="Batches on their way, refused and done, the newest first.",
    gives=list[BatchState],
)
BATCH = Endpoint(
    method="GET",
    path="/api/audience-batches/{batch_id}",
    role=Role.ADOPS,
    summary="One batch, and how far it is.",
    gives=BatchState,
)
CALL_OFF = Endpoint(
    method="DELETE",
    path="/api/audience-batches/{batch_id}",
    role=Role.ADOPS,
    summary="Forget a batch that is not done, and all of its bytes.",
    status=204,
)
REJECTS = Endpoint(
    method="GET",
    path="/api/audience-batches/{batch_id}/rejects",
    role=Role.ADOPS,
    summary="The bad rows of a batch, a JSON object a line: row, column, value and rule.",
)
UPDATE = Endpoint(
    method="POST",
    path="/api/audience-updates",
    role=Role.ADOPS,
    summary="Take a few users' cells, a JSON object a line; they are visible within seconds.",
    gives=UpdatesTaken,
)
FORGET = Endpoint(
    method="POST",
    path="/api/audience-deletions",
    role=Role.ADOPS,
    summary="Delete a user from every file; the answer is the certificate.",
    takes=Person,
    gives=Forgotten,
)


class NotLines(InvalidRequest):
    """A body of another kind than lines of JSON."""

    status = 415
    title = "Unsupported media type"


def routes(batches: Batches, updates: Updates, turns: Turns) -> list[Route]:
    """Serve batches, updates and deletions."""

    async def order(call: Call) -> BatchState:
        return await batches.order(call.body, author=call.principal.id)

    async def all_(_: Call) -> list[BatchState]:
        return await batches.batches()

    async def batch(call: Call) -> BatchState:
        return await batches.batch(call.path["batch_id"])

    async def call_off(call: Call) -> None:
        await batches.call_off(call.path["batch_id"])

    async def rejects(call: Call) -> Response:
        batch_id = call.path["batch_id"]
        file = await turns.ask(lambda audiences: audiences.rejects(batch_id))
        headers = {"Cache-Control": "no-store"}
        return FileResponse(file, media_type=NDJSON, filename=f"{batch_id}-rejects.jsonl", headers=headers)

    async def update(call: Call) -> UpdatesTaken:
        return await updates.take(await _lines(call.request))

    async def forget(call: Call) -> Forgotten:
        return await batches.forget(call.body.user)

    return [
        ORDER.bind(order),
        BATCHES.bind(all_),
        BATCH.bind(batch),
        CALL_OFF.bind(call_off),
        REJECTS.bind(rejects),
        UPDATE.bind(update),
        FORGET.bind(forget),
    ]


class BatchesClient:
    """`Batches` of another process."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def order(self, new: NewBatch) -> BatchState:
        """Have a batch brought in."""
        state: BatchState = await self._wire.call(ORDER, new)
        return state

    async def batch(self, batch_id: str) -> BatchState:
        """Return one batch."""
        state: BatchState = await self._wire.call(BATCH, batch_id=batch_id)
        return state

    async def call_off(self, batch_id: str) -> None:
        """Forget a batch that is not done."""
        await self._wire.call(CALL_OFF, batch_id=batch_id)

    async def forget(self, user: str) -> Forgotten:
        """Delete a person."""
        certificate: Forgotten = await self._wire.call(FORGET, Person(user))
        return certificate


async def _lines(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip() != NDJSON:
        raise NotLines("audience.not_lines", f"updates come as Content-Type: {NDJSON}, a JSON object a line")
    lines = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for piece in request.stream():
                lines += piece
                if len(lines) > MAX_BYTES:
                    raise InvalidRequest(
                        "audience.bad_updates",
                        f"the updates are over {MAX_BYTES:,} bytes; send fewer at a time",
                    )
    except TimeoutError:
        raise InvalidRequest(
            "audience.bad_updates", f"the updates did not come within {_BODY_S:g} s; send them again"
        ) from None
    return bytes(lines)
