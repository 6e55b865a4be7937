"""The configuration of ads: versions, the past, and who may overwrite whom."""

import asyncio
import shutil
import sqlite3
from pathlib import Path
from random import Random

import msgspec
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from bijou.ads import (
    AdBreak,
    AdOperations,
    AdType,
    Advertiser,
    AudienceReference,
    Brand,
    Creative,
    Edit,
    LineItem,
    NewChange,
    NewDimension,
    Placement,
    Record,
    State,
    Surface,
    store,
)
from bijou.ads.http import AdOperationsClient, routes
from bijou.ads.model.reconciling import reconcile_history
from bijou.ads.model.selling_tables import CAMPAIGNS
from bijou.ads.service import AdOperationsService
from bijou.audience import And, In, InAudience, Kind
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import Conflict, Instant, InvalidRequest, NotFound, Records, VirtualClock
from tests.contract.ads.campaigns import change, creative, house, make
from tests.contract.conftest import Faces

pytestmark = pytest.mark.anyio


async def test_a_record_comes_back_as_it_was_said(service: AdOperationsService) -> None:
    made = await house(service)

    for kind, record in made.items():
        assert await service.record(record.id) == record
        assert [each.id for each in await service.records(kind)] == [record.id]
    assert made["line_item"].author == "usr_1"
    assert made["line_item"].version == 1


async def test_a_change_is_a_new_version_and_the_old_one_stays(
    service: AdOperationsService, clock: VirtualClock
) -> None:
    made = await house(service)
    before = made["campaign"]
    clock.advance(60)

    after = await change(service, before, "client asked", state=State.PAUSED)

    assert (after.version, after.author, after.reason) == (2, "usr_2", "client asked")
    assert after.at - before.at == 60_000_000
    assert await service.history(before.id) == [after, before]
    assert await service.record(before.id, 1) == before


async def test_the_configuration_in_effect_at_any_moment_and_revision_is_one_query_away(
    service: AdOperationsService, clock: VirtualClock, chance: Random
) -> None:
    await house(service)
    seen: list[tuple[int, Instant, dict[str, Record]]] = []
    for step in range(12):
        kind = chance.choice(["campaign", "line_item", "creative", "advertiser"])
        record = (await service.records(kind))[0]
        after = await change(service, record, f"step {step}", name=f"name {step}")
        now = {each.id: each for each in await service.configuration()}
        seen.append((after.revision, clock.now(), now))
        clock.advance(1)

    for revision, at, then in seen:
        by_revision = await service.configuration(revision=revision)
        assert {each.id: each for each in by_revision} == then
        assert await service.configuration(at=at) == by_revision
    assert await service.configuration(at=Instant(0)) == []
    assert await service.configuration(revision=0) == []


async def test_a_clock_that_goes_back_does_not_reorder_history(ads_records: Records, chance: Random) -> None:
    late, early = VirtualClock(Instant(10_000_000)), VirtualClock(Instant(5_000_000))
    first = await make(AdOperationsService(ads_records, late, chance), Advertiser(name="first"))
    second = await make(AdOperationsService(ads_records, early, chance), Advertiser(name="second"))

    assert first.at == second.at
    assert [each.revision for each in (first, second)] == [1, 2]


async def test_a_change_of_an_old_picture_is_refused(service: AdOperationsService) -> None:
    made = await house(service)
    await change(service, made["brand"], name="Kino!")

    with pytest.raises(Conflict, match="is at version 2, and the change is of 1") as refusal:
        await change(service, made["brand"], name="Kino?")

    assert refusal.value.code == "ads.changed_meanwhile"
    assert (await service.record(made["brand"].id)).noun.name == "Kino!"  # type: ignore[union-attr]


async def test_of_many_who_change_at_once_one_wins_and_no_revision_is_lost(
    service: AdOperationsService, ads_records: Records
) -> None:
    made = await house(service)

    async def rename(name: str) -> bool:
        try:
            await change(service, made["brand"], name=name)
        except Conflict:
            return False
        return True

    won = await asyncio.gather(*(rename(f"name {n}") for n in range(6)))

    assert sum(won) == 1
    assert len(await service.history(made["brand"].id)) == 2
    assert await ads_records.read(reconcile_history) == []


async def test_edits_take_effect_together_or_not_at_all(service: AdOperationsService) -> None:
    made = await house(service)
    before = await service.configuration()
    renamed = Edit(msgspec.structs.replace(made["brand"].noun, name="x"), made["brand"].id, 1)
    spoiled = Edit(Brand(name="y", advertiser="adv_nobody"))

    with pytest.raises(InvalidRequest, match=r"^edits\[1\]\.advertiser: there is no advertiser 'adv_nobody'"):
        await service.change(NewChange("both", [renamed, spoiled]), author="usr_1")

    assert await service.configuration() == before


async def test_checking_says_what_would_happen_and_changes_nothing(service: AdOperationsService) -> None:
    made = await house(service)
    before = await service.configuration()
    edit = Edit(msgspec.structs.replace(made["brand"].noun, name="x"), made["brand"].id, 1)

    changed = await service.change(NewChange("try", [edit], only_check=True), author="usr_1")

    assert changed.revision == 0
    assert changed.records[0].version == 2
    assert await service.configuration() == before


async def test_a_parent_cannot_change_so_that_its_children_could_not_stand(
    service: AdOperationsService,
) -> None:
    made = await house(service)

    with pytest.raises(InvalidRequest, match=r"it would break the campaign .* currency is CHF") as refusal:
        await change(service, made["advertiser"], currency="CHF")

    assert refusal.value.code == "ads.would_break"


async def test_a_type_of_ad_cannot_change_so_that_its_creatives_would_be_wrong(
    service: AdOperationsService,
) -> None:
    made = await house(service)
    linear = next(each for each in await service.records("ad_type") if each.id == "adt_linear")
    narrower = {"type": "object", "properties": {"skip_after_ms": {"type": "integer", "maximum": 4000}}}

    with pytest.raises(InvalidRequest, match=r"would break the creative .*universal_ad_id is no property"):
        await change(service, linear, schema=narrower)
    rival = await make(service, Advertiser(name="Rival"))
    theirs = await make(service, Brand(name="Theirs", advertiser=rival.id))
    with pytest.raises(InvalidRequest, match=r"would break the line_item .* does not pay for this"):
        await change(service, made["creative"], brand=theirs.id)

    assert await service.record(linear.id) == linear


async def test_heads_are_rebuilt_from_versions_and_a_wrong_one_is_found(
    service: AdOperationsService, ads_records: Records
) -> None:
    made = await house(service)
    await change(service, made["campaign"], name="Later")
    spoiled = update(CAMPAIGNS).values(name="wrong")
    await ads_records.write(lambda db: db.execute(spoiled).rowcount)

    assert await ads_records.read(store.untrue_heads) == [made["campaign"].id]
    await ads_records.write(store.rebuild)
    assert await ads_records.read(store.untrue_heads) == []
    assert await ads_records.read(store.tampered) == []
    await change(service, await service.record(made["campaign"].id), name="Later still")


async def test_the_database_itself_refuses_to_change_the_past(
    service: AdOperationsService, ads_records: Records
) -> None:
    await house(service)

    for statement in (
        "UPDATE ads_versions SET body = '{}'",
        "DELETE FROM ads_versions",
        "UPDATE ads_changes SET author = 'nobody'",
        "DELETE FROM ads_changes",
    ):
        with pytest.raises(DBAPIError, match="is never changed; write a new version"):
            await ads_records.write(lambda db, s=statement: db.execute(text(s)).rowcount)  # type: ignore[misc]


async def test_a_version_that_was_tampered_with_is_found(
    empty_records: Path, tmp_path: Path, clock: VirtualClock, chance: Random
) -> None:
    path = tmp_path / "records.db"
    shutil.copy(empty_records, path)
    records = SqliteRecords(path, durable=False)
    made = await make(AdOperationsService(records, clock, chance), Advertiser(name="Kino"))
    with sqlite3.connect(path) as intruder:
        intruder.execute("DROP TRIGGER ads_versions_no_update")
        intruder.execute("UPDATE ads_versions SET body = replace(body, 'Kino', 'Kina')")

    assert await records.read(store.tampered) == [(made.id, 1)]
    await records.close()


async def test_a_new_type_of_ad_is_rows_and_no_table_changes(
    service: AdOperationsService, ads_records: Records
) -> None:
    made = await house(service)
    tables = "SELECT count(*) FROM ads_entities"
    shoppable = AdType(
        name="shoppable",
        renderer="shoppable",
        schema={
            "type": "object",
            "properties": {"products": {"type": "array", "items": {"type": "string"}, "maxItems": 3}},
            "required": ["products"],
        },
        events={"shown": "impression", "opened": "shelf_opened", "bought": "purchase"},
    )
    offer = Creative(
        name="Shelf", brand=made["brand"].id, ad_type="shoppable", attributes={"products": ["p1"]}
    )
    with pytest.raises(InvalidRequest, match="there is no ad type 'shoppable'"):
        await make(service, offer)

    await make(service, shoppable)
    placement = await make(service, Placement(name="Shelf", surface=Surface.OVERLAY, ad_types=["shoppable"]))
    kept = await make(service, offer)
    with pytest.raises(InvalidRequest, match=r"attributes\.products has 4 items; it has 0 to 3"):
        await change(service, kept, attributes={"products": ["a", "b", "c", "d"]})

    assert isinstance(placement.noun, Placement)
    assert (await service.record(kept.id)).noun == offer
    assert await ads_records.read(store.untrue_heads) == []
    assert await ads_records.read(lambda db: db.scalar(text(tables))) == 11 + 3


async def test_a_new_dimension_and_an_audience_are_rows_and_rules_may_ask_them(
    service: AdOperationsService,
) -> None:
    made = await house(service)
    rule = And((In("team", ("blue",)), InAudience("fans")))
    with pytest.raises(InvalidRequest, match="targeting: there is no dimension 'team'"):
        await change(service, made["line_item"], targeting=rule)

    await make(service, NewDimension(name="team", kind=Kind.CATEGORY, values=["blue", "red"]))
    with pytest.raises(InvalidRequest, match="targeting: there is no audience 'fans'"):
        await change(service, made["line_item"], targeting=rule)
    await make(service, AudienceReference(name="fans", audience="aud_1"))
    after = await change(service, made["line_item"], targeting=rule)

    assert isinstance(after.noun, LineItem)
    assert after.noun.targeting == rule


async def test_what_ships_is_there_once_however_often_it_is_prepared(service: AdOperationsService) -> None:
    await service.prepare()

    types = await service.records("ad_type")
    assert [each.noun.name for each in types] == ["linear", "overlay", "pause", "companion"]  # type: ignore[union-attr]
    assert [each.revision for each in await service.changes()] == [1]


async def test_a_name_that_others_refer_to_is_kept(service: AdOperationsService) -> None:
    linear = (await service.records("ad_type"))[0]

    with pytest.raises(InvalidRequest, match="keeps its name"):
        await change(service, linear, name="straight")
    with pytest.raises(Conflict, match="another ad_type is adt_linear already"):
        await make(service, linear.noun)


async def test_a_change_says_why(service: AdOperationsService) -> None:
    with pytest.raises(InvalidRequest, match="say why"):
        await make(service, Advertiser(name="x"), "  ")
    with pytest.raises(InvalidRequest, match="1 to 1000"):
        await service.change(NewChange("nothing", []), author="usr_1")
    with pytest.raises(InvalidRequest, match="both, or neither"):
        await service.change(NewChange("x", [Edit(Advertiser(name="x"), "adv_1")]), author="usr_1")


async def test_over_http_it_is_the_same(
    faces: Faces, records: Records, clock: VirtualClock, chance: Random
) -> None:
    service = AdOperationsService(records, clock, chance)
    await service.prepare()
    local: AdOperations = service
    ads = faces.of(local, routes(service), AdOperationsClient)

    made = await house(ads)
    after = await change(ads, made["line_item"], priority=1)
    log = await ads.changes(at_most=2)

    assert await ads.record(after.id) == after
    assert await ads.record(after.id, 1) == made["line_item"]
    assert [each.version for each in await ads.history(after.id)] == [2, 1]
    assert [each.records for each in log] == [[after.id], [after.id]]
    assert await ads.changes(before=log[1].revision, at_most=1) == (await ads.changes())[2:3]
    assert await ads.configuration(revision=made["line_item"].revision) == await ads.configuration(
        revision=after.revision - 1
    )
    assert await ads.configuration(at=clock.now()) == await ads.configuration()
    assert "LineItem" in await ads.schemas()
    with pytest.raises(NotFound):
        await ads.record("lin_nothing")
    with pytest.raises(NotFound):
        await ads.history("lin_nothing")
    with pytest.raises(InvalidRequest, match="is no kind of record"):
        await ads.records("spaceship")
    broken = msgspec.structs.replace(creative(made["brand"].id), duration_ms=0)
    with pytest.raises(InvalidRequest, match="takes time of a break"):
        await make(ads, broken)


async def test_a_break_lies_in_a_placement_of_breaks(service: AdOperationsService) -> None:
    films = await make(service, Placement(name="Films"))
    pause = await make(service, Placement(name="Pause", surface=Surface.PAUSE, ad_types=["pause"]))

    assert (await make(service, AdBreak(placement=films.id))).kind == "break"
    with pytest.raises(InvalidRequest, match="is of the pause, not of a break"):
        await make(service, AdBreak(placement=pause.id))
