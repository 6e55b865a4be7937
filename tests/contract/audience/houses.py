"""A control plane's audiences in a folder of their own, and people who send features."""

import asyncio
import functools
import io
import json
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from bijou.app import schema
from bijou.app.audience_child import bring_in
from bijou.app.audience_uploads import AudienceRooms, audience_rooms, routes_of_audiences
from bijou.app.audiences import audience_key
from bijou.app.settings import House, Ingest, Settings
from bijou.audience import Hasher
from bijou.audience.api import AudienceService
from bijou.audience.uploads_kept import Order
from bijou.audience.uploads_progress import Heard
from bijou.engines.files import FileBlobs
from bijou.ports import BijouError, Clock, Credentials, Principal, Role, VirtualClock
from bijou.runtime import codec
from bijou.runtime.http import service_app

MAX_BYTES = 50_000_000


class Doorman:
    """Lets everybody in as ad operations."""

    async def principal(self, credentials: Credentials) -> Principal:
        return Principal("usr_1", credentials.bearer, frozenset({Role.ADOPS}))


def settings_of(folder: Path) -> Settings:
    ingest = Ingest(max_bytes=MAX_BYTES, keep_free_bytes=0)
    return Settings(house=House(data_dir=str(folder)), ingest=ingest)


def opened(folder: Path, clock: Clock | None = None) -> AudienceRooms:
    clock = clock or VirtualClock()
    (folder / "audience").mkdir(parents=True, exist_ok=True)
    if not (folder / "audience" / "uploads.db").is_file():
        (folder / "audience" / "uploads.db").write_bytes(_tables())
    blobs = FileBlobs(folder / "blobs", clock)
    return audience_rooms(settings_of(folder), blobs, clock, Random(1))


@functools.cache
def _tables() -> bytes:
    """Return an empty file of tables; making them takes a second."""
    with tempfile.TemporaryDirectory() as folder:
        schema.upgrade(Path(folder) / "t.db")
        return (Path(folder) / "t.db").read_bytes()


def client_of(rooms: AudienceRooms) -> httpx.AsyncClient:
    app = service_app(routes_of_audiences(rooms, MAX_BYTES), Doorman())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://control", timeout=60)


def features(people: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return a Parquet file; what somebody lacks is unknown."""
    names = list(dict.fromkeys(name for known in people.values() for name in known))
    columns = {name: [known.get(name) for known in people.values()] for name in names}
    file = io.BytesIO()
    pq.write_table(pa.table({"user": list(people), **columns}), file, row_group_size=1000)
    return file.getvalue()


def consenting(count: int, **more: Any) -> dict[str, dict[str, Any]]:
    """Return people of one country who agree to everything."""
    return {f"u{n}": {"home_country": "DE", "consent": "ads", "age": n % 90, **more} for n in range(count)}


async def moment() -> None:
    """Let other tasks and threads run once."""
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)


async def send(client: httpx.AsyncClient, upload: str, content: bytes, at: int = 0) -> httpx.Response:
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": str(at),
        "Content-Type": "application/offset+octet-stream",
    }
    return await client.patch(f"/api/audience-tus/{upload}", content=content, headers=headers)


async def order(client: httpx.AsyncClient, **new: Any) -> httpx.Response:
    return await client.post("/api/audience-batches", json=new)


async def uploaded(client: httpx.AsyncClient, batch: str, content: bytes, **more: Any) -> dict[str, Any]:
    """Announce a file and send it whole."""
    announced = await order(client, id=batch, filename="f.parquet", size_bytes=len(content), **more)
    assert announced.status_code == 201, announced.text
    state: dict[str, Any] = announced.json()
    if state["upload"]:
        sent = await send(client, state["upload"], content)
        assert sent.status_code == 204, sent.text
    return state


async def lines(client: httpx.AsyncClient, *rows: Mapping[str, Any]) -> httpx.Response:
    body = "\n".join(json.dumps(row) for row in rows)
    return await client.post(
        "/api/audience-updates", content=body.encode(), headers={"Content-Type": "application/x-ndjson"}
    )


class HereBringing:
    """Brings batches in in a thread of this process; a test may stop it at any word."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.begun: list[str] = []
        self.heard: list[Heard] = []
        self.between: Callable[[], Awaitable[None]] | None = None
        self.fails: list[BijouError | None] = []  # None: it dies without a word
        hasher = Hasher(audience_key(settings_of(folder), Random(1)), native=False)
        self._audiences = AudienceService(folder / "audience", hasher, clock)

    async def __call__(self, order: Path, tell: Callable[[Heard], None]) -> None:
        wanted = await self._read(order)
        self.begun.append(wanted.id)
        if self.between is not None:
            await self.between()
            wanted = await self._read(order)
        if self.fails:
            if failure := self.fails.pop(0):
                tell(Heard(problem=failure.problem()))
            return

        def hear(heard: Heard) -> None:
            self.heard.append(heard)
            tell(heard)

        try:
            hear(Heard(report=bring_in(self._audiences, wanted, hear)))
        except BijouError as error:
            hear(Heard(problem=error.problem()))

    async def _read(self, order: Path) -> Order:
        return codec.decode(await asyncio.to_thread(order.read_bytes), Order)


def here(rooms: AudienceRooms, folder: Path, clock: Clock) -> HereBringing:
    """Let a house bring its batches in in this process."""
    bringing = HereBringing(folder, clock)
    rooms.batches._bringing = bringing
    return bringing
