"""One origin that counts, and in front of it the edge of one make or another."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

from bijou.delivery import Grant, TokenKey, TokenKeys, serve_edge
from bijou.delivery.answers import Answer
from bijou.delivery.configs import (
    Certificate,
    EdgePlan,
    Front,
    TlsPlan,
    nginx_conf,
    tls_conf,
    varnish_arguments,
    varnish_vcl,
)
from bijou.delivery.origin import Origin
from bijou.delivery.server import Server, serve
from bijou.delivery.wire import Request
from bijou.engines.files import FileBlobs
from bijou.ports import Clock, SystemClock
from tests.contract.certificates import Shown, certified
from tests.contract.delivery.scene import HOST, REAL

TLS: Final = "ours-behind-tls"
TLS_NGINX: Final = "nginx-with-tls"
ASSET: Final = "ast_01a2b3c4-03e8-7226-b63c-5ab791b7584a"
BASE: Final = f"/media/{ASSET}"
BODY: Final = bytes(range(256)) * 1024
WITHOUT: Final = set(os.environ.get("BIJOU_TEST_WITHOUT", "").split(","))
PROGRAMS: Final = {"nginx": "nginx", "varnish": "varnishd", TLS: "nginx", TLS_NGINX: "nginx"}
PACKAGES: Final = {"nginx": "nginx-light", "varnish": "varnish", TLS: "nginx-light", TLS_NGINX: "nginx-light"}


class CountingOrigin(Origin):
    """The real one, which also remembers what it was asked for."""

    def __init__(self, blobs: FileBlobs, clock: Clock, keys: TokenKeys) -> None:
        super().__init__(blobs, clock, keys)
        self.asked: list[Request] = []
        self.gate_open = threading.Event()
        self.gate_open.set()

    def at_once(self, request: Request) -> Answer | None:
        if request.path.startswith("/media/"):
            self.asked.append(request)
        return super().at_once(request)

    async def later(self, request: Request) -> Answer:
        while not self.gate_open.is_set():
            await REAL.sleep(0.002)
        return await super().later(request)

    def fetches(self, path: str) -> int:
        return sum(request.path == path for request in self.asked)


class Background:
    """An event loop in a thread of its own, for what must answer while a test waits."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._running: list[tuple[asyncio.Event, Any]] = []

    def start(self, run: Callable[[asyncio.Event, Callable[[int], None]], Awaitable[None]]) -> int:
        """Run a service; return its port."""
        stop, port = asyncio.Event(), asyncio.run_coroutine_threadsafe(_future(), self.loop).result()

        async def main() -> None:
            await run(stop, port.set_result)

        running = asyncio.run_coroutine_threadsafe(main(), self.loop)
        self._running.append((stop, running))
        return asyncio.run_coroutine_threadsafe(_within(port), self.loop).result()

    def close(self) -> None:
        for stop, running in reversed(self._running):
            self.loop.call_soon_threadsafe(stop.set)
            running.result(20)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _future() -> "asyncio.Future[int]":
    return asyncio.get_running_loop().create_future()


async def _within(port: "asyncio.Future[int]") -> int:
    return await asyncio.wait_for(port, 20)


class House:
    """An origin with media, and the keys of tokens."""

    def __init__(self, folder: Path) -> None:
        self.clock = SystemClock()
        self.background = Background()
        self.keys = TokenKeys(lambda: [TokenKey("k1", bytes(range(32)))], self.clock)
        self.blobs = FileBlobs(folder, self.clock)
        self.origin = CountingOrigin(self.blobs, self.clock, self.keys)
        self.origin_port = self.serve(self.origin)

    def serve(self, site: Origin) -> int:
        server = Server(site, self.clock, idle_s=60, connections=2000)

        async def run(stop: asyncio.Event, ready: Callable[[int], None]) -> None:
            await serve(server, HOST, 0, stop=stop, ready=ready)

        return self.background.start(run)

    def publish(self, key: str, content: bytes) -> str:
        """Store media; return its path."""
        asyncio.run_coroutine_threadsafe(self.blobs.put(key, content), self.background.loop).result()
        return f"/{key}"

    def token(self, scope: str = ASSET, *, for_s: int = 600, session: str = "ses_1") -> str:
        now_s = self.clock.now() // 1_000_000
        return self.keys.sign(Grant(scope, now_s + for_s, session))


def installed(engine: str) -> bool:
    """Tell whether an engine may be had; `make test WITHOUT=...` goes without and says so."""
    return engine == "ours" or (
        PACKAGES[engine] not in WITHOUT and shutil.which(PROGRAMS[engine]) is not None
    )


@contextlib.contextmanager
def edge_of(engine: str, house: House, folder: Path, shields: tuple[str, ...] = ()) -> Iterator[int]:
    """Run an edge of one make until the block ends; yield its port."""
    origin_url = f"http://{HOST}:{house.origin_port}"
    if engine == "ours":
        yield _ours(house, origin_url, shields)
        return
    folder.chmod(0o755)
    shown = certified(folder, HOST)
    certificate = Certificate(str(shown.certificate), str(shown.key))
    plan = EdgePlan(
        HOST, free_port(), origin_url, shields, cache_bytes=64 << 20, folder=str(folder), connections=1000,
        user="root" if os.geteuid() == 0 else "", tls=certificate if engine == TLS_NGINX else None,
    )  # fmt: skip
    if engine == TLS:
        front = Front(
            f"https://{HOST}:{plan.port}", f"{HOST}:{_ours(house, origin_url, shields)}", media=True
        )
        text = tls_conf(TlsPlan((front,), certificate, http_port=0, connections=1000, folder=str(folder)))
        process = started_nginx(text, folder)
    else:
        process = _varnish(plan, folder) if engine == "varnish" else started_nginx(nginx_conf(plan), folder)
    try:
        _await_port(plan.port, process)
        yield plain(house, shown, plan.port) if engine in {TLS, TLS_NGINX} else plan.port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def plain(house: House, shown: Shown, port: int) -> int:
    """Return a port whose bytes go to another one over TLS, to and fro; the certificate is checked."""
    trust = shown.trust()
    running: set[asyncio.Task[Any]] = set()

    async def forwarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(HOST, port, ssl=trust)
        for passing in (_passed(reader, back), _passed(there, writer)):
            running.add(task := asyncio.create_task(passing))
            task.add_done_callback(running.discard)

    async def run(stop: asyncio.Event, ready: Callable[[int], None]) -> None:
        server = await asyncio.start_server(forwarded, HOST, 0)
        ready(server.sockets[0].getsockname()[1])
        await stop.wait()
        server.close()
        for task in running:
            task.cancel()

    return house.background.start(run)


async def _passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    writer.close()


def _ours(house: House, origin_url: str, shields: tuple[str, ...]) -> int:
    async def run(stop: asyncio.Event, ready: Callable[[int], None]) -> None:
        await serve_edge(
            region="east", origin_url=origin_url, shields=shields, cache_bytes=64 << 20, host=HOST, port=0,
            idle_s=60, connections=1000, clock=house.clock, stop=stop, ready=ready, keys=house.keys,
        )  # fmt: skip

    return house.background.start(run)


def started_nginx(text: str, folder: Path) -> "subprocess.Popen[bytes]":
    """Start an nginx of one worker."""
    conf = folder / "nginx.conf"
    conf.write_text(text.replace("worker_processes auto;", "worker_processes 1;"))
    with (folder / "nginx.log").open("wb") as errors:
        return subprocess.Popen(["nginx", "-p", str(folder), "-c", str(conf)], stderr=errors, stdout=errors)


def _varnish(plan: EdgePlan, folder: Path) -> "subprocess.Popen[bytes]":
    vcl = folder / "edge.vcl"
    vcl.write_text(varnish_vcl(plan))
    program, *arguments = varnish_arguments(plan, str(vcl))
    with (folder / "varnish.log").open("wb") as errors:
        return subprocess.Popen([program, "-j", "none", *arguments], stderr=errors, stdout=errors)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _await_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return when somebody listens; what never does fails the test."""

    async def listening() -> None:
        for _ in range(2000):
            assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                await REAL.sleep(0.01)
            else:
                writer.close()
                return
        raise AssertionError(f"nobody listens at {port}")

    asyncio.run(listening())
