"""The house of a drill: an installation of its own in a folder that goes, on addresses that are free."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import msgspec

from bijou.app.addresses import site_address
from bijou.app.clients import Clients, connected
from bijou.app.fleet import fleet
from bijou.app.keys import keys_of, token_keys
from bijou.app.settings import Settings
from bijou.catalog import NewTitle
from bijou.drills import House
from bijou.drills.grey import Fault, Proxy
from bijou.encoding import JobState, Sample, make_sample
from bijou.ingest import NewUpload
from bijou.ports import Clock, EngineUnavailable, SystemClock
from bijou.runtime import lifecycle, logs
from bijou.runtime.supervisor import Child

REGIONS = ("east", "west")
CUT = REGIONS[0]
_HOSTS = {"east": "127.0.0.4", "west": "127.0.0.5", "control": "127.0.0.6", "behind": "127.0.0.7"}
_PUBLISHED_WITHIN_S = 120.0
_SIZE = "426x240"

Told = Callable[[str, float], None]
"""Is told a step and its share of the whole."""


class Standing(msgspec.Struct, frozen=True):
    """A house that stands, and the film that can be seen in it.

    Args:
        page: Address of the title.
        token: The operator's.
        proxy: Stands before the region that is cut, if one was wished for.
    """

    house: House
    site: str
    page: str
    token: str
    edges: dict[str, str]
    proxy: Proxy | None = None


@contextlib.asynccontextmanager
async def standing(film_s: float, told: Told, *, usual: Fault | None = None) -> AsyncIterator[Standing]:
    """Start an installation with one film in it; end it and forget it with the block.

    Args:
        film_s: Length of the film.
        usual: What a proxy before the region that is cut does at first; None: there is no proxy.

    Raises:
        EngineUnavailable: it does not start, or the film is not published.
    """
    clock, chance = SystemClock(), SystemRandom()
    lifecycle.open_files()
    logs.configure("drill", clock=clock, level="error")
    with TemporaryDirectory(prefix="bijou-drill-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        settings = _settings(folder)
        keys_of(settings, chance)
        token_keys(settings, clock, chance)
        children = fleet(settings)
        edges = dict(edge.split("=", 1) for edge in settings.delivery.edges)
        told("start", 0.0)
        filming = asyncio.create_task(_film(folder, film_s, clock))
        proxy: Proxy | None = None
        try:
            async with contextlib.AsyncExitStack() as stack:
                if usual is not None:
                    behind = (_HOSTS["behind"], free_port(_HOSTS["behind"]))
                    place = urlsplit(edges[CUT])
                    before = (place.hostname or "", place.port or 0)
                    proxy = Proxy(before, behind, usual, clock=clock, chance=chance)
                    await stack.enter_async_context(proxy)
                    children = [_moved(child, behind) for child in children]
                house = House(children, CUT, clock=clock, chance=chance, logs_dir=folder / "logs")
                await stack.enter_async_context(house)
                told("film", 0.4)
                site, token = site_address(settings), (folder / "keys" / "operator.token").read_text().strip()
                async with connected(site, token) as clients:
                    slug = await _published(clients, await filming, clock, told)
                yield Standing(house, site, f"{site}/t/{slug}", token, edges, proxy)
        finally:
            filming.cancel()
            await asyncio.wait([filming])


def free_port(*hosts: str) -> int:
    """Return a port that is free at all these addresses at once.

    Raises:
        EngineUnavailable: `drills.no_port`.
    """
    for _ in range(50):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            port = 0
            for host in hosts:
                probe = stack.enter_context(socket.socket())
                probe.bind((host, port))
                port = probe.getsockname()[1]
            return port
    raise EngineUnavailable("drills.no_port", f"no port is free at all of {', '.join(hosts)}")


def _settings(folder: Path) -> Settings:
    edge_port = free_port(*(_HOSTS[region] for region in REGIONS))  # players' pathway clones ignore ports
    control, encoder, origin = _distinct(3, _HOSTS["control"])
    usual, host = Settings(), _HOSTS["control"]
    replace = msgspec.structs.replace
    return replace(
        usual,
        house=replace(usual.house, data_dir=str(folder), log_level="warning"),
        control=replace(usual.control, host=host, port=control),
        accounts=replace(usual.accounts, attempts=1_000_000),
        ingest=replace(usual.ingest, keep_free_bytes=0),
        encoding=replace(usual.encoding, analyse=False),
        encoder=replace(usual.encoder, host=host, port=encoder),
        origin=replace(usual.origin, host=host, port=origin),
        edge=replace(usual.edge, origin_url=f"http://{host}:{origin}"),
        delivery=replace(
            usual.delivery, edges=[f"{region}=http://{_HOSTS[region]}:{edge_port}" for region in REGIONS]
        ),
    )


def _distinct(count: int, host: str) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((host, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _moved(child: Child, behind: tuple[str, int]) -> Child:
    """Return the child of the region that is cut as it listens behind a proxy; others as they are."""
    if child.name != f"edge-{CUT}":
        return child
    place = {"BIJOU_EDGE_HOST": behind[0], "BIJOU_EDGE_PORT": str(behind[1])}
    return msgspec.structs.replace(child, env={**child.env, **place}, health=behind)


async def _film(folder: Path, film_s: float, clock: Clock) -> Path:
    sample = Sample(
        slug="drill",
        name="Drill",
        synopsis="A picture that moves, for people who are counted.",
        row="Drills",
        accent="#888888",
        duration_s=film_s,
        picture=f"testsrc2=size={_SIZE}:rate=24:duration={film_s:g}",
        sound=f"aevalsrc=0.1*sin(880*t)|0.1*sin(660*t):s=48000:d={film_s:g}",
        width=426,
        height=240,
    )
    return await make_sample(sample, folder / "drill.mp4", clock=clock)


async def _published(clients: Clients, film: Path, clock: Clock, told: Told) -> str:
    size_bytes = os.stat(film).st_size  # noqa: PTH116 - a number is all that is asked for
    opened = await clients.ingest.open(NewUpload(film.name, size_bytes, NewTitle(name="Drill", slug="drill")))

    async def content() -> AsyncIterator[bytes]:
        yield film.read_bytes()

    upload = await clients.ingest.receive(opened.id, content())
    until_ns = clock.monotonic_ns() + int(_PUBLISHED_WITHIN_S * 1e9)
    while clock.monotonic_ns() < until_ns:
        job = await clients.encoding.job(upload.job)
        told("film", 0.4 + 0.6 * job.progress)
        if job.state is JobState.DONE:
            return job.title
        if job.state in {JobState.REFUSED, JobState.FAILED}:
            break
        await clock.sleep(0.1)
    raise EngineUnavailable("drills.no_film", f"the drill's film was not published ({job.state})")
