"""The processes that are measured, each as it would run; and an origin that takes its time and counts."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import msgspec
import uvloop

from bijou.delivery import Grant, TokenKey, TokenKeys, serve_edge
from bijou.delivery.configs import EdgePlan, nginx_conf, varnish_arguments, varnish_vcl
from bijou.ports import SystemClock
from bijou.runtime.processes import die_with_parent
from tests.contract.conformance.engines import free_port

HOST: Final = "127.0.0.1"
KEY: Final = TokenKey("k1", bytes(range(32)))
FOLDER: Final = "ast_01a2b3c4-03e8-7226-b63c-5ab791b7584a"
SEGMENT: Final = f"/media/{FOLDER}/v1080/00001.m4s"
PLAYLIST: Final = f"/media/{FOLDER}/v1080/media.m3u8"
SIZES: Final = {"m4s": 2_000_000, "m3u8": 10_000}
TTFB_S: Final = 0.3
BODY_S: Final = 0.5
_SECRET: Final = "a secret of nginx"
_EVER: Final = 4_000_000_000


class Running(msgspec.Struct):
    """One server: where it answers, and the processes that it is."""

    name: str
    port: int
    pid: int
    signed: bool = False

    def processes(self) -> list[int]:
        """The process and all below it."""
        found, waiting = [], [self.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += [int(child) for child in task.read_text().split()]
        return found

    def cpu_s(self) -> float:
        """CPU seconds used so far."""
        return sum(_cpu_s(pid) for pid in self.processes())

    def memory_bytes(self) -> int:
        """Memory that is theirs alone."""
        return sum(_private_bytes(pid) for pid in self.processes())

    def target(self, path: str) -> str:
        """The address of an object, signed where this server asks for that."""
        if not self.signed:
            return path
        if self.name.startswith("nginx"):
            digest = hashlib.md5(f"{_EVER}{path} {_SECRET}".encode(), usedforsecurity=False).digest()
            return f"{path}?md5={urlsafe_b64encode(digest).rstrip(b'=').decode()}&expires={_EVER}"
        return f"{path}?token={token()}"


def token(session: str = "ses_1") -> str:
    keys = TokenKeys(lambda: [KEY], SystemClock())
    return keys.sign(Grant(FOLDER, _EVER, session))


def _cpu_s(pid: int) -> float:
    """By the scheduler's own nanoseconds; ticks are too coarse for two seconds on a busy machine."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def _private_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024


@contextmanager
def running(name: str, arguments: list[str], port: int, *, signed: bool = False) -> Iterator[Running]:
    """Run a server until the block ends; it is listening when the block begins."""
    process = subprocess.Popen(
        arguments,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - no thread but this one
        cwd=_ROOT,
    )
    try:
        _await(port, process)
        yield Running(name, port, process.pid, signed)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    async def listening() -> None:
        for _ in range(3000):
            if process.poll() is not None:
                raise RuntimeError(f"{process.args} ended: {(process.stderr or sys.stdin).read()!r}")
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return
        raise RuntimeError(f"{process.args} does not listen")

    asyncio.run(listening())


_ROOT: Final = Path(__file__).resolve().parents[2]


def _self(*words: object) -> list[str]:
    return [sys.executable, "-m", "benchmarks.delivery.servers", *map(str, words)]


@contextmanager
def origin(ttfb_s: float = 0.0, body_s: float = 0.0) -> Iterator[Running]:
    port = free_port()
    with running("origin", _self("origin", port, ttfb_s, body_s), port) as server:
        yield server


@contextmanager
def ours(origin_port: int, *, signed: bool) -> Iterator[Running]:
    port = free_port()
    name = "bijou, signed" if signed else "bijou"
    with running(name, _self("edge", port, origin_port, int(signed)), port, signed=signed) as server:
        yield server


@contextmanager
def nginx_static(folder: Path, *, signed: bool) -> Iterator[Running]:
    """nginx as it is fastest: sendfile, open files kept, one worker; with secure_link or without."""
    port = free_port()
    place = folder / f"static{int(signed)}"
    place.mkdir()
    for path in (SEGMENT, PLAYLIST):
        file = folder / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(SIZES[path.rpartition(".")[2]]))
    check = (
        f'secure_link $arg_md5,$arg_expires; secure_link_md5 "$secure_link_expires$uri {_SECRET}"; '
        'if ($secure_link = "") { return 403; } if ($secure_link = "0") { return 410; }'
        if signed
        else ""
    )
    user = "user root;" if os.geteuid() == 0 else ""
    conf = place / "nginx.conf"
    conf.write_text(f"""{user} worker_processes 1; daemon off; pid {place}/pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000;
  open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
  client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c;
  uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;
  server {{ listen {HOST}:{port} backlog=4096; location / {{ root {folder}; {check} }} }} }}""")
    name = "nginx secure_link" if signed else "nginx static"
    with running(name, ["nginx", "-p", str(place), "-c", str(conf)], port, signed=signed) as server:
        yield server


@contextmanager
def nginx_cache(folder: Path, origin_port: int) -> Iterator[Running]:
    plan = _plan(folder, origin_port)
    conf = folder / "nginx.conf"
    conf.write_text(nginx_conf(plan).replace("worker_processes auto;", "worker_processes 1;"))
    with running(
        "nginx proxy_cache_lock", ["nginx", "-p", str(folder), "-c", str(conf)], plan.port
    ) as server:
        yield server


@contextmanager
def varnish(folder: Path, origin_port: int) -> Iterator[Running]:
    plan = _plan(folder, origin_port)
    vcl = folder / "edge.vcl"
    vcl.write_text(varnish_vcl(plan))
    program, *arguments = varnish_arguments(plan, str(vcl))
    with running("Varnish", [program, "-j", "none", *arguments], plan.port) as server:
        yield server


def _plan(folder: Path, origin_port: int) -> EdgePlan:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    user = "root" if os.geteuid() == 0 else ""
    return EdgePlan(
        HOST, free_port(), f"http://{HOST}:{origin_port}", cache_bytes=1 << 28, folder=str(folder),
        connections=4000, tokens=False, user=user,
    )  # fmt: skip


def fetches(server: Running) -> int:
    """How often an origin was asked for media."""
    return int(httpx.get(f"http://{HOST}:{server.port}/count").text)


class _Paced(asyncio.Protocol):
    """An origin of zeroes: its first byte after a while, its body over a while."""

    asked = 0
    ttfb_s = body_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        path = data.split(b" ")[1].partition(b"?")[0].decode()
        if path == "/count":
            self._write(str(_Paced.asked).encode(), "text/plain")
        elif path == "/healthz":
            self._write(b"{}", "application/json")
            self.transport.close()  # whoever probes waits for the end
        else:
            _Paced.asked += 1
            self.task = asyncio.get_running_loop().create_task(
                self._media(SIZES.get(path.rpartition(".")[2], 0))
            )

    def _head(self, size: int, kind: str) -> bytes:
        return (
            f'HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nContent-Type: {kind}\r\nETag: "e"\r\n'
            "Cache-Control: public, max-age=31536000, immutable\r\n\r\n"
        ).encode()

    def _write(self, body: bytes, kind: str) -> None:
        self.transport.write(self._head(len(body), kind) + body)

    async def _media(self, size: int) -> None:
        await asyncio.sleep(self.ttfb_s)
        self.transport.write(self._head(size, "video/mp4"))
        steps = 20 if self.body_s else 1
        for step in range(steps):
            self.transport.write(bytes(size * (step + 1) // steps - size * step // steps))
            await asyncio.sleep(self.body_s / steps)


async def _origin(port: int, ttfb_s: float, body_s: float) -> None:
    _Paced.ttfb_s, _Paced.body_s = ttfb_s, body_s
    server = await asyncio.get_running_loop().create_server(_Paced, HOST, port, backlog=4096)
    await server.serve_forever()


async def _edge(port: int, origin_port: int, *, signed: bool) -> None:
    clock = SystemClock()
    await serve_edge(
        region="east", origin_url=f"http://{HOST}:{origin_port}", cache_bytes=1 << 28, host=HOST, port=port,
        idle_s=60, connections=4000, clock=clock, stop=asyncio.Event(), ready=lambda _: None,
        keys=TokenKeys(lambda: [KEY], clock) if signed else None,
    )  # fmt: skip


def main(words: list[str]) -> None:
    match words:
        case ["origin", port, ttfb_s, body_s]:
            uvloop.run(_origin(int(port), float(ttfb_s), float(body_s)))
        case ["edge", port, origin_port, signed]:
            import structlog  # noqa: PLC0415 - this process alone

            structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
            uvloop.run(_edge(int(port), int(origin_port), signed=bool(int(signed))))


if __name__ == "__main__":
    main(sys.argv[1:])
