"""The control plane as a process runs it: its operator, its status, its sample titles."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from bijou.accounts import SignIn
from bijou.app.addresses import control_address
from bijou.app.clients import Clients, connected
from bijou.app.control import STATUS, control_plane
from bijou.app.demo import SampleTitles
from bijou.app.settings import Settings
from bijou.catalog import NewTitle
from bijou.encoding import SAMPLES, JobState, Sample
from bijou.engines.postgres import PostgresRecords
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import SystemClock, Unauthenticated
from bijou.runtime.invocation import CALLED_AS
from bijou.runtime.settings import load
from tests.contract.encoders import StandIn
from tests.contract.queue.postgres_server import PostgresServer
from tests.contract.samples import publication

pytestmark = pytest.mark.anyio

Running = Callable[[Settings], AbstractAsyncContextManager[Clients]]


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Clients]:
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(control_plane(settings, stop, ready.set))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when="FIRST_COMPLETED")
        if serving.done():
            serving.result()
        async with connected(control_address(settings), "key") as clients:
            yield clients
    finally:
        waiting.cancel()
        stop.set()
        await serving


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    def told(password: str = "") -> Settings:
        flags = {"data-dir": str(tmp_path), "service-key": "key"}
        return load(
            Settings,
            flags={f"--house-{name}": value for name, value in flags.items()}
            | {"--control-port": str(port), "--accounts-operator-password": password},
        )

    return told


async def test_the_operators_password_is_what_the_setting_says_and_then_what_the_file_says(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    async def lets_in(clients: Clients, password: str) -> bool:
        try:
            return bool((await clients.sign_in(SignIn("operator", password))).token)
        except Unauthenticated:
            return False

    async with running(settings()):
        drawn = (tmp_path / "keys" / "operator.password").read_text().strip()
    async with running(settings("a pass phrase of mine")) as clients:
        assert await lets_in(clients, "a pass phrase of mine")
        assert not await lets_in(clients, drawn)
        token = (tmp_path / "keys" / "operator.token").read_text().strip()
        async with connected(control_address(settings()), token) as own:
            assert await own.encoding.jobs() == []
    async with running(settings()) as clients:
        assert await lets_in(clients, drawn)


async def test_the_status_says_how_commands_are_spelled_here(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CALLED_AS, "./run")
    async with running(settings()) as clients:
        status = await clients.wire.call(STATUS)

    assert status.command == "./run"


def film(slug: str, picture: str = "color=s=64x36:r=24:d=3") -> Sample:
    return Sample(
        slug=slug,
        name=slug.capitalize(),
        synopsis="",
        row=SAMPLES[0].row,
        accent="#123456",
        duration_s=3,
        picture=picture,
        sound="anullsrc=r=48000:cl=stereo",
        width=64,
        height=36,
    )


async def bring(titles: SampleTitles) -> None:
    await titles.begin(asyncio.create_task(titles.prepare_first()))
    await titles.finish()


async def encode_one(address: str, folder: Path) -> None:
    """Do what the encoder does, without the encoding."""
    clock = SystemClock()
    token = (folder / "keys" / "operator.token").read_text().strip()
    async with connected(address, token) as own, asyncio.timeout(20):
        while not (queued := [job for job in await own.encoding.jobs() if job.state is JobState.QUEUED]):
            await clock.sleep(0.02)
    records = SqliteRecords(folder / "queue.db")
    await StandIn(RecordsQueue(records, clock, Random(1))).finish(queued[0], publication(queued[0].asset))
    await records.close()


async def test_samples_count_as_made_when_all_are_up_and_not_before(
    settings: Callable[..., Settings], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def titles(films: list[Sample], stop: asyncio.Event) -> SampleTitles:
        return SampleTitles(settings(), tmp_path, SystemClock(), stop, films=films)

    closed = asyncio.Event()
    closed.set()
    broken = film("second", picture="no_such_filter")
    async with running(settings()) as clients:
        await asyncio.gather(
            bring(titles([film("first"), broken], asyncio.Event())),
            encode_one(control_address(settings()), tmp_path),
        )
        assert "Second could not be made" in capsys.readouterr().err
        assert not (tmp_path / "samples.made").exists()

        await bring(titles([film("first"), broken], closed))
        assert "could not" not in capsys.readouterr().err

        whole = titles([film("first"), film("second")], asyncio.Event())
        await asyncio.gather(bring(whole), encode_one(control_address(settings()), tmp_path))
        assert (tmp_path / "samples.made").exists()
        assert {title.slug for title in await clients.catalog.titles()} == {"first", "second"}


async def test_two_control_planes_on_one_database_encode_cancel_and_publish_together(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    address = postgres.make("house")
    settings = [_on_postgres(tmp_path, address) for _ in range(2)]
    records = PostgresRecords(address, serial=False)
    encoder = StandIn(RecordsQueue(records, SystemClock(), Random(1)))
    async with running(settings[0]) as one, running(settings[1]) as other, asyncio.timeout(60):
        first = await one.encoding.submit("uploads/upl_1", "f", NewTitle("First"))
        second = await other.encoding.submit("uploads/upl_2", "f", NewTitle("Second"))
        whole = publication(second.asset)
        await encoder.arrive(second, replace(whole, complete=False))
        await encoder.finish(first, publication(first.asset))
        while {title.slug for title in await other.catalog.titles()} != {"first", "second"}:
            await SystemClock().sleep(0.1)

        token = (tmp_path / "keys" / "operator.token").read_text().strip()
        async with connected(control_address(settings[1]), token) as operator:
            cancelled = await operator.encoding.cancel(second.id)
            ended = await operator.encoding.job(first.id)
        left = [title.slug for title in await one.catalog.titles()]

    assert (cancelled.state, ended.state, left) == (JobState.REFUSED, JobState.DONE, ["first"])
    await records.close()


def _on_postgres(folder: Path, address: str) -> Settings:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    flags = {
        "--house-data-dir": str(folder),
        "--house-service-key": "key",
        "--house-records": address,
        "--control-port": str(port),
    }
    return load(Settings, flags=flags)
