import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.contract.conformance.engines import ASSET, BODY, TLS, TLS_NGINX, House, edge_of, installed
from tests.contract.conformance.gaps import gap_of
from tests.contract.delivery.scene import Client, connected, patiently

ENGINES = ["ours", "varnish", "nginx", TLS, TLS_NGINX]


class Edge(msgspec.Struct):
    """An edge of one make, and the house behind it."""

    engine: str
    port: int
    house: House

    def play(self, act: Callable[[Client], Awaitable[None]]) -> None:
        async def scene() -> None:
            async with connected(self.port) as client:
                await act(client)

        asyncio.run(patiently(scene()))


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("blobs"))
    for name in ("v360/00001.m4s", "v360/00002.m4s", "v360/00003.m4s"):
        house.publish(f"media/{ASSET}/{name}", BODY)
    house.publish(f"media/{ASSET}/master.m3u8", b"#EXTM3U\n#EXT-X-VERSION:7\nv360/media.m3u8\n")
    house.publish(f"media/{ASSET}/stills/poster.jpg", b"\xff\xd8")
    house.publish("uploads/upl_1", b"private")
    yield house
    house.background.close()


@pytest.fixture(scope="session", params=ENGINES)
def edge(
    request: pytest.FixtureRequest, house: House, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Edge]:
    engine: str = request.param
    if not installed(engine):
        pytest.skip(f"{engine} is not installed here, or left out on purpose")
    with edge_of(engine, house, Path(tmp_path_factory.mktemp(engine))) as port:
        yield Edge(engine, port, house)


@pytest.fixture(autouse=True)
def known_gaps(request: pytest.FixtureRequest) -> None:
    """Mark what an engine is known not to do; it fails when it starts to."""
    reason = gap_of(request.node.name)
    if reason:
        request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))
