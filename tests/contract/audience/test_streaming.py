"""Updates between batches: on disk when they are taken, visible together, late and repeated ones right."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bijou.app.audience_uploads import AudienceRooms
from bijou.audience.shown import NewAudience
from bijou.audience.streaming_kept import UpdateStore
from bijou.ports import Instant, VirtualClock
from tests.contract.audience.houses import client_of, lines, opened
from tests.unit.audience.populations import NOW_S

pytestmark = pytest.mark.anyio


class House:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(Instant(NOW_S * 1_000_000))
        self.rooms: AudienceRooms = opened(folder, self.clock)
        self.client: httpx.AsyncClient = client_of(self.rooms)

    async def close(self) -> None:
        await self.client.aclose()
        await self.rooms.files.records.close()

    async def known(self, user: str) -> dict[str, Any]:
        answer = await self.client.post("/api/audience-viewers", json={"user": user})
        known: dict[str, Any] = answer.json()
        return known

    async def applied(self) -> int:
        return await self.rooms.updates.apply()

    async def define(self, name: str, rule: str) -> None:
        await self.rooms.turns.change(lambda audiences: audiences.define(NewAudience(name, rule)))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    yield house
    await house.close()


def row(user: str, at_s: int, **cells: Any) -> dict[str, Any]:
    return {"user": user, "updated_at": at_s, "consent": ["ads"], **cells}


async def test_what_is_taken_is_visible_together_when_it_is_applied(house: House) -> None:
    await house.define("germans", 'home_country in ("DE")')
    crowd = [row(f"u{n}", NOW_S, home_country="DE", likes=["noir", "kids"]) for n in range(60)]
    taken = await lines(house.client, *crowd[:30])
    await lines(house.client, *crowd[30:])
    assert taken.json() == {"taken": 30, "rejected": [], "visible_within_s": 10.0}
    assert (await house.known("u7"))["degraded"] == "no_profile"

    assert await house.applied() == 60

    known = await house.known("u7")
    assert known["audiences"] == ["germans"]
    assert (known["features"]["home_country"], sorted(known["features"]["likes"])) == ("DE", ["kids", "noir"])
    assert await house.applied() == 0


async def test_late_and_repeated_updates_change_nothing_that_is_newer(house: House) -> None:
    await house.define("all", "age >= 0")
    await lines(house.client, *[row(f"u{n}", NOW_S, age=30) for n in range(60)])
    await house.applied()

    await lines(house.client, row("u1", NOW_S + 5, age=31), row("u2", NOW_S - 5, age=29))
    await lines(house.client, row("u1", NOW_S + 5, age=31))
    await house.applied()
    await lines(house.client, row("u1", NOW_S + 1, age=1))
    await house.applied()

    assert (await house.known("u1"))["features"]["age"] == 31
    assert (await house.known("u2"))["features"]["age"] == 30


@pytest.mark.parametrize("together", [True, False])
async def test_what_a_row_leaves_out_stays_as_it_was(house: House, *, together: bool) -> None:
    await house.define("all", "age >= 0")
    await lines(house.client, *[row(f"u{n}", NOW_S, age=30, home_country="DE") for n in range(60)])
    await house.applied()
    later = [
        row("u1", NOW_S + 5, home_country="FR"),
        row("u2", NOW_S + 5, age=31),
        row("u1", NOW_S + 6, age=32),
        row("u3", NOW_S + 6, age=None),
    ]

    for some in [later] if together else [[each] for each in later]:
        assert (await lines(house.client, *some)).json()["rejected"] == []
    await house.applied()

    told = [(await house.known(user))["features"] for user in ("u1", "u2", "u3")]
    assert [(each.get("home_country"), each.get("age")) for each in told] == [
        ("FR", 32),
        ("DE", 31),
        ("DE", None),
    ]


async def test_a_column_that_is_none_lets_nothing_of_its_request_in(house: House) -> None:
    answer = await lines(house.client, row("u1", NOW_S, age=30), row("u2", NOW_S, shoe_size=43))

    assert answer.status_code == 422
    assert await house.applied() == 0


async def test_rows_of_ever_other_columns_do_not_wait_without_end(house: House) -> None:
    names = [f"d{n}" for n in range(80)]
    for name in names:
        dimension = {"name": name, "kind": "integer", "title": name}
        await house.client.post("/api/audience-dimensions", json=dimension)
    answers = [await lines(house.client, row("u1", NOW_S, **{name: 1})) for name in names]

    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 429}
    assert codes.count(200) == 64
    assert await house.applied() == 64
    assert (await lines(house.client, row("u1", NOW_S, d79=1))).status_code == 200


async def test_what_a_killed_process_has_taken_the_next_one_applies(house: House) -> None:
    await house.define("all", "age >= 0")
    await lines(house.client, *[row(f"u{n}", NOW_S, age=40) for n in range(60)])
    house.rooms.turns._opened = None

    later = House(house.folder)
    try:
        applying = asyncio.create_task(later.rooms.updates.keep_applying())
        while (await later.known("u1"))["degraded"]:
            later.clock.advance(1)
        applying.cancel()
        await asyncio.wait([applying])

        assert (await later.known("u1"))["features"]["age"] == 40
    finally:
        await later.close()


async def test_updates_wait_while_a_batch_is_brought_in(house: House) -> None:
    await house.define("all", "age >= 0")
    await lines(house.client, *[row(f"u{n}", NOW_S, age=40) for n in range(60)])
    store = await house.rooms.turns.ask(lambda audiences: audiences.store)
    applying = asyncio.create_task(house.rooms.updates.keep_applying())

    with store.writing():
        for _ in range(30):
            house.clock.advance(1)
            assert (await house.known("u1"))["degraded"] == "no_profile"
        taken = await lines(house.client, row("u61", NOW_S, age=41))
    assert taken.json()["taken"] == 1
    while (await house.known("u61"))["degraded"]:
        house.clock.advance(1)
    applying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await applying


async def test_a_bad_row_is_told_and_the_good_ones_are_taken(house: House) -> None:
    answer = await lines(
        house.client,
        row("u1", NOW_S, age=30),
        row("u2", NOW_S, age=900),
        {"user": "u3", "age": 30},
        {"age": 30, "updated_at": NOW_S},
        row("u5", NOW_S + 3 * 86_400, age=30),
    )

    told = answer.json()
    assert told["taken"] == 1
    assert [(each["row"], each["column"]) for each in told["rejected"]] == [
        (2, "age"),
        (3, "updated_at"),
        (4, "user"),
        (5, "updated_at"),
    ]
    assert await house.applied() == 1


async def test_updates_that_are_none_are_refused_in_a_sentence(house: House) -> None:
    unknown = await lines(house.client, row("u1", NOW_S, contry="DE"))
    json_body = await house.client.post("/api/audience-updates", json={"user": "u1"})
    empty = await lines(house.client)
    headers = {"Content-Type": "application/x-ndjson"}
    garbage = await house.client.post("/api/audience-updates", content=b"{\n", headers=headers)
    long = await house.client.post("/api/audience-updates", content=b"x" * 2_000_000, headers=headers)

    assert unknown.status_code == 422
    assert "column 'contry' is no dimension" in unknown.json()["detail"]
    assert (json_body.status_code, json_body.json()["code"]) == (415, "audience.not_lines")
    assert empty.json()["detail"].endswith("there is no line; each is one user's JSON object")
    assert [each["row"] for each in garbage.json()["rejected"]] == [1]
    assert "over 1,048,576 bytes" in long.json()["detail"]
    assert await house.applied() == 0


async def test_whoever_is_deleted_is_taken_out_of_updates_that_wait(house: House) -> None:
    await house.define("all", "age >= 0")
    await lines(house.client, *[row(f"somebody-{n}", NOW_S, age=40) for n in range(60)])

    certificate = (await house.client.post("/api/audience-deletions", json={"user": "somebody-4"})).json()
    users = await house.applied()

    assert certificate["staged_rows"] == 1
    assert users == 59
    files = [path for path in (house.folder / "audience").rglob("*") if path.is_file()]
    assert not [path for path in files if b"somebody" in path.read_bytes()]


async def test_very_many_updates_leave_a_short_list_of_batches(house: House) -> None:
    audiences = await house.rooms.turns.ask(lambda audiences: audiences)
    audiences.updates = UpdateStore(audiences.store, reports=8)
    for n in range(12):
        await lines(house.client, row("u1", NOW_S + n, age=n))
        await house.applied()

    listed = (await house.client.get("/api/audience-batches")).json()
    assert [each[:20] for each in sorted(audiences.reports())] == [
        f"updates-{n:012}" for n in (9, 10, 11, 12)
    ]
    assert listed == []


async def test_profiles_do_not_get_stale_as_long_as_updates_come(house: House) -> None:
    await house.define("all", "age >= 0")
    for hour in range(0, 30, 5):
        crowd = [row(f"u{n}", NOW_S + hour * 3600, age=hour) for n in range(60)]
        await lines(house.client, *(crowd if hour == 0 else crowd[:1]))
        await house.applied()
        house.clock.advance(5 * 3600)

    known = await house.known("u7")
    assert (known["degraded"], known["audiences"]) == ("", ["all"])


async def test_rows_of_too_many_sets_of_columns_are_refused_and_leave_room_for_others(house: House) -> None:
    names = [f"d{n}" for n in range(80)]
    for name in names:
        dimension = {"name": name, "kind": "integer", "title": name}
        await house.client.post("/api/audience-dimensions", json=dimension)

    at_once = await lines(house.client, *[row("u1", NOW_S, **{name: 1}) for name in names])
    for some in (names[:40], names[40:]):
        answer = await lines(house.client, *[row("u1", NOW_S, **{name: 1}) for name in some])

    assert (at_once.status_code, at_once.json()["code"]) == (422, "audience.bad_updates")
    assert "80 different sets of columns" in at_once.json()["detail"]
    assert (answer.status_code, answer.json()["code"]) == (429, "audience.updates_wait")
    assert (await lines(house.client, row("u1", NOW_S, d79=1))).status_code == 200


async def test_updates_that_were_applied_are_built_though_the_first_build_did_not_come(house: House) -> None:
    await house.define("all", "age >= 0")
    await lines(house.client, *[row(f"u{n}", NOW_S, age=40) for n in range(60)])
    assert await house.rooms.turns.change(lambda audiences: audiences.updates.apply()) == 60
    house.rooms.turns._opened = None  # killed before it built

    later = House(house.folder)
    try:
        applying = asyncio.create_task(later.rooms.updates.keep_applying())
        for _ in range(12):
            later.clock.advance(1)
            await later.known("u1")
        applying.cancel()
        await asyncio.wait([applying])

        assert (await later.known("u1"))["audiences"] == ["all"]
        version = (await later.client.get("/api/audience-state")).json()["version"]
        assert await later.applied() == 0
        assert (await later.client.get("/api/audience-state")).json()["version"] == version
    finally:
        await later.close()
