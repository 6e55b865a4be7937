"""Users divided over real processes: one dies, one stands still, one is added and killed on its way."""

import asyncio
import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from benchmarks.audience.shard_processes import ShardProcess
from bijou.app.audience_shards import Reaching
from bijou.app.audiences import open_audiences, sharded_audiences
from bijou.app.keys import keys_of
from bijou.app.settings import House, Settings
from bijou.audience import Batch, Dimension, Kind, Mode
from bijou.audience.api import NewAudience
from bijou.audience.shards.asking import OneSlot, Peer
from bijou.audience.shards.routing import ShardedUsers
from bijou.audience.shards.slots import MapFile, slot_of
from bijou.audience.shown import Known
from bijou.cli.commands import bijou
from bijou.engines.audience_files import FileSource
from bijou.ports import BijouError, EngineUnavailable, Instant, SystemClock
from tests.contract.audience.divided import fast_folder
from tests.topology.installation import eventually
from tests.topology.patience import strained
from tests.unit.audience.populations import NOW_S, crowd, parquet

PEOPLE = crowd(800, random.Random(8), start=1000)
NAMES = list(PEOPLE)[:120]


class Town:
    """An installation whose users are in shards of their own processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        settings = Settings(house=House(data_dir=str(folder)))
        self.shards = {name: ShardProcess(name, folder) for name in ("one", "two", "three")}
        self.audiences = sharded_audiences(settings, SystemClock(), SystemRandom())
        self.key = keys_of(settings, SystemRandom()).service
        self.hashes = [self.audiences.store.hasher.one(name) for name in NAMES]
        self.settings = settings

    def holder(self, hash_: int) -> str:
        shards = MapFile(self.folder / "audience").read()
        assert shards is not None
        return shards.holders[slot_of(hash_)]

    def known(self) -> list[Any]:
        """Ask for all viewers once."""

        async def ask() -> list[Any]:
            reaching = Reaching(self.key, quick_s=strained(1.0))
            try:
                return plain(await self.users(reaching).known(self.hashes))
            finally:
                await reaching.close()

        return asyncio.run(ask())

    def users(self, reaching: Reaching) -> ShardedUsers:
        shards = MapFile(self.folder / "audience").read()
        assert shards is not None
        return ShardedUsers(shards, reaching, SystemClock())


def plain(found: list[Known]) -> list[Any]:
    return [(sorted(each.audiences), each.features, each.degraded) for each in found]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    folder = fast_folder()
    town = Town(folder)
    try:
        for name in ("one", "two"):
            town.shards[name].start()
        town.audiences.add_shards([town.shards[name].entry for name in ("one", "two")], lambda _: None)
        path = parquet(folder / "people.parquet", PEOPLE)
        town.audiences.register(Dimension("hours", Kind.NUMBER))
        town.audiences.upload(FileSource(path), Batch("all", Instant(NOW_S * 1_000_000), Mode.FULL))
        town.audiences.define(NewAudience("germans", 'country in ("DE")'))
        town.audiences.build()
        yield town
    finally:
        for each in town.shards.values():
            each.kill()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def whole(town: Town) -> list[Any]:
    found = town.known()
    assert sum(degraded == "" for _, _, degraded in found) == len(NAMES)
    assert any(audiences for audiences, _, _ in found)
    return found


def test_an_installation_with_a_map_asks_its_shards(town: Town, whole: list[Any]) -> None:
    opened = open_audiences(town.settings, SystemClock(), SystemRandom())

    assert plain([opened.known(NAMES[0])]) == whole[:1]
    assert opened.state().users == len(PEOPLE)


def command(town: Town, *arguments: str) -> Result:
    env = {"BIJOU_HOUSE_DATA_DIR": str(town.folder), "BIJOU_CALLED_AS": ""}
    return CliRunner().invoke(bijou, ["audience", "shards", *arguments], env=env)


def test_the_command_tells_who_answers_and_refuses_what_is_no_shard(town: Town) -> None:
    status = command(town, "status")
    bad = command(town, "add", "two")
    taken = command(town, "add", f"three={town.shards['one'].address}")

    assert (status.exit_code, [line.split()[:3] for line in status.stdout.splitlines()]) == (
        0,
        [["one", "8", "slots"], ["two", "8", "slots"]],
    )
    assert (bad.exit_code, taken.exit_code) == (1, 1)
    assert "one is name=http://host:port" in bad.stderr
    assert "is shard one, and not three" in taken.stderr


def test_a_shard_answers_nobody_without_the_service_key(town: Town) -> None:
    for path in ("state", "known", "deletions"):
        answer = httpx.post(
            f"{town.shards['one'].address}/api/audience-shard/{path}", json={}, trust_env=False
        )
        assert answer.status_code == 401, path


def test_a_killed_shard_is_said_with_its_share_leaves_no_child_and_comes_back_whole(
    town: Town, whole: list[Any]
) -> None:
    two = town.shards["two"]
    pids = two.pids()
    assert len(pids) > 1

    two.kill()
    found = town.known()

    lacking = [town.holder(hash_) == "two" for hash_ in town.hashes]
    assert [degraded for _, _, degraded in found] == ["shard_away" if lacks else "" for lacks in lacking]
    assert all(one == other for one, other, lacks in zip(found, whole, lacking, strict=True) if not lacks)
    assert town.audiences.reach("age >= 18").missing == 0.5
    status = command(town, "status")
    assert (status.exit_code, status.stdout.splitlines()[1].split()) == (1, ["two", "away"])
    eventually(lambda: not any(is_alive(pid) for pid in pids), 5, "its children are gone")
    two.start()
    assert town.known() == whole


def is_alive(pid: int) -> bool:
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False


def test_a_shard_that_stands_still_holds_nobody_up(town: Town, whole: list[Any]) -> None:
    two = town.shards["two"]
    assert two.process is not None
    os.kill(two.process.pid, signal.SIGSTOP)
    try:
        found = town.known()
    finally:
        os.kill(two.process.pid, signal.SIGCONT)

    away = [degraded for _, _, degraded in found]
    assert set(away) == {"", "shard_away"}
    eventually(lambda: town.known() == whole, 10, "it answers again")


async def read_until(town: Town, done: asyncio.Event, whole: list[Any]) -> tuple[int, int]:
    """Read without a pause; return how many answers came, and how many of them were degraded."""
    reaching = Reaching(town.key, quick_s=strained(2.0))
    users, answers, degraded = town.users(reaching), 0, 0
    try:
        while not done.is_set():
            found = plain(await users.known(town.hashes))
            for now, before in zip(found, whole, strict=True):
                assert now in (before, ([], {}, "shard_away"))
                degraded += now != before
            answers += len(found)
    finally:
        await reaching.close()
    return answers, degraded


def test_a_shard_added_under_load_and_killed_on_its_way_ends_whole_when_it_is_added_again(
    town: Town, whole: list[Any]
) -> None:
    three = town.shards["three"]
    three.start()

    def kill_at_the_second(move: Any) -> None:
        moved.append(move)
        if len(moved) == 2:
            three.kill()

    moved: list[Any] = []

    async def scene() -> tuple[int, int]:
        done = asyncio.Event()
        reading = asyncio.create_task(read_until(town, done, whole))
        with pytest.raises(EngineUnavailable):
            await asyncio.to_thread(town.audiences.add_shards, [three.entry], kill_at_the_second)
        await asyncio.to_thread(three.start)
        await asyncio.to_thread(town.audiences.add_shards, [three.entry], lambda _: None)
        done.set()
        return await reading

    answers, degraded = asyncio.run(scene())

    assert answers > degraded
    states = town.audiences.shards()
    assert sorted(len(state.users) for state in states.values() if state) == [5, 5, 6]
    assert sum(sum(state.users.values()) for state in states.values() if state) == len(PEOPLE)
    assert town.known() == whole
    assert not list(town.folder.glob("audience-shard-*/*.coming"))


def test_a_mover_killed_while_a_slot_is_sealed_is_mended_by_adding_again(
    town: Town, whole: list[Any]
) -> None:
    shards = MapFile(town.folder / "audience").read()
    assert shards is not None
    slot = shards.holders.index("three")

    async def half() -> None:
        reaching = Reaching(town.key)
        one, three = (Peer(name, town.shards[name].address) for name in ("one", "three"))
        await reaching(one.address).copy(OneSlot(slot, three))
        await reaching(three.address).seal(OneSlot(slot, one))
        await reaching.close()

    asyncio.run(half())
    assert town.known() == whole
    with pytest.raises(BijouError, match=f"slot {slot} is on its way"):
        town.audiences.build()

    made = town.audiences.add_shards([town.shards["three"].entry], lambda _: None)

    assert sorted(made.holders.count(name) for name in town.shards) == [5, 5, 6]
    assert town.known() == whole
    town.audiences.build()
