"""Batches over HTTP: uploaded or from a bucket, brought in by a confined child, once."""

import asyncio
import contextlib
import resource
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any, cast

import httpx
import msgspec
import pytest

from bijou.app.audience_uploads import AudienceRooms, ChildBringing, fetching
from bijou.app.settings import S3, Ingest
from bijou.audience.orders import NewBatch
from bijou.audience.shown import NewAudience
from bijou.audience.turns import Turns
from bijou.audience.uploads_kept import Order, OrderBook
from bijou.audience.uploads_progress import Heard
from bijou.engines.files import FileBlobs
from bijou.engines.s3 import S3Blobs
from bijou.ports import Instant, InvalidRequest, NotFound, SystemClock
from bijou.runtime.children import Limits
from tests.contract.audience.houses import (
    client_of,
    consenting,
    features,
    opened,
    order,
    settings_of,
    uploaded,
)
from tests.contract.blobs_s3.emulator import KEY, emulator

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[AudienceRooms, httpx.AsyncClient]]:
    rooms = opened(folder, SystemClock())
    working = asyncio.create_task(rooms.batches.keep_going())
    try:
        async with client_of(rooms) as client:
            yield rooms, client
    finally:
        working.cancel()
        await asyncio.wait([working])
        await rooms.files.records.close()


async def over(client: httpx.AsyncClient, batch: str) -> dict[str, Any]:
    while True:
        state: dict[str, Any] = (await client.get(f"/api/audience-batches/{batch}")).json()
        if state["phase"] in {"done", "refused"}:
            return state
        await SystemClock().sleep(0.05)


async def test_a_file_is_uploaded_and_brought_in_by_a_child_and_leaves_no_bytes(tmp_path: Path) -> None:
    content = features(consenting(300))
    async with house(tmp_path) as (rooms, client):
        await uploaded(client, "b1", content, mode="full")

        state = await over(client, "b1")

        assert (state["phase"], state["rows"], state["report"]["kept"]) == ("done", 300, 300)
        await rooms.turns.change(lambda audiences: audiences.define(NewAudience("all", "age >= 0")))
        built = await client.post("/api/audience-builds")
        assert [each["members"] for each in built.json()] == [300]
        listed = (await client.get("/api/audience-batches")).json()
        assert [each["id"] for each in listed] == ["b1"]
    assert not [
        path for path in (tmp_path / "audience").rglob("*") if path.is_file() and b"u299" in path.read_bytes()
    ]


async def test_a_volume_that_runs_full_is_one_sentence_and_the_same_order_goes_on(tmp_path: Path) -> None:
    content = features(consenting(3000))
    async with house(tmp_path) as (rooms, client):
        whole = rooms.batches._bringing
        limits = Limits(wall_s=60, memory_bytes=64 << 30, file_bytes=20_000)
        folder, clock = tmp_path / "audience", SystemClock()
        rooms.batches._bringing = ChildBringing(
            folder, rooms.turns, settings_of(tmp_path), clock, Random(1), limits=limits
        )
        await uploaded(client, "b1", content)
        full = await over(client, "b1")
        state = await client.get("/api/audience-state")
        rooms.batches._bringing = whole
        again = await order(client, id="b1", filename="f.parquet", size_bytes=len(content))
        done = await over(client, "b1")

    assert (full["phase"], full["problem"]["code"]) == ("refused", "audience.disk_full")
    assert "nothing was applied; make room" in full["problem"]["detail"]
    assert state.json()["users"] == 0
    assert (again.json()["phase"], again.json()["upload"]) == ("waiting", full["upload"])
    assert done["report"]["kept"] == 3000


def test_a_volume_that_runs_full_under_the_command_is_one_sentence_too(tmp_path: Path) -> None:
    file = tmp_path / "f.parquet"
    file.write_bytes(features(consenting(60)))
    words = ["audience", "upload", str(file), "--batch", "b1", "--house-data-dir", str(tmp_path / "house")]

    def upload(most_bytes: int) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "bijou", *words], capture_output=True, text=True, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
        )  # fmt: skip

    full, again = upload(1_000), upload(1 << 30)

    assert (full.returncode, full.stderr.count("\n")) == (3, 1)
    assert "ran full while batch b1 was brought in" in full.stderr
    assert again.stdout.startswith("kept: 60 of 60 rows")


async def test_the_child_reads_nothing_but_the_folder_of_audiences(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("user,age\nu1,3\n")
    heard: list[Heard] = []
    rooms = opened(tmp_path, SystemClock())
    book = OrderBook(tmp_path / "audience" / "orders")
    book.keep(Order(NewBatch("b1", source="k"), Instant(1), Instant(1), file="../secret.csv"))

    await rooms.batches._bringing(book.place("b1"), heard.append)
    await rooms.files.records.close()

    problem = heard[-1].problem
    assert problem is not None
    assert (problem.code, problem.detail) == ("audience.bad_file", "k: Permission denied")


async def test_a_batch_is_read_from_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = emulator()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_access_key)
    s3 = S3(endpoint=f"http://127.0.0.1:{store.port}", region="us-east-1")
    settings = msgspec.structs.replace(settings_of(tmp_path), s3=s3)
    clock, content = SystemClock(), features(consenting(60))
    await S3Blobs(store.place("nightly/audiences"), clock, Random(2)).put("f.parquet", content)
    fetch = fetching(settings, FileBlobs(tmp_path / "blobs", clock), clock, Random(3))

    await fetch("s3://films/nightly/audiences/f.parquet", tmp_path / "f.parquet")

    assert (tmp_path / "f.parquet").read_bytes() == content
    with pytest.raises(NotFound):
        await fetch("s3://films/nightly/audiences/g.parquet", tmp_path / "g.parquet")
    with pytest.raises(InvalidRequest, match="is no place for blobs"):
        await fetch("s3://films", tmp_path / "h.parquet")
    small = msgspec.structs.replace(settings, ingest=Ingest(max_bytes=10))
    fetch_small = fetching(small, FileBlobs(tmp_path / "blobs", clock), clock, Random(3))
    with pytest.raises(InvalidRequest, match="at most 10 are taken"):
        await fetch_small("s3://films/nightly/audiences/f.parquet", tmp_path / "i.parquet")


async def test_whoever_no_longer_waits_keeps_the_turn_until_the_work_is_through() -> None:
    turns, begun, go = Turns(lambda: cast("Any", None)), threading.Event(), threading.Event()
    done: list[str] = []

    def slow(_: object) -> None:
        begun.set()
        go.wait(30)
        done.append("slow")

    first = asyncio.create_task(turns.change(slow))
    await asyncio.to_thread(begun.wait, 30)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(turns.change(lambda _: done.append("next")))
    await turns.ask(lambda _: done.append("question"))
    go.set()
    await second

    assert done == ["question", "slow", "next"]
