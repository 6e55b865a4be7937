"""Uploads over HTTP: the routes, and the client that sends files."""

from collections.abc import AsyncIterator

import msgspec

from bijou.ingest import tus
from bijou.ingest.api import Checksum, Ingest, NewUpload, Upload
from bijou.ports import Role
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
    summary="Send the announced bytes, all of them; what begins like no film is refused.",
    gives=Upload,
)
UPLOAD = Endpoint(
    method="GET", path="/api/uploads/{upload_id}", role=Role.EDITOR, summary="One upload.", gives=Upload
)
ABANDON = Endpoint(
    method="DELETE",
    path="/api/uploads/{upload_id}",
    role=Role.EDITOR,
    summary="Forget an upload; its encode is cancelled.",
    status=204,
)


def routes(ingest: Ingest, max_bytes: int = 0) -> list[Route]:
    """Serve uploads, by tus too.

    Args:
        max_bytes: Longest file, as told to those who ask by tus; 0 tells nothing.
    """

    async def open_(call: Call) -> Upload:
        return await ingest.open(call.body, owner=call.principal.id)

    async def receive(call: Call) -> Upload:
        return await ingest.receive(call.path["upload_id"], tus.content_of(call.request))

    async def upload(call: Call) -> Upload:
        return await ingest.upload(call.path["upload_id"])

    async def abandon(call: Call) -> None:
        await ingest.abandon(call.path["upload_id"])

    return [
        OPEN.bind(open_),
        RECEIVE.bind(receive),
        UPLOAD.bind(upload),
        ABANDON.bind(abandon),
        *tus.routes(ingest, max_bytes),
    ]


def routes_of_announced(ingest: Ingest, max_bytes: int, files: str, role: Role) -> list[Route]:
    """Serve the bytes of uploads that are announced in another way than here.

    Args:
        files: Where: in place of `/api/tus`.
        role: In place of the editor's.
    """

    async def upload(call: Call) -> Upload:
        return await ingest.upload(call.path["upload_id"])

    # Behind those of tus: a GET answers HEAD, too, and tus has a HEAD of its own.
    return [*tus.routes_elsewhere(ingest, max_bytes, files, role), _announced(files, role).bind(upload)]


def _announced(files: str, role: Role) -> Endpoint:
    return msgspec.structs.replace(UPLOAD, path=f"{files}/{{upload_id}}", role=role)


class IngestClient:
    """`Ingest` of another process."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def open(self, new: NewUpload, *, owner: str = "", metadata: str = "") -> Upload:  # noqa: ARG002 - see `Ingest`
        """Announce a file."""
        upload: Upload = await self._wire.call(OPEN, new)
        return upload

    async def append(
        self,
        upload_id: str,
        offset_bytes: int,
        content: AsyncIterator[bytes],
        *,
        checksum: Checksum | None = None,
    ) -> Upload:
        """Send some of the bytes."""
        headers = tus.headers_of(offset_bytes, checksum)
        await self._wire.call(tus.APPEND, content=content, headers=headers, upload_id=upload_id)
        return await self.upload(upload_id)

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


class AnnouncedClient(IngestClient):
    """`append` and `upload` of `routes_of_announced`."""

    def __init__(self, wire: Wire, files: str, role: Role) -> None:
        super().__init__(wire)
        self._upload = _announced(files, role)
        self._append = tus.elsewhere(tus.APPEND, files, role)

    async def append(
        self,
        upload_id: str,
        offset_bytes: int,
        content: AsyncIterator[bytes],
        *,
        checksum: Checksum | None = None,
    ) -> Upload:
        """Send some of the bytes."""
        headers = tus.headers_of(offset_bytes, checksum)
        await self._wire.call(self._append, content=content, headers=headers, upload_id=upload_id)
        return await self.upload(upload_id)

    async def upload(self, upload_id: str) -> Upload:
        """Return one upload."""
        upload: Upload = await self._wire.call(self._upload, upload_id=upload_id)
        return upload
