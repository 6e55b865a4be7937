import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bijou.encoding import Standing, TitleWork
from tests.contract.titles.studio import ASSET, SOURCE, Studio, make_film

CALM = TitleWork(ASSET, SOURCE)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv")


class Shown:
    """An encode that nobody has disturbed."""

    def __init__(self, studio: Studio, standing: Standing, address: str) -> None:
        self.studio = studio
        self.standing = standing
        self.address = address

    def media(self, name: str) -> str:
        return f"{self.address}/media/{ASSET}/{name}"

    def text(self, name: str) -> str:
        return (self.studio.folder / "blobs" / "media" / ASSET / name).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def shown(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("calm")

    async def encoded() -> tuple[Studio, Standing]:
        studio = Studio(folder)
        await studio.bring(film)
        standing = await studio.encode(CALM)
        await studio.close()
        return studio, standing

    studio, standing = asyncio.run(encoded())
    with studio.served() as address:
        yield Shown(studio, standing, address)
