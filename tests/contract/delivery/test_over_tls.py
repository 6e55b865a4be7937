"""What is behind TLS is fetched and probed like the rest, and only where its certificate holds."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bijou.delivery import Pathway, Pathways
from bijou.delivery.model import OriginFailed
from bijou.delivery.probing import keep_probing
from bijou.delivery.upstream import Upstream
from bijou.engines.files import FileBlobs
from tests.contract.certificates import Shown, certified
from tests.contract.delivery.scene import HOST, REAL, edge, origin, patiently, until

BODY = bytes(range(256)) * 2000


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return certified(tmp_path_factory.mktemp("shown"), HOST)


@contextlib.asynccontextmanager
async def behind_tls(shown: Shown, port: int) -> AsyncIterator[str]:
    """Speak TLS before what listens at a port; yield its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    running: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(HOST, port)
        for passing in (passed(reader, back), passed(there, writer)):
            running.add(task := asyncio.create_task(passing))
            task.add_done_callback(running.discard)

    server = await asyncio.start_server(accepted, HOST, 0, ssl=context)
    try:
        yield f"https://{HOST}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*running)


async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def test_an_edge_fetches_over_tls_what_it_does_not_have(shown: Shown, tmp_path: Path) -> None:
    async def scene() -> None:
        await FileBlobs(tmp_path, REAL).put("media/ast_1/v/1.m4s", BODY)
        async with origin(tmp_path) as plain_port, behind_tls(shown, plain_port) as url:
            upstream = Upstream(url, REAL, trust=shown.trust())
            for _ in range(3):
                answer = await upstream.ask("GET", "/media/ast_1/v/1.m4s")
                body = b"".join([bytes(piece) async for piece in answer])
                await answer.aclose()

                assert (answer.status, body) == (200, BODY)
            upstream.close()

    asyncio.run(patiently(scene()))


@pytest.mark.parametrize("why", ["another authority", "another name"])
def test_a_certificate_that_does_not_hold_is_told_as_that(shown: Shown, tmp_path: Path, why: str) -> None:
    async def scene() -> None:
        other = certified(tmp_path, "other.example.org")
        serves, trust = (shown, other.trust()) if why == "another authority" else (other, other.trust())
        async with origin(tmp_path) as plain_port, behind_tls(serves, plain_port) as url:
            upstream = Upstream(url, REAL, trust=trust)
            with pytest.raises(
                OriginFailed, match=r"certificate that is not trusted here \(.+\); name"
            ) as told:
                await upstream.ask("GET", "/healthz")

            assert told.value.code == "delivery.origin_untrusted"

    asyncio.run(patiently(scene()))


async def level_of(url: str, trust: ssl.SSLContext) -> tuple[str, bool]:
    """Probe an edge a few times; return what is thought of it, and whether it answered."""
    pathways = Pathways([Pathway("east", url), Pathway("west", "http://127.0.0.1:9")], REAL, own="west")
    looks: list[int] = []

    def load() -> int:
        looks.append(1)
        return 0

    looking = keep_probing(pathways, REAL, name="t", every_s=0.02, load=load, trust=trust)
    probing = asyncio.create_task(looking)
    await until(lambda: len(looks) > 3)
    probing.cancel()
    await asyncio.gather(probing, return_exceptions=True)
    (east, _) = pathways.status()
    return east.level, east.probe_s is not None


def test_an_edge_behind_tls_is_probed_and_one_that_is_not_trusted_is_not_there(
    shown: Shown, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with origin(tmp_path) as origin_port, edge(origin_port) as port, behind_tls(shown, port) as url:
            assert await level_of(url, shown.trust()) == ("up", True)
            assert await level_of(url, certified(tmp_path, HOST).trust()) == ("down", False)

    asyncio.run(patiently(scene()))
