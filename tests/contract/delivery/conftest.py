import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from bijou.engines.files import FileBlobs
from bijou.ports import Instant, VirtualClock
from tests.contract.delivery.scene import Client, Loop, ask, connected, edge, origin, patiently

PUBLISHED_AT = Instant.parse("2026-03-01T12:00:00.5Z")
BODY = bytes(range(256)) * 40 + b"tail"
BIG = bytes(range(251)) * 9000
MEDIA = {
    "media/ast_1/master.m3u8": b"#EXTM3U\n",
    "media/ast_1/manifest.mpd": b"<MPD/>",
    "media/ast_1/v360/init.mp4": b"ftyp",
    "media/ast_1/v360/00001.m4s": BODY,
    "media/ast_1/v360/00002.m4s": BIG,
    "media/ast_1/poster.jpg": b"\xff\xd8",
    "media/ast_1/sprite.vtt": b"WEBVTT",
    "media/ast_1/empty.m4s": b"",
    "media/ast_1/live/v360.m3u8": b"#EXTM3U\n#EXT-X-PLAYLIST-TYPE:EVENT\n",
    "uploads/upl_1": b"private",
}


class Stage:
    """A server with media behind it, on one kind of event loop."""

    def __init__(self, kind: str, loop: Loop, folder: Path) -> None:
        self.kind, self.loop, self.folder = kind, loop, folder

    def play(self, act: Callable[[Client], Awaitable[None]]) -> None:
        async def scene(port: int) -> None:
            async with connected(port) as client:
                await act(client)

        self.play_at(scene)

    def play_at(self, act: Callable[[int], Awaitable[None]]) -> None:
        self.loop(patiently(self._scene(act)))

    async def _scene(self, act: Callable[[int], Awaitable[None]]) -> None:
        clock = VirtualClock(PUBLISHED_AT)
        async with contextlib.AsyncExitStack() as stack:
            port = await stack.enter_async_context(origin(self.folder, clock))
            if self.kind != "origin":
                port = await stack.enter_async_context(edge(port, clock))
            if self.kind == "edge-warm":
                for key in MEDIA:
                    await ask(port, f"/{key}")
            await act(port)


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Loop:
    chosen: Loop = request.param
    return chosen


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blobs")

    async def publish() -> None:
        blobs = FileBlobs(folder, VirtualClock(PUBLISHED_AT))
        for key, content in MEDIA.items():
            await blobs.put(key, content)

    asyncio.run(publish())
    return folder


@pytest.fixture(params=["origin", "edge-cold", "edge-warm"])
def stage(request: pytest.FixtureRequest, loop: Loop, published: Path) -> Stage:
    return Stage(request.param, loop, published)
