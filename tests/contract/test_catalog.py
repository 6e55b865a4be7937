"""The catalogue, in process, over HTTP, and beside other versions."""

from random import Random

import pytest
from msgspec.structs import replace

from bijou.catalog import Catalog, NewTitle, TitleChange
from bijou.catalog.happenings import TitleChanged, TitlePublished, TitleWithdrawn
from bijou.catalog.http import CatalogClient, routes
from bijou.catalog.service import CatalogService
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import InvalidRequest, NotFound, VirtualClock
from tests.contract.conftest import Faces, Told
from tests.contract.samples import publication

pytestmark = pytest.mark.anyio


@pytest.fixture
def catalog(faces: Faces, records: SqliteRecords, clock: VirtualClock, chance: Random, told: Told) -> Catalog:
    service: Catalog = CatalogService(records, clock, chance, told)
    return faces.of(service, routes(service), CatalogClient)


async def test_a_published_title_is_found_by_slug_and_by_id(catalog: Catalog, clock: VirtualClock) -> None:
    new = NewTitle("Big  Buck Bunny", synopsis="A rabbit.", row="Shorts", year=2008, accent="#FFB84D")
    title = await catalog.publish(new, publication("ast_1"))

    assert await catalog.title("big-buck-bunny") == title
    assert await catalog.title(title.id) == title
    assert (title.name, title.accent, title.published_at) == ("Big Buck Bunny", "#ffb84d", clock.now())
    assert title.publication == publication("ast_1")


async def test_the_same_asset_twice_gives_the_same_title_and_one_event(catalog: Catalog, told: Told) -> None:
    first = await catalog.publish(NewTitle("Sintel"), publication("ast_1"))
    second = await catalog.publish(NewTitle("Sintel again"), publication("ast_1"))

    assert second == first
    assert told.payloads == [TitlePublished("sintel", "Sintel")]


async def test_what_still_arrives_gives_way_to_what_is_complete_and_never_the_other_way_round(
    catalog: Catalog, told: Told
) -> None:
    whole = publication("ast_1")
    arriving = replace(whole, hls=f"{whole.base}/live/master.m3u8", complete=False)
    more = replace(whole, hls=f"{whole.base}/v2/master.m3u8", version=2)
    title = await catalog.publish(NewTitle("Sintel"), arriving)

    for given in (arriving, whole, whole, arriving, more, whole):
        await catalog.republish(given)

    assert await catalog.title("sintel") == replace(title, publication=more)
    changed = TitleChanged("sintel", "Sintel")
    assert told.payloads == [TitlePublished("sintel", "Sintel"), changed, changed]


async def test_what_is_published_anew_while_withdrawn_stays_withdrawn(catalog: Catalog, told: Told) -> None:
    whole = publication("ast_1")
    await catalog.publish(NewTitle("Sintel"), replace(whole, complete=False))
    await catalog.withdraw("sintel")

    assert (await catalog.republish(whole)).publication == whole

    assert await catalog.titles() == []
    assert told.payloads[-1] == TitleWithdrawn("sintel")
    assert (await catalog.publish(NewTitle("Sintel"), whole)).publication == whole


async def test_what_was_never_published_cannot_be_published_anew(catalog: Catalog) -> None:
    with pytest.raises(NotFound) as refusal:
        await catalog.republish(publication("ast_1"))

    assert refusal.value.code == "catalog.no_title"


async def test_slugs_are_unique_and_numbered_from_two(catalog: Catalog) -> None:
    titles = [await catalog.publish(NewTitle("Sintel"), publication(f"ast_{n}")) for n in range(3)]

    assert [title.slug for title in titles] == ["sintel", "sintel-2", "sintel-3"]


async def test_a_wanted_slug_is_taken(catalog: Catalog) -> None:
    title = await catalog.publish(NewTitle("Sintel", slug="The Dragon!"), publication("ast_1"))

    assert title.slug == "the-dragon"


@pytest.mark.parametrize(
    "bad",
    [
        NewTitle(""),
        NewTitle("  "),
        NewTitle("x" * 201),
        NewTitle("a\x00b"),
        NewTitle("x", row=""),
        NewTitle("x", year=1600),
        NewTitle("x", accent="red"),
        NewTitle("x", synopsis="y" * 5001),
    ],
)
async def test_a_bad_title_is_refused_and_nothing_is_published(catalog: Catalog, bad: NewTitle) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await catalog.publish(bad, publication("ast_1"))

    assert refusal.value.code == "catalog.bad_title"
    assert await catalog.titles() == []


async def test_the_row_with_the_newest_title_stands_first(catalog: Catalog, clock: VirtualClock) -> None:
    for n, (name, row) in enumerate([("a", "Old"), ("b", "New"), ("c", "Old"), ("d", "New")]):
        clock.advance(60)
        await catalog.publish(NewTitle(name, row=row), publication(f"ast_{n}"))

    rows = await catalog.rows()

    assert [(row.heading, [title.name for title in row.titles]) for row in rows] == [
        ("New", ["d", "b"]),
        ("Old", ["c", "a"]),
    ]


async def test_editing_words_moves_no_row_and_keeps_the_slug(
    catalog: Catalog, clock: VirtualClock, told: Told
) -> None:
    await catalog.publish(NewTitle("a", row="One", year=1999), publication("ast_1"))
    clock.advance(60)
    await catalog.publish(NewTitle("b", row="Two"), publication("ast_2"))

    changed = await catalog.change("a", TitleChange(name="Anna", synopsis=""))

    assert (changed.slug, changed.name, changed.year) == ("a", "Anna", 1999)
    assert [row.heading for row in await catalog.rows()] == ["Two", "One"]
    assert told.payloads[-1] == TitleChanged("a", "Anna")


async def test_a_change_that_changes_nothing_is_no_news(catalog: Catalog, told: Told) -> None:
    await catalog.publish(NewTitle("a"), publication("ast_1"))

    await catalog.change("a", TitleChange(name="a"))

    assert len(told.payloads) == 1


async def test_a_withdrawn_title_is_gone_and_its_slug_leads_nowhere_else(
    catalog: Catalog, told: Told
) -> None:
    await catalog.publish(NewTitle("Sintel"), publication("ast_1"))
    await catalog.withdraw("sintel")
    other = await catalog.publish(NewTitle("Sintel"), publication("ast_2"))

    assert other.slug == "sintel-2"
    assert [title.slug for title in await catalog.titles()] == ["sintel-2"]
    assert TitleWithdrawn("sintel") in told.payloads
    for missing in (
        catalog.title("sintel"),
        catalog.withdraw("sintel"),
        catalog.change("sintel", TitleChange()),
    ):
        with pytest.raises(NotFound, match="withdrawn"):
            await missing


async def test_a_withdrawn_asset_comes_back_under_its_old_slug(catalog: Catalog, clock: VirtualClock) -> None:
    first = await catalog.publish(NewTitle("Sintel"), publication("ast_1"))
    await catalog.withdraw("sintel")
    clock.advance(60)

    again = await catalog.publish(NewTitle("Sintel"), publication("ast_1"))

    assert (again.id, again.slug, again.published_at) == (first.id, "sintel", clock.now())


async def test_a_publication_with_files_elsewhere_is_refused(catalog: Catalog) -> None:
    stray = replace(publication("ast_1"), poster="uploads/secret")

    with pytest.raises(InvalidRequest) as refusal:
        await catalog.publish(NewTitle("x"), stray)

    assert refusal.value.code == "catalog.bad_publication"
