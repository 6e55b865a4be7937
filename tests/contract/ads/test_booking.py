"""Events become facts once, and statistics are their exact sums, on both engines."""

from random import Random

import msgspec
import pytest
from sqlalchemy import delete, insert, update

from bijou.ads.model import partitions
from bijou.ads.model.booking import AdEvent, book, rebuild_day, roll_up_day
from bijou.ads.model.fact_tables import ARCHIVES, DAILY, EVENTS, HOURLY
from bijou.ads.model.reconciling import (
    reconcile_archives,
    reconcile_day,
    reconcile_history,
    reconcile_invoices,
)
from bijou.ads.service import AdOperationsService
from bijou.ports import Records
from tests.contract.ads.campaigns import house
from tests.contract.ads.rows import GOOD
from tests.contract.ads.seen import DAY, event, events, hours, keys, summed

pytestmark = pytest.mark.anyio


@pytest.fixture
async def records(ads_records: Records) -> Records:
    await ads_records.write(lambda db: partitions.make_ahead(db, DAY, 2))
    return ads_records


async def book_in_batches(records: Records, chance: Random, seen: list[AdEvent]) -> int:
    new, waiting = 0, list(seen)
    while waiting:
        size = chance.randrange(1, 200)
        batch, waiting = waiting[:size], waiting[size:]
        new += len(await records.write(lambda db, batch=batch: book(db, batch)))  # type: ignore[misc]
    return new


async def test_hours_are_the_sums_of_events_whatever_comes_twice_late_or_out_of_order(
    records: Records, chance: Random
) -> None:
    seen = events(chance, 600)
    again = chance.choices(seen, k=200)
    sent = seen + again
    chance.shuffle(sent)

    new = await book_in_batches(records, chance, sent)

    assert new == len(seen)
    assert await records.read(hours) == summed(seen)
    for day in (DAY, DAY + 1):
        await records.write(lambda db, day=day: roll_up_day(db, day))  # type: ignore[misc]
        assert await records.read(lambda db, day=day: reconcile_day(db, day)) == []  # type: ignore[misc]


async def test_the_same_impression_with_another_charge_is_still_the_same(
    records: Records, chance: Random
) -> None:
    first = event(chance)
    dearer = msgspec.structs.replace(first, charge_micros=first.charge_micros + 1)

    booked = await records.write(lambda db: book(db, [first]))
    again = await records.write(lambda db: book(db, [dearer, first]))

    assert (booked, again) == ([first], [])
    assert await records.read(hours) == summed([first])


async def test_the_reconciler_finds_every_kind_of_lie_and_rebuilding_mends_it(
    records: Records, chance: Random
) -> None:
    seen = events(chance, 50, days=1)
    await records.write(lambda db: book(db, seen))
    await records.write(lambda db: roll_up_day(db, DAY))
    one_line = HOURLY.c.line_item == seen[0].line_item
    stray = GOOD["ads_hourly"] | {"line_item": 77}
    lies = [
        (HOURLY, update(HOURLY).where(one_line).values(charge_micros=HOURLY.c.charge_micros + 1)),
        (HOURLY, delete(HOURLY).where(one_line)),
        (HOURLY, insert(HOURLY).values(stray)),
        (HOURLY, delete(EVENTS).where(EVENTS.c.impression == seen[0].impression)),
        (DAILY, update(DAILY).values(events=DAILY.c.events + 1)),
    ]

    for table, lie in lies:
        await records.write(lambda db, lie=lie: db.execute(lie).rowcount)  # type: ignore[misc]
        found = await records.read(lambda db: reconcile_day(db, DAY))
        assert table.name in {each.derived for each in found}
        assert all(each.rows and each.examples for each in found)
        await records.write(lambda db: rebuild_day(db, DAY))
        await records.write(lambda db: roll_up_day(db, DAY))
        assert await records.read(lambda db: reconcile_day(db, DAY)) == []
    assert await records.read(hours) == summed(seen[1:])


async def test_a_lost_change_a_wrong_invoice_and_a_wrong_archive_are_found(
    service: AdOperationsService, ads_records: Records
) -> None:
    made = await house(service)
    order = {"insertion_order": made["insertion_order"].id}
    wrong = {"total_micros": GOOD["ads_invoices"]["total_micros"] + 1}

    async def write(table: str, row: dict[str, object]) -> None:
        of = EVENTS.metadata.tables[table]
        await ads_records.write(lambda db: db.execute(insert(of).values(row)).rowcount)

    assert await ads_records.read(reconcile_history) == []
    await write("ads_invoices", GOOD["ads_invoices"] | order | wrong)
    await write("ads_invoice_lines", GOOD["ads_invoice_lines"])
    await write("ads_archives", GOOD["ads_archives"] | {"rows": 2})
    await write("ads_daily", GOOD["ads_daily"])
    await write("ads_changes", GOOD["ads_changes"] | {"number": 99})

    assert [each.derived for each in await ads_records.read(reconcile_invoices)] == ["ads_invoices"]
    assert [each.place for each in await ads_records.read(reconcile_archives)] == [f"day {DAY}"]
    assert [each.derived for each in await ads_records.read(reconcile_history)] == ["ads_revision"]
    assert ARCHIVES.info["rebuilt"] == ""


async def test_nothing_is_booked_of_nothing(records: Records) -> None:
    assert await records.write(lambda db: book(db, [])) == []
    assert await records.read(keys) == set()
