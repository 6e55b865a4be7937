"""Builds on Dask: the built-in engine's bitmaps, bit for bit, and through a worker's death."""

import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from bijou.app.settings import Settings
from bijou.audience import Mode, Registry, read_rule
from bijou.audience.api import BLOCK_ROWS
from bijou.audience.building import build
from bijou.audience.households import group_households
from bijou.audience.snapshots import Definition, Snapshots
from bijou.cli.commands import bijou
from bijou.engines.audience_dask import PREFIX, DaskEvaluating, dask_client
from bijou.engines.files import FileBlobs
from bijou.engines.s3 import S3Blobs
from bijou.engines.s3_place import S3Place
from bijou.ports import BlobInfo, Blobs, EngineUnavailable, VirtualClock
from tests.contract.blobs_s3.emulator import KEY, emulator
from tests.unit.audience.populations import NOW_S, Place, crowd

USERS = BLOCK_ROWS + 1000
RULES = {
    "germans": 'country in ("DE")',
    "grown": "age >= 18 and not subscriber",
    "noir": 'watched("noir", 30d)',
    "both": 'in audience("grown") and in audience("noir")',
    "nobody": "age > 900",
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers, each a process."""
    with dask_client(workers=2) as client:
        yield client


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two blocks of users, a delta above them, and a household."""
    place = Place(tmp_path_factory.mktemp("dask"))
    draw = np.random.default_rng(3)
    table = pa.table(
        {
            "user": [f"u{n:07}" for n in range(USERS)],
            "country": pa.array(["DE", "AT", "FR", None]).take(pa.array(draw.integers(0, 4, USERS))),
            "age": draw.integers(0, 60, USERS).astype(np.int32),
            "subscriber": draw.random(USERS) < 0.5,
            "consent": ["ads"] * USERS,
            "watched:noir": NOW_S - draw.integers(0, 60 * 86_400, USERS),
        }
    )
    pq.write_table(table, place.folder / "base.parquet")
    place.take(place.folder / "base.parquet", "base", mode=Mode.FULL, at_s=NOW_S - 10)
    place.send(crowd(200, random.Random(4)), "delta")
    group_households(place.store, [("u0000001", "u0262150")])
    return place


def definitions() -> list[Definition]:
    registry = Registry.shipped()
    named = [Definition(name, read_rule(text, registry)) for name, text in RULES.items()]
    return [*named, Definition("homes", read_rule(RULES["germans"], registry), households=True)]


def bitmaps(place: Place) -> dict[str, bytes]:
    with closing(Snapshots(place.store.folder).open()) as snapshot:
        return {name: snapshot.raw(name) for name in snapshot.audiences}


@pytest.fixture(scope="module")
def expected(place: Place) -> dict[str, bytes]:
    """What the built-in engine makes of it."""
    build(place.store, definitions(), floor=0, full=True)
    return bitmaps(place)


def in_folder(folder: str) -> Blobs:
    return FileBlobs(Path(folder), VirtualClock())


def in_bucket(place: S3Place) -> Blobs:
    return S3Blobs(place, VirtualClock(), Random(os.getpid()), KEY)


def built_on(cluster: Any, place: Place, opening: Callable[[], Blobs]) -> dict[str, bytes]:
    (place.store.folder / "snapshots" / "snapshot.json").unlink(missing_ok=True)
    with place.store.viewing() as view, DaskEvaluating(view, cluster, opening) as evaluating:
        build(place.store, definitions(), floor=0, engine=lambda _: evaluating)
    return bitmaps(place)


def test_a_build_on_dask_through_a_folder_equals_the_built_in_one_bit_for_bit(
    cluster: Any, place: Place, expected: dict[str, bytes], tmp_path: Path
) -> None:
    assert len(expected["both"]) > 10_000
    assert built_on(cluster, place, partial(in_folder, str(tmp_path))) == expected
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # all is cleared


def test_a_build_on_dask_through_s3_equals_the_built_in_one_bit_for_bit(
    cluster: Any, place: Place, expected: dict[str, bytes]
) -> None:
    bucket = emulator()

    assert built_on(cluster, place, partial(in_bucket, bucket.place("dask"))) == expected
    assert bucket.names("dask/") == []


class DyingBlobs(FileBlobs):
    """Kills the first worker that is to put a second block's answers, and lets the next one."""

    async def put(self, key: str, content: bytes | Path) -> BlobInfo:
        if key.endswith(f"block-{BLOCK_ROWS:010}"):
            with suppress(FileExistsError):
                (self.folder / "killed").touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)
        return await super().put(key, content)

    def __init__(self, folder: str) -> None:
        super().__init__(Path(folder) / "blobs", VirtualClock())
        self.folder = Path(folder)


def test_a_worker_killed_in_the_middle_of_a_block_changes_no_bit(
    cluster: Any, place: Place, expected: dict[str, bytes], tmp_path: Path
) -> None:
    found = built_on(cluster, place, partial(DyingBlobs, str(tmp_path)))

    assert (tmp_path / "killed").exists()
    assert found == expected


class DeadlyBlobs(FileBlobs):
    """Kills every worker that reads a plan."""

    async def put(self, key: str, content: bytes | Path) -> BlobInfo:
        if "/block-" in key:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().put(key, content)


def deadly(folder: str) -> Blobs:
    return DeadlyBlobs(Path(folder), VirtualClock())


def test_a_block_that_kills_every_worker_is_one_sentence_and_the_old_audiences_stay(
    cluster: Any, place: Place, expected: dict[str, bytes], tmp_path: Path
) -> None:
    build(place.store, definitions(), floor=0, full=True)

    with (
        pytest.raises(EngineUnavailable, match="one block killed several workers"),
        place.store.viewing() as view,
        DaskEvaluating(view, cluster, partial(deadly, str(tmp_path))) as evaluating,
    ):
        build(place.store, definitions(), floor=0, full=True, engine=lambda _: evaluating)

    assert bitmaps(place) == expected


def test_what_a_killed_build_left_among_the_blobs_goes_with_the_next_one(
    cluster: Any, place: Place, expected: dict[str, bytes], tmp_path: Path
) -> None:
    left = tmp_path / PREFIX / "00000001"
    left.mkdir(parents=True)
    (left / "base-00000001.cols").write_bytes(b"features")

    assert built_on(cluster, place, partial(in_folder, str(tmp_path))) == expected
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


class WatchingBlobs(FileBlobs):
    """Knows which files were laid out."""

    laid: ClassVar[list[Path]] = []

    def __init__(self, folder: str) -> None:
        super().__init__(Path(folder), VirtualClock())

    async def put(self, key: str, content: bytes | Path) -> BlobInfo:
        if isinstance(content, Path):
            self.laid.append(content)
        return await super().put(key, content)


def test_features_are_laid_out_from_where_a_deletion_tidies_up_after_a_killed_build(
    cluster: Any, place: Place, tmp_path: Path
) -> None:
    with (
        place.store.viewing() as view,
        DaskEvaluating(view, cluster, partial(WatchingBlobs, str(tmp_path))) as evaluating,
    ):
        evaluating([], {}, place.store.clock.now())
    assert len(WatchingBlobs.laid) == 1 + len(place.store.manifest().layers)
    for path in WatchingBlobs.laid:
        path.write_bytes(b"features of somebody")

    place.store.tidy(place.store.manifest())

    assert not [path for path in place.store.folder.rglob("*.new") if path.is_file()]
    assert not [path for path in WatchingBlobs.laid if path.exists()]


def test_the_command_builds_on_a_given_scheduler(cluster: Any, tmp_path: Path) -> None:
    env = {"BIJOU_HOUSE_DATA_DIR": str(tmp_path / "house"), "BIJOU_CALLED_AS": ""}
    (tmp_path / "some.csv").write_text("user,age,consent\n" + "".join(f"u{n},30,ads\n" for n in range(60)))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(bijou, ["audience", *arguments], env=env)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    run("upload", str(tmp_path / "some.csv"))
    run("define", "grown", "age >= 18")
    built = run("build", "--full", "--engine", "dask", "--scheduler", cluster.scheduler.address)

    assert built.split()[:2] == ["grown", "60"]


def test_a_scheduler_that_does_not_answer_is_one_sentence() -> None:
    with (
        pytest.raises(EngineUnavailable, match="no Dask scheduler answers at tcp") as refused,
        dask_client("tcp://127.0.0.1:9", reach_s=0.2),
    ):
        pass

    assert refused.value.code == "audience.no_scheduler"


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.distributed", None)  # as where it is not installed

    with pytest.raises(EngineUnavailable, match=r"install bijou\[dask\]"), dask_client():
        pass


def test_workers_are_told_places_and_no_secrets() -> None:
    from bijou.app.audience_engines import _places_only  # noqa: PLC0415 - what only this test needs

    told = _places_only(Settings())

    assert told.house.service_key == told.accounts.operator_password == ""
