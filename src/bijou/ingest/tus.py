"""tus 1.0.0 in front of uploads: create, ask where to go on, send on, forget.

An upload that was announced with `POST /api/uploads` is a tus resource as well,
at `/api/tus/{its id}`. Spoken are the core protocol and the extensions
`creation`, `creation-with-upload`, `checksum`, `expiration` and `termination`.

Source: tus resumable upload protocol 1.0.0 (https://tus.io/protocols/resumable-upload).
One thing is stricter here: `X-HTTP-Method-Override` is heard on POST, PATCH and
DELETE only, for a HEAD or OPTIONS that changes something would walk around the
CSRF token and the role.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from email.utils import formatdate

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bijou.catalog import NewTitle
from bijou.ingest.api import Checksum, Ingest, NewUpload, Upload, UploadState
from bijou.ingest.model import ALGORITHMS, TooLarge
from bijou.ports import BijouError, InvalidRequest, Role
from bijou.runtime.http import Call, Endpoint, Route

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
OCTETS = "application/offset+octet-stream"

_EVERY = (("Tus-Resumable", VERSION), ("Tus-Version", VERSION))
_FILES, _FILE = "/api/tus", "/api/tus/{upload_id}"
_HEAR_OUT_BYTES = 64 << 20
_HEAR_OUT_S = 5.0
_METADATA = re.compile(r"([!-+\--~]+)(?: ([A-Za-z0-9+/]*={0,2}))?")
_MAX_METADATA = 8192

CAN = Endpoint(
    method="OPTIONS",
    path=_FILES,
    role=Role.ANYONE,
    summary="Which tus is spoken here.",
    status=204,
    headers=_EVERY,
)
CAN_FILE = Endpoint(
    method="OPTIONS", path=_FILE, role=Role.ANYONE, summary="The same.", status=204, headers=_EVERY
)
CREATE = Endpoint(
    method="POST",
    path=_FILES,
    role=Role.EDITOR,
    summary="tus: announce a file, and send the first of its bytes or none.",
    status=201,
    headers=_EVERY,
)
OFFSET = Endpoint(method="HEAD", path=_FILE, role=Role.EDITOR, summary="tus: where to go on.", headers=_EVERY)
APPEND = Endpoint(
    method="PATCH",
    path=_FILE,
    role=Role.EDITOR,
    summary="tus: send bytes from an offset on.",
    status=204,
    headers=_EVERY,
)
TERMINATE = Endpoint(
    method="DELETE",
    path=_FILE,
    role=Role.EDITOR,
    summary="tus: forget an upload; its encode is cancelled.",
    status=204,
    headers=_EVERY,
)
OVERRIDDEN = Endpoint(
    method="POST",
    path=_FILE,
    role=Role.EDITOR,
    summary="tus: what X-HTTP-Method-Override says.",
    status=204,
    headers=_EVERY,
)


class BadHeader(InvalidRequest):
    """A header that does not say what it must."""

    status = 400
    title = "Bad request"


class WrongVersion(InvalidRequest):
    """Another protocol than ours."""

    status = 412
    title = "Precondition failed"


class NotOctets(InvalidRequest):
    """A body that is not what the bytes of an upload are."""

    status = 415
    title = "Unsupported media type"


Answer = Callable[[Call], Awaitable[Response]]


def routes(ingest: Ingest, max_bytes: int) -> list[Route]:
    """Serve tus.

    Args:
        max_bytes: Longest file, as told to those who ask; 0 tells nothing.
    """
    door = _Door(ingest, max_bytes, EXTENSIONS)
    of_files = {"POST": door.create, "OPTIONS": door.can}
    return [
        CAN.bind(_plain(door.can, "OPTIONS")),
        CREATE.bind(_overridable("POST", of_files)),
        *_of_file(door, lambda endpoint: endpoint),
    ]


def routes_elsewhere(ingest: Ingest, max_bytes: int, files: str, role: Role) -> list[Route]:
    """Serve tus for uploads that are announced in another way than by tus.

    Args:
        files: In place of `/api/tus`.
        role: In place of the editor's.
    """
    door = _Door(ingest, max_bytes, ",".join(one for one in EXTENSIONS.split(",") if "creation" not in one))
    return _of_file(door, lambda endpoint: elsewhere(endpoint, files, role))


def elsewhere(endpoint: Endpoint, files: str, role: Role) -> Endpoint:
    """Return an endpoint of tus at another address, for another role."""
    return msgspec.structs.replace(
        endpoint,
        path=files + endpoint.path.removeprefix(_FILES),
        role=endpoint.role if endpoint.role is Role.ANYONE else role,
        summary=endpoint.summary.replace("; its encode is cancelled", ""),
    )


def _of_file(door: "_Door", placed: Callable[[Endpoint], Endpoint]) -> list[Route]:
    of_file = {"HEAD": door.offset, "PATCH": door.append, "DELETE": door.terminate, "OPTIONS": door.can}
    return [
        placed(CAN_FILE).bind(_plain(door.can, "OPTIONS")),
        placed(OFFSET).bind(_plain(door.offset, "HEAD")),
        placed(APPEND).bind(_overridable("PATCH", of_file)),
        placed(TERMINATE).bind(_overridable("DELETE", of_file)),
        placed(OVERRIDDEN).bind(_overridable("POST", of_file)),
    ]


def headers_of(offset_bytes: int, checksum: Checksum | None) -> dict[str, str]:
    """Return what a client says with the bytes that it sends."""
    headers = {"Tus-Resumable": VERSION, "Upload-Offset": str(offset_bytes), "Content-Type": OCTETS}
    if checksum:
        digest = base64.b64encode(checksum.digest).decode()
        headers["Upload-Checksum"] = f"{checksum.algorithm} {digest}"
    return headers


async def content_of(request: Request) -> AsyncIterator[bytes]:
    """Yield a request's body; InvalidRequest `ingest.interrupted` where the sender goes away."""
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect as error:
        raise InvalidRequest("ingest.interrupted", "the sender went away") from error


class _Door:
    """The methods of tus on `Ingest`."""

    def __init__(self, ingest: Ingest, max_bytes: int, extensions: str) -> None:
        self._ingest = ingest
        self._max_bytes = max_bytes
        self._extensions = extensions

    async def can(self, _: Call) -> Response:
        headers = {"Tus-Extension": self._extensions, "Tus-Checksum-Algorithm": ",".join(ALGORITHMS)}
        if self._max_bytes:
            headers["Tus-Max-Size"] = str(self._max_bytes)
        return Response(status_code=204, headers=headers)

    async def offset(self, call: Call) -> Response:
        upload = await self._ingest.upload(call.path["upload_id"])
        headers = {"Upload-Length": str(upload.size_bytes)}
        if upload.metadata:
            headers["Upload-Metadata"] = upload.metadata
        return _answer(upload, 200, headers)

    async def create(self, call: Call) -> Response:
        request = call.request
        if "upload-defer-length" in request.headers:
            raise BadHeader("ingest.bad_header", "Upload-Defer-Length: the length must be known here")
        size_bytes = _number(request, "upload-length")
        written = request.headers.get("upload-metadata", "")
        said = metadata_of(written)
        checksum = _checksum(request)
        brings = _media_type(request) == OCTETS
        filename = said.get("filename") or said.get("name") or "upload"
        title = NewTitle(said["title"], synopsis=said.get("synopsis", "")) if said.get("title") else None
        new = NewUpload(filename, size_bytes, title)
        upload = await self._ingest.open(new, owner=call.principal.id, metadata=written)
        if brings:
            upload = await self._append(request, upload, 0, checksum)
        return _answer(upload, 201, {"Location": f"{_FILES}/{upload.id}"})

    async def append(self, call: Call) -> Response:
        request = call.request
        if _media_type(request) != OCTETS:
            raise NotOctets("ingest.not_octets", f"bytes of an upload come as Content-Type: {OCTETS}")
        offset_bytes = _number(request, "upload-offset")
        checksum = _checksum(request)
        upload = await self._ingest.upload(call.path["upload_id"])
        return _answer(await self._append(request, upload, offset_bytes, checksum), 204)

    async def terminate(self, call: Call) -> Response:
        await self._ingest.abandon(call.path["upload_id"])
        return Response(status_code=204)

    async def _append(
        self, request: Request, upload: Upload, offset_bytes: int, checksum: Checksum | None
    ) -> Upload:
        try:
            _check_length(request, upload, offset_bytes)
            return await self._ingest.append(upload.id, offset_bytes, content_of(request), checksum=checksum)
        except BijouError:
            await _hear_out(request)
            raise


def metadata_of(written: str) -> dict[str, str]:
    """Return what an `Upload-Metadata` header says, as text.

    Raises:
        InvalidRequest: `ingest.bad_metadata`, it breaks the protocol's rules.

    Example:
        >>> metadata_of("filename c2ludGVsLm1wNA==,draft")
        {'filename': 'sintel.mp4', 'draft': ''}
    """
    said: dict[str, str] = {}
    if len(written) > _MAX_METADATA:
        raise BadHeader("ingest.bad_metadata", f"Upload-Metadata is over {_MAX_METADATA} characters")
    for pair in written.split(",") if written else ():
        parsed = _METADATA.fullmatch(pair.strip(" "))
        if parsed is None or parsed[1] in said:
            raise BadHeader("ingest.bad_metadata", "Upload-Metadata: keys once each, values in Base64")
        try:
            said[parsed[1]] = base64.b64decode(parsed[2] or "", validate=True).decode(errors="replace")
        except binascii.Error:
            raise BadHeader(
                "ingest.bad_metadata", f"Upload-Metadata: the value of {parsed[1]} is no Base64"
            ) from None
    return said


def _plain(answer: Answer, method: str) -> Answer:
    """Check the version, and refuse to be taken for another method."""

    async def answered(call: Call) -> Response:
        if call.request.headers.get("x-http-method-override", method).upper() != method:
            raise BadHeader("ingest.bad_header", f"X-HTTP-Method-Override is not heard on {method}")
        if method != "OPTIONS":
            _check_version(call.request)
        return await answer(call)

    return answered


def _overridable(method: str, answers: Mapping[str, Answer]) -> Answer:
    async def answered(call: Call) -> Response:
        wanted = call.request.headers.get("x-http-method-override", method).upper()
        if wanted != "OPTIONS":
            _check_version(call.request)
        if wanted not in answers:
            raise BadHeader("ingest.bad_header", f"{wanted} does nothing here; {', '.join(answers)} do")
        return await answers[wanted](call)

    return answered


def _answer(upload: Upload, status: int, more: Mapping[str, str] | None = None) -> Response:
    headers = {"Upload-Offset": str(upload.offset_bytes), "Cache-Control": "no-store", **(more or {})}
    if upload.state is UploadState.OPEN:
        headers["Upload-Expires"] = formatdate(upload.expires_at / 1e6, usegmt=True)
    return Response(status_code=status, headers=headers)


def _check_version(request: Request) -> None:
    version = request.headers.get("tus-resumable", "")
    if version != VERSION:
        raise WrongVersion("ingest.tus_version", f"Tus-Resumable is {version!r}; spoken is {VERSION}")


def _check_length(request: Request, upload: Upload, offset_bytes: int) -> None:
    length = request.headers.get("content-length", "")
    if offset_bytes == upload.offset_bytes and length.isdecimal():
        missing = upload.size_bytes - offset_bytes
        if int(length) > missing:
            raise TooLarge("ingest.overrun", f"{length} bytes are announced and {missing} are missing")


def _number(request: Request, name: str) -> int:
    written = request.headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", written):
        raise BadHeader("ingest.bad_header", f"{name.title()} is {written!r}; it takes a number of bytes")
    return int(written)


def _checksum(request: Request) -> Checksum | None:
    written = request.headers.get("upload-checksum")
    if written is None:
        return None
    algorithm, _, digest = written.partition(" ")
    try:
        return Checksum(algorithm, base64.b64decode(digest, validate=True))
    except binascii.Error:
        raise BadHeader(
            "ingest.bad_header", "Upload-Checksum takes an algorithm, a space and Base64"
        ) from None


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _hear_out(request: Request) -> None:
    """Let a sender say the rest of what is refused, within reason: many listen only then."""
    if "expect" in request.headers:
        return
    left = _HEAR_OUT_BYTES
    try:
        async with asyncio.timeout(_HEAR_OUT_S):
            async for piece in request.stream():
                left -= len(piece)
                if left < 0:
                    return
    except (TimeoutError, ClientDisconnect, RuntimeError):
        return  # too slow, gone, or heard out already
