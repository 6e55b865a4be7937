"""Orders of batches: once, resumed, called off, refused, and without those who were deleted."""

import asyncio
import contextlib
import errno
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from bijou.app.audience_uploads import AudienceRooms
from bijou.audience.orders import NewBatch
from bijou.audience.shown import NewAudience
from bijou.audience.uploads_http import BatchesClient
from bijou.audience.uploads_kept import Order, OrderBook
from bijou.audience.uploads_progress import Heard
from bijou.cli.commands import bijou
from bijou.ports import EngineUnavailable, Instant, VirtualClock
from bijou.runtime.http import Wire
from tests.contract.audience.houses import (
    HereBringing,
    client_of,
    consenting,
    features,
    here,
    moment,
    opened,
    order,
    send,
    uploaded,
)
from tests.unit.audience.populations import NOW_S

pytestmark = pytest.mark.anyio


UNDER_WAY = {"waiting", "fetching", "reading", "committing"}


class House:
    """A house that brings batches in when a test says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(Instant(NOW_S * 1_000_000))
        self.rooms: AudienceRooms = opened(folder, self.clock)
        self.bringing: HereBringing = here(self.rooms, folder, self.clock)
        self.client: httpx.AsyncClient = client_of(self.rooms)

    async def close(self) -> None:
        await self.client.aclose()
        await self.rooms.files.records.close()

    async def work(self) -> None:
        """Bring in all that is due."""
        working = asyncio.create_task(self.rooms.batches.keep_going())
        while any(state["phase"] in UNDER_WAY for state in await self.all()):
            self.clock.advance(1)
            await moment()
        working.cancel()
        await asyncio.wait([working])

    async def all(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = (await self.client.get("/api/audience-batches")).json()
        return listed

    async def one(self, batch: str) -> dict[str, Any]:
        state: dict[str, Any] = (await self.client.get(f"/api/audience-batches/{batch}")).json()
        return state

    async def users(self) -> int:
        count: int = (await self.client.get("/api/audience-state")).json()["users"]
        return count


@contextlib.asynccontextmanager
async def anew(house: House) -> AsyncIterator[House]:
    """The same folder, as the next process finds it."""
    await house.rooms.files.records.close()
    house.rooms.turns._opened = None
    other = House(house.folder)
    try:
        await other.rooms.files.ingest.repair()
        yield other
    finally:
        await other.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    yield house
    await house.close()


async def test_a_batch_said_again_is_the_first_one_at_every_moment(house: House) -> None:
    content = features(consenting(120))
    new = {"id": "b1", "filename": "f.parquet", "size_bytes": len(content), "mode": "full"}
    first = (await order(house.client, **new)).json()
    again = (await order(house.client, **new)).json()
    await send(house.client, first["upload"], content)
    waiting = (await order(house.client, **new)).json()
    await house.work()
    done = (await order(house.client, **new)).json()

    assert [each["phase"] for each in (first, again, waiting, done)] == ["receiving"] * 2 + [
        "waiting",
        "done",
    ]
    assert first["upload"] == again["upload"]
    assert house.bringing.begun == ["b1"]
    other = await order(house.client, **{**new, "mode": "delta"})
    assert (other.status_code, other.json()["code"]) == (409, "audience.batch_taken")
    assert "ordered with mode" in other.json()["detail"]


async def test_of_two_who_order_the_same_at_once_one_begins_and_the_other_is_told(house: House) -> None:
    new = {"id": "b1", "filename": "f.parquet", "size_bytes": 1000}

    one, other = await asyncio.gather(order(house.client, **new), order(house.client, **new))

    assert one.json()["upload"] == other.json()["upload"]
    assert len(await house.all()) == 1


async def test_a_known_id_with_other_content_is_told_before_it_is_sent(house: House) -> None:
    content = features(consenting(60))
    await uploaded(house.client, "b1", content)
    await house.work()
    digest = (await house.one("b1"))["report"]["fingerprint"]
    async with anew(house) as later:
        (later.folder / "audience" / "orders" / "b1.json").unlink()
        later.rooms.batches._book.drop("b1")

        same = await order(later.client, id="b1", filename="x", size_bytes=5, sha256=digest)
        other = await order(later.client, id="b1", filename="x", size_bytes=5, sha256="0" * 64)

    assert same.json()["phase"] == "done"
    assert same.json()["report"]["repeated"]
    assert other.json()["code"] == "audience.batch_taken"


async def test_an_upload_goes_on_at_its_offset_and_its_batch_begins_after_a_restart(house: House) -> None:
    content = features(consenting(200))
    half = len(content) // 2
    state = (await order(house.client, id="b1", filename="f", size_bytes=len(content))).json()
    await send(house.client, state["upload"], content[:half])
    assert (await house.one("b1"))["received_bytes"] == half

    async with anew(house) as later:
        offset = await later.client.head(
            f"/api/audience-tus/{state['upload']}", headers={"Tus-Resumable": "1.0.0"}
        )
        assert offset.headers["Upload-Offset"] == str(half)
        sent = await send(later.client, state["upload"], content[half:], half)
        assert sent.status_code == 204
        await later.work()

        assert (await later.one("b1"))["report"]["kept"] == 200


async def test_a_batch_that_was_received_before_a_crash_is_brought_in_by_the_next(
    house: House,
) -> None:
    await uploaded(house.client, "b1", features(consenting(70)))

    async with anew(house) as later:
        await later.work()

        assert (await later.one("b1"))["phase"] == "done"


async def test_a_batch_comes_from_a_blob(house: House, tmp_path: Path) -> None:
    (tmp_path / "blobs" / "nightly").mkdir()
    (tmp_path / "blobs" / "nightly" / "f.parquet").write_bytes(features(consenting(90)))
    there = await order(house.client, id="b1", source="nightly/f.parquet")
    gone = await order(house.client, id="b2", source="nightly/g.parquet")

    await house.work()

    assert (there.json()["phase"], gone.status_code) == ("fetching", 201)
    assert (await house.one("b1"))["report"]["kept"] == 90
    refused = await house.one("b2")
    assert (refused["phase"], refused["problem"]["code"]) == ("refused", "blobs.missing")
    assert not list((tmp_path / "audience" / "sources").iterdir())
    assert (tmp_path / "blobs" / "nightly" / "f.parquet").is_file()


async def test_bad_rows_are_told_in_a_file_and_refuse_all_applies_nothing(house: House) -> None:
    people = {**consenting(80), "odd": {"home_country": "DE", "consent": "ads", "age": 900}}
    await uploaded(house.client, "kept", features(people))
    await uploaded(house.client, "none", features(people), policy="refuse-all")
    await house.work()

    kept, none = await house.one("kept"), await house.one("none")
    assert (kept["phase"], kept["rejected"], kept["has_rejects"]) == ("done", 1, True)
    assert (none["phase"], none["problem"]["code"], none["has_rejects"]) == (
        "refused",
        "audience.refused",
        True,
    )
    assert await house.users() == 80
    rejects = await house.client.get("/api/audience-batches/kept/rejects")
    assert rejects.headers["content-disposition"] == 'attachment; filename="kept-rejects.jsonl"'
    (bad,) = [json.loads(line) for line in rejects.text.splitlines()]
    assert (bad["row"], bad["column"], bad["value"]) == (81, "age", "900")
    missing = await house.client.get("/api/audience-batches/..%2F..%2Fkeys/rejects")
    assert missing.status_code == 404


async def test_a_refused_batch_leaves_no_bytes_and_its_id_is_free_again(house: House, tmp_path: Path) -> None:
    await uploaded(house.client, "b1", b"usr,age\nu1,3\n")
    await house.work()
    refused = await house.one("b1")

    assert refused["problem"]["detail"].startswith("f.parquet: no column 'user' holds the users")
    assert not [path for path in (tmp_path / "audience" / "files").rglob("upl_*") if path.is_file()]
    await uploaded(house.client, "b1", features(consenting(60)))
    await house.work()
    assert (await house.one("b1"))["phase"] == "done"


async def test_what_came_otherwise_than_announced_is_refused(house: House) -> None:
    content = features(consenting(60))
    await uploaded(house.client, "b1", content, sha256=hashlib.sha256(content[:-1]).hexdigest())
    await house.work()
    refused = await house.one("b1")

    assert (refused["phase"], refused["problem"]["code"]) == ("refused", "audience.other_content")
    assert await house.users() == 0
    await uploaded(house.client, "b1", content, sha256=hashlib.sha256(content).hexdigest())
    await house.work()
    assert (await house.one("b1"))["phase"] == "done"


async def test_what_is_no_table_is_refused_with_its_first_bytes(house: House) -> None:
    content = b"PK\x03\x04" + bytes(4096)
    state = (await order(house.client, id="b1", filename="f.xlsx", size_bytes=len(content))).json()

    sent = await send(house.client, state["upload"], content)

    assert (
        sent.json()["detail"]
        == "the file is a ZIP archive or a spreadsheet; CSV, Parquet and Arrow are taken"
    )
    gone = await house.one("b1")
    assert (gone["phase"], gone["problem"]["code"]) == ("refused", "ingest.no_upload")


async def test_a_full_disk_applies_nothing_and_the_same_order_goes_on(house: House) -> None:
    full = EngineUnavailable("audience.disk_full", "the volume ran full while batch b1 was brought in")
    house.bringing.fails = [full]
    content = features(consenting(60))
    await uploaded(house.client, "b1", content)
    await house.work()
    refused = await house.one("b1")

    again = await order(house.client, id="b1", filename="f.parquet", size_bytes=len(content))
    await house.work()

    assert (refused["phase"], refused["problem"]["code"]) == ("refused", "audience.disk_full")
    assert again.json()["phase"] == "waiting"
    assert (await house.one("b1"))["report"]["kept"] == 60


async def test_a_child_that_dies_is_tried_again_and_after_three_deaths_it_is_told(house: House) -> None:
    house.bringing.fails = [None, None]
    await uploaded(house.client, "b1", features(consenting(60)))
    await house.work()
    house.bringing.fails = [None, None, None]
    await uploaded(house.client, "b2", features(consenting(61)))
    await house.work()

    assert (await house.one("b1"))["phase"] == "done"
    dead = await house.one("b2")
    assert (dead["phase"], dead["problem"]["code"]) == ("refused", "audience.batch_died")
    assert house.bringing.begun == ["b1"] * 3 + ["b2"] * 3


async def test_whoever_is_deleted_stays_out_of_files_that_are_on_their_way(
    house: House, tmp_path: Path
) -> None:
    people = consenting(200)
    await uploaded(house.client, "b1", features(people))
    await uploaded(house.client, "b2", features(people), mode="full")

    first = (await house.client.post("/api/audience-deletions", json={"user": "u7"})).json()
    await house.work()

    assert first["waiting"] == ["b1", "b2"]
    assert await house.users() == 199
    assert not list((tmp_path / "audience" / "files").rglob("upl_*"))
    assert b"forgotten" not in (tmp_path / "audience" / "orders" / "b1.json").read_bytes()
    await uploaded(house.client, "b3", features({"u7": people["u7"]}))
    await house.work()
    assert await house.users() == 200  # sent after the deletion, it is somebody new


async def test_a_deletion_stops_the_batch_that_is_brought_in_and_it_goes_on_without_the_person(
    house: House,
) -> None:
    at_work = asyncio.Event()

    async def hang() -> None:
        at_work.set()
        house.bringing.between = None
        await asyncio.Event().wait()

    house.bringing.between = hang
    await uploaded(house.client, "b1", features(consenting(100)))
    working = asyncio.create_task(house.rooms.batches.keep_going())
    await at_work.wait()

    certificate = (await house.client.post("/api/audience-deletions", json={"user": "u3"})).json()
    while (await house.one("b1"))["phase"] in UNDER_WAY:
        house.clock.advance(1)
        await moment()
    working.cancel()
    await asyncio.wait([working])

    assert certificate["waiting"] == ["b1"]
    assert house.bringing.begun == ["b1", "b1"]
    assert await house.users() == 99


async def test_a_batch_that_is_called_off_leaves_nothing(house: House, tmp_path: Path) -> None:
    content = features(consenting(60))
    half = (await order(house.client, id="half", filename="f", size_bytes=len(content))).json()
    await send(house.client, half["upload"], content[:100])
    await uploaded(house.client, "whole", content)

    for batch in ("half", "whole"):
        assert (await house.client.delete(f"/api/audience-batches/{batch}")).status_code == 204

    assert await house.all() == []
    assert (await house.client.delete("/api/audience-batches/half")).status_code == 404
    left = [
        path for name in ("files", "arriving", "orders") for path in (tmp_path / "audience" / name).rglob("*")
    ]
    assert not [path for path in left if path.is_file()]
    await uploaded(house.client, "done", content)
    await house.work()
    refused = await house.client.delete("/api/audience-batches/done")
    assert (refused.status_code, refused.json()["code"]) == (409, "audience.batch_done")


async def test_deleting_the_upload_by_tus_calls_its_batch_off(house: House) -> None:
    state = await uploaded(house.client, "b1", features(consenting(60)))
    headers = {"Tus-Resumable": "1.0.0"}

    gone = await house.client.delete(f"/api/audience-tus/{state['upload']}", headers=headers)

    assert gone.status_code == 204
    assert await house.all() == []


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ({"id": "../x", "filename": "f", "size_bytes": 1}, "an id has 1 to 100 of"),
        ({"id": "b"}, "name either the file that will be uploaded, or the source"),
        ({"id": "b", "filename": "f"}, "f is empty"),
        ({"id": "b", "filename": "f", "size_bytes": 1, "source": "k"}, "name either the file"),
        ({"id": "updates-000000000001", "source": "k"}, "are those of updates between batches"),
        ({"id": "b", "filename": "f", "size_bytes": 60_000_000}, "at most 50 MB is taken"),
    ],
)
async def test_an_order_that_is_none_is_refused_in_a_sentence(
    house: House, new: dict[str, Any], says: str
) -> None:
    refused = await order(house.client, **new)

    assert refused.status_code in {409, 413, 422}
    assert says in refused.json()["detail"]
    assert await house.all() == []


async def test_how_far_a_batch_is_can_be_read_while_it_is_brought_in(house: House) -> None:
    await uploaded(house.client, "b1", features(consenting(2500)))
    await house.work()

    heard = [(each.rows, each.rows_of, each.committing) for each in house.bringing.heard if not each.report]
    assert heard[0] == (0, 2500, False)
    assert heard[-1] == (2500, 2500, True)


async def test_dimensions_overlaps_and_one_audience_are_told(house: House) -> None:
    await uploaded(house.client, "b1", features(consenting(100)))
    await house.work()
    for name, rule in (("all", "age >= 0"), ("young", "age < 60"), ("both", 'in audience("young")')):
        await house.client.post("/api/audiences", json={"name": name, "rule": rule})
    await house.client.post("/api/audience-builds")

    matrix = (await house.client.post("/api/audience-overlaps", json={"names": ["all", "young"]})).json()
    words = {
        each["dimension"]["name"]: each
        for each in (await house.client.get("/api/audience-dimensions")).json()
    }
    young = (await house.client.get("/api/audiences/young")).json()
    viewer = (await house.client.post("/api/audience-viewers", json={"user": "u5"})).json()

    assert matrix["shared"] == [[100, 70], [70, 70]]
    assert matrix["jaccard"] == [[1.0, 0.7], [0.7, 1.0]]
    assert (words["home_country"]["stored"], words["home_country"]["words"]) == (True, ["DE"])
    assert words["device"]["stored"] is False
    assert (young["tree"]["is"], young["used_by"], young["builds_on"]) == ("range", ["both"], [])
    assert sorted(viewer["audiences"]) == ["all", "both", "young"]


async def test_a_rule_made_by_a_form_becomes_text_and_the_other_way_round(house: House) -> None:
    tree = {"is": "not", "of": {"is": "in", "dimension": "home_country", "values": ["DE"]}}
    checked = (await house.client.post("/api/audience-checks", json={"tree": tree})).json()
    back = (await house.client.post("/api/audience-checks", json={"rule": checked["rule"]})).json()
    bad = {"is": "in", "dimension": "home_contry", "values": ["DE"]}
    wrong = (await house.client.post("/api/audience-checks", json={"tree": bad})).json()

    assert checked["rule"] == 'home_country not in ("DE")'
    assert back["tree"] == checked["tree"] == tree
    assert "did you mean home_country?" in wrong["problem"]
    assert wrong["tree"] is None


async def test_a_build_while_a_batch_is_brought_in_is_told_to_wait(house: House) -> None:
    await house.rooms.turns.change(lambda audiences: audiences.define(NewAudience("all", "age >= 0")))
    other = house.bringing._audiences.store

    with other.writing():
        busy = await house.client.post("/api/audience-builds")

    assert (busy.status_code, busy.json()["code"]) == (409, "audience.busy")


async def test_a_batch_that_waits_behind_another_is_called_off_with_its_bytes(
    house: House, tmp_path: Path
) -> None:
    await uploaded(house.client, "first", features(consenting(60)))
    await uploaded(house.client, "second", features(consenting(70)))
    store = await house.rooms.turns.ask(lambda audiences: audiences.store)

    async def hold() -> None:
        with store.writing():
            await asyncio.Event().wait()

    house.bringing.between = hold
    working = asyncio.create_task(house.rooms.batches.keep_going())
    while not house.bringing.begun:
        await moment()
    await moment()

    gone = await house.client.delete("/api/audience-batches/second")

    assert gone.status_code == 204
    assert len(list((tmp_path / "audience" / "files" / "uploads").iterdir())) == 1
    house.bringing.between = None
    while (await house.one("first"))["phase"] != "done":
        house.clock.advance(1)
        await moment()
    working.cancel()
    await asyncio.wait([working])


async def test_a_batch_that_cannot_be_called_off_now_is_as_it_was(house: House) -> None:
    await uploaded(house.client, "b1", features(consenting(60)))
    store = await house.rooms.turns.ask(lambda audiences: audiences.store)

    with store.writing():
        refused = await house.client.delete("/api/audience-batches/b1")

    assert (refused.status_code, refused.json()["code"]) == (409, "audience.busy")
    await house.work()
    assert (await house.one("b1"))["report"]["kept"] == 60


async def test_a_batch_that_was_applied_and_could_not_say_so_is_not_called_off(house: House) -> None:
    await uploaded(house.client, "b1", features(consenting(60)))
    bring = house.bringing.__call__

    async def in_and_then_silent(order: Path, tell: Callable[[Heard], None]) -> None:
        await bring(order, lambda _: None)
        await asyncio.Event().wait()

    house.rooms.batches._bringing = in_and_then_silent
    working = asyncio.create_task(house.rooms.batches.keep_going())
    while not await house.users():
        await moment()

    refused = await house.client.delete("/api/audience-batches/b1")

    assert (refused.status_code, refused.json()["code"]) == (409, "audience.batch_done")
    house.rooms.batches._bringing = bring
    while (await house.one("b1"))["phase"] != "done":
        await moment()
    working.cancel()
    await asyncio.wait([working])


async def test_batches_go_on_after_their_orders_could_not_be_kept(house: House, tmp_path: Path) -> None:
    await uploaded(house.client, "b1", features(consenting(60)))
    orders, away = tmp_path / "audience" / "orders", tmp_path / "away"

    async def lose_orders() -> None:
        orders.rename(away)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    house.bringing.between = lose_orders
    working = asyncio.create_task(house.rooms.batches.keep_going())
    while not away.is_dir():
        await moment()
    for _ in range(20):
        await moment()
    assert not working.done()
    house.bringing.between = None
    away.rename(orders)
    while (await house.one("b1"))["phase"] != "done":
        house.clock.advance(1)
        await moment()
    working.cancel()
    await asyncio.wait([working])


async def test_what_a_killed_fetch_left_is_deleted_even_where_its_order_is_called_off(
    house: House, tmp_path: Path
) -> None:
    sources = tmp_path / "audience" / "sources"
    sources.mkdir()
    (sources / "b1").write_bytes(b"user,age\nada,3")

    await house.client.delete("/api/audience-batches/b1")
    working = asyncio.create_task(house.rooms.batches.keep_going())
    for _ in range(10):
        await moment()
    working.cancel()
    await asyncio.wait([working])

    assert list(sources.iterdir()) == []


async def test_an_order_that_has_bytes_is_not_forgotten_for_being_old(house: House) -> None:
    died = EngineUnavailable("audience.batch_died", "it died").problem()
    now = house.clock.now()
    book = OrderBook(house.folder / "orders")
    book.keep(Order(NewBatch("old", "f", 5), now, now, upload="upl_1", file="files/f", problem=died))

    for n in range(230):
        book.keep(Order(NewBatch(f"b{n}", "f", 5), now, now.plus_s(n + 1), problem=died))

    assert book.get("old")
    assert len(book.all()) == 201


@pytest.mark.parametrize(("name", "rule"), [("a", "column 'a' is no dimension"), ("w" * 60_000, "…")])
async def test_what_is_wrong_with_a_file_is_told_shortly_and_under_its_senders_name(
    house: House, tmp_path: Path, name: str, rule: str
) -> None:
    (tmp_path / "blobs" / "nightly").mkdir()
    (tmp_path / "blobs" / "nightly" / "f.csv").write_text(f"user,{name}\nu1,3\n", encoding="utf-8")
    await order(house.client, id="a", source="nightly/f.csv")

    await house.work()

    detail = (await house.one("a"))["problem"]["detail"]
    assert detail.startswith("nightly/f.csv: column '")
    assert rule in detail
    assert len(detail) < 1_100


async def test_whoever_the_command_deletes_stays_out_of_files_that_wait_for_the_server(
    house: House, tmp_path: Path
) -> None:
    await uploaded(house.client, "b1", features(consenting(60)))
    env = {"BIJOU_HOUSE_DATA_DIR": str(tmp_path), "BIJOU_CALLED_AS": ""}

    deleted = await asyncio.to_thread(
        CliRunner().invoke, bijou, ["audience", "delete", "u7", "--json"], env=env
    )

    assert json.loads(deleted.stdout)["waiting"] == ["b1"]
    async with anew(house) as later:
        await later.work()
        assert await later.users() == 59


async def test_a_person_is_deleted_by_the_calling_end(house: House) -> None:
    await uploaded(house.client, "b1", features(consenting(60)))

    wire = Wire("http://control", transport=house.client._transport)
    certificate = await BatchesClient(wire).forget("u7")
    await wire.close()

    assert certificate.waiting == ["b1"]
