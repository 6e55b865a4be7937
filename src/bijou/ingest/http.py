"""Uploads over HTTP: the routes, and the client that sends files."""

from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from bijou.ingest.api import Ingest, NewUpload, Upload
from bijou.ports import InvalidRequest, Role
from bijou.runtime.http import Call, Endpoint, Route, Wire

OPEN = Endpoint(
    method="POST",
    path="/api/uploads",
    role=Role.EDITOR,
    summary="Announce a file.",
    takes=NewUpload,
    gives=Upload,
    status=201,
)
RECEIVE = Endpoint(
    method="PUT",
    path="/api/uploads/{upload_id}/content",
    role=Role.EDITOR,
    summary="Send the announced bytes; all or nothing.",
    gives=Upload,
)
UPLOAD = Endpoint(
    method="GET", path="/api/uploads/{upload_id}", role=Role.EDITOR, summary="One upload.", gives=Upload
)
ABANDON = Endpoint(
    method="DELETE",
    path="/api/uploads/{upload_id}",
    role=Role.EDITOR,
    summary="Forget an upload whose bytes are not all here.",
    status=204,
)


def routes(ingest: Ingest) -> list[Route]:
    """Serve uploads."""

    async def open_(call: Call) -> Upload:
        return await ingest.open(call.body)

    async def receive(call: Call) -> Upload:
        return await ingest.receive(call.path["upload_id"], _content(call.request))

    async def upload(call: Call) -> Upload:
        return await ingest.upload(call.path["upload_id"])

    async def abandon(call: Call) -> None:
        await ingest.abandon(call.path["upload_id"])

    return [OPEN.bind(open_), RECEIVE.bind(receive), UPLOAD.bind(upload), ABANDON.bind(abandon)]


class IngestClient:
    """`Ingest` of another process."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def open(self, new: NewUpload) -> Upload:
        """Announce a file."""
        upload: Upload = await self._wire.call(OPEN, new)
        return upload

    async def receive(self, upload_id: str, content: AsyncIterator[bytes]) -> Upload:
        """Send the bytes."""
        upload: Upload = await self._wire.call(RECEIVE, content=content, upload_id=upload_id)
        return upload

    async def upload(self, upload_id: str) -> Upload:
        """Return one upload."""
        upload: Upload = await self._wire.call(UPLOAD, upload_id=upload_id)
        return upload

    async def abandon(self, upload_id: str) -> None:
        """Forget an upload."""
        await self._wire.call(ABANDON, upload_id=upload_id)


async def _content(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect as error:
        raise InvalidRequest("ingest.interrupted", "the sender went away; nothing was kept") from error
