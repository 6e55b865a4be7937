"""Users in shards answer as if they were undivided; what cannot be answered is said."""

import asyncio
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bijou.audience import Batch, Mode, Policy
from bijou.audience.api import NewAudience
from bijou.audience.service import AudienceService
from bijou.audience.shards.asking import Held, OneSlot, OneUser, Peer, State
from bijou.audience.shards.moving import move_slot
from bijou.audience.shards.slots import SLOTS, MapFile, slot_of
from bijou.engines.audience_files import FileSource
from bijou.ports import (
    BijouBug,
    BijouError,
    Conflict,
    EngineUnavailable,
    Forbidden,
    Instant,
    InvalidRequest,
    NotFound,
    Overloaded,
)
from tests.contract.audience.divided import RULES, Divided, fast_folder
from tests.unit.audience.populations import NOW_S, crowd, parquet

PEOPLE = crowd(1500, random.Random(5))
NAMES = [*list(PEOPLE)[:200], "a stranger"]


@pytest.fixture(scope="module")
def city() -> Iterator[Divided]:
    """Two shards with people, audiences and a delta; a third one is free."""
    city = Divided(fast_folder())
    city.many.add_shards([city.start("east"), city.start("west")], lambda _: None)
    city.send(PEOPLE, "all-1", Mode.FULL)
    city.send({name: {"age": 40, "consent": frozenset({"ads"})} for name in list(PEOPLE)[:150]}, "some-2")
    city.define()
    yield city
    city.close()
    shutil.rmtree(city.folder)


def test_viewers_are_known_as_if_they_were_undivided(city: Divided) -> None:
    found = city.viewers(city.many, NAMES)

    assert found == city.viewers(city.one, NAMES)
    assert found[-1] == ([], {}, "no_profile")
    assert {"germans", "grown", "both"} <= {name for audiences, _, _ in found for name in audiences}


def test_counts_are_added_up_before_they_are_rounded(city: Divided) -> None:
    for rule in (*RULES.values(), 'watched("noir", 3000d)'):
        assert city.many.reach(rule) == city.one.reach(rule)
    for all_of in (False, True):
        asked = (["germans", "grown"], ["both"])
        assert city.many.combine(*asked, all_of=all_of) == city.one.combine(*asked, all_of=all_of)
    assert city.many.overlap("germans", "grown") == city.one.overlap("germans", "grown")
    assert city.many.check('in audience("germans")').reach == city.one.check('in audience("germans")').reach
    with pytest.raises(NotFound, match="'nobody' was not built everywhere"):
        city.many.overlap("germans", "nobody")


def test_an_audience_of_few_in_all_shards_together_is_told_of_nobody(city: Divided) -> None:
    few = city.many.audience("few")

    assert (few.members, few.withheld) == (None, True)
    assert not [audiences for audiences, _, _ in city.viewers(city.many, list(PEOPLE)) if "few" in audiences]
    states = city.many.shards()
    assert sum(sum(state.users.values()) for state in states.values() if state) == len(PEOPLE)


def test_an_audience_of_few_adds_nobody_to_a_count(city: Divided) -> None:
    asked: list[tuple[list[str], list[str]]] = [(["grown", "few"], []), (["grown"], ["few"])]
    for include, exclude in asked:
        assert city.many.combine(include, exclude) == city.one.combine(include, exclude)
    rule = 'in audience("few") or in audience("both")'
    assert city.many.reach(rule) == city.one.reach(rule)
    assert city.many.overlap("few", "germans") == city.one.overlap("few", "germans")


def test_the_same_batch_again_changes_nothing_and_other_content_is_refused(
    city: Divided, tmp_path: Path
) -> None:
    path = parquet(tmp_path / "again.parquet", {name: {"age": 41} for name in list(PEOPLE)[:20]})

    def sent(place: Any) -> Any:
        return place.upload(FileSource(path), Batch("again", Instant(NOW_S * 1_000_000)))

    first = sent(city.many)
    assert sent(city.many).repeated
    assert sent(city.many).applied_at == first.applied_at
    sent(city.one)
    parquet(path, {"viewer-000001": {"age": 50}})
    with pytest.raises(Conflict, match="with other content"):
        sent(city.many)


def test_one_bad_row_refuses_the_batch_in_all_shards_where_that_was_asked(
    city: Divided, tmp_path: Path
) -> None:
    people: dict[str, dict[str, Any]] = {name: {"age": 42} for name in list(PEOPLE)[:50]}
    people["viewer-000003"]["age"] = 900
    path = parquet(tmp_path / "bad.parquet", people, ["age"])
    before = city.viewers(city.many, NAMES)

    with pytest.raises(InvalidRequest, match="1 of 50 rows are bad"):
        city.many.upload(
            FileSource(path), Batch("bad", Instant((NOW_S + 9) * 1_000_000), policy=Policy.REFUSE_ALL)
        )

    city.build()
    assert city.viewers(city.many, NAMES) == before
    assert not list(city.folder.rglob("*.part"))
    assert b'"row":4' in (city.many.store.folder / "rejects" / "bad.jsonl").read_bytes()


def test_a_full_batch_that_has_nobody_for_a_slot_is_refused(city: Divided, tmp_path: Path) -> None:
    path = parquet(tmp_path / "two.parquet", {"viewer-000001": {"age": 9}, "viewer-000002": {"age": 9}})

    with pytest.raises(InvalidRequest, match=f"nobody for slot .* of {SLOTS}; .* send a delta"):
        city.many.upload(FileSource(path), Batch("two", Instant((NOW_S + 9) * 1_000_000), Mode.FULL))


def test_a_shard_that_is_away_is_said_with_the_share_that_lacks(city: Divided) -> None:
    whole = city.viewers(city.many, NAMES)
    city.reached.away.add("http://west")
    try:
        found = city.viewers(city.many, NAMES)
        reach = city.many.reach("age >= 18")
        with pytest.raises(EngineUnavailable, match="shard west is away"):
            city.many.build()
        with pytest.raises(EngineUnavailable, match="shard west is away"):
            city.many.forget(next(name for name in NAMES if holder(city, name) == "west"))
        assert city.many.shards()["west"] is None
    finally:
        city.reached.away.clear()

    away = [place for place, name in enumerate(NAMES) if holder(city, name) == "west"]
    assert away
    assert all(found[place] == ([], {}, "shard_away") for place in away)
    assert all(found[place] == whole[place] for place in range(len(NAMES)) if place not in away)
    assert reach.missing == 0.5
    assert 0 < reach.of < city.one.reach("age >= 18").of


@pytest.mark.parametrize("error", [BijouBug("http.bug", "a bug"), Forbidden("http.forbidden", "another key")])
def test_a_shard_that_answers_with_an_error_costs_only_its_own_viewers(
    city: Divided, error: BijouError, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = city.viewers(city.many, NAMES)

    async def failing(_: Any) -> Any:
        raise error

    monkeypatch.setattr(city.reached.shards["http://west"], "known", failing)

    for name, before, found in zip(NAMES, whole, city.viewers(city.many, NAMES), strict=True):
        assert found == (before if holder(city, name) == "east" else ([], {}, "shard_away"))


def holder(city: Divided, name: str) -> str:
    shards = MapFile(city.many.store.folder).read()
    assert shards is not None
    return shards.holders[slot_of(city.many.store.hasher.one(name))]


def test_an_upload_that_lost_a_shard_on_its_way_counts_once_when_it_is_sent_again(
    city: Divided, tmp_path: Path
) -> None:
    path = parquet(tmp_path / "late.parquet", {name: {"age": 43} for name in list(PEOPLE)[:60]})
    west = city.reached.shards["http://west"]

    class Dying:
        """Takes parts, and is gone when they are to count."""

        def __getattr__(self, name: str) -> Any:
            if name == "commit":
                city.reached.away.add("http://west")
                raise EngineUnavailable("http.unreachable", "gone")
            return getattr(west, name)

    city.reached.shards["http://west"] = Dying()  # type: ignore[assignment]
    with pytest.raises(EngineUnavailable, match="shard west is away"):
        city.take(city.many, path, "late-30")
    city.reached.away.clear()
    city.reached.shards["http://west"] = west

    city.take(city.many, path, "late-30")
    city.take(city.one, path, "late-30")

    city.build()
    assert city.viewers(city.many, NAMES) == city.viewers(city.one, NAMES)
    assert not list(city.folder.rglob("*.part"))


def test_content_that_was_lost_on_its_way_does_not_stand_in_the_way_of_other_content(
    city: Divided, tmp_path: Path
) -> None:
    names, hasher = list(PEOPLE)[:60], city.many.store.hasher
    slot = slot_of(hasher.one(names[0]))
    longer = FileSource(parquet(tmp_path / "a.parquet", {name: {"age": 46} for name in names}), chunk_rows=10)
    others = [name for name in names if slot_of(hasher.one(name)) != slot]
    with pytest.MonkeyPatch.context() as patch:
        for shard in city.reached.shards.values():
            patch.setattr(shard, "commit", unreachable)
        with pytest.raises(EngineUnavailable):
            city.many.upload(longer, Batch("lost-32", Instant(NOW_S * 1_000_000)))
    city.reached.away.clear()
    assert len(list(city.folder.rglob("*.part"))) > SLOTS

    shorter = parquet(tmp_path / "b.parquet", {name: {"age": 47} for name in others})

    assert city.take(city.many, shorter, "lost-32") == city.take(city.one, shorter, "lost-32")
    assert not list(city.folder.rglob("*.part"))


def test_a_batch_that_is_called_off_leaves_nothing_at_any_shard(city: Divided, tmp_path: Path) -> None:
    path = parquet(tmp_path / "off.parquet", {name: {"age": 48} for name in list(PEOPLE)[:60]})
    before = city.viewers(city.many, NAMES)
    with pytest.MonkeyPatch.context() as patch:
        for shard in city.reached.shards.values():
            patch.setattr(shard, "commit", unreachable)
        with pytest.raises(EngineUnavailable):
            city.take(city.many, path, "off-33")
    city.reached.away.clear()
    staged = next(city.folder.glob("shard-*/slot-*/arriving/off-33")).parents[1] / "incoming" / "off-33"
    staged.mkdir(parents=True)

    city.many.discard("off-33")

    assert not list(city.folder.rglob("off-33"))
    city.build()
    assert city.viewers(city.many, NAMES) == before


def traces(city: Divided, name: str) -> list[str]:
    hash_ = city.many.store.hasher.one(name)
    needles = [
        name.encode(),
        *(hash_.to_bytes(8, order) for order in ("big", "little")),
        f"{hash_:016x}".encode(),
    ]
    return [
        str(path.relative_to(city.folder))
        for path in sorted(city.folder.rglob("*"))
        if path.is_file()
        and "/one/" not in str(path)
        and path.suffix != ".parquet"
        and any(needle in path.read_bytes() for needle in needles)
    ]


def test_a_deletion_leaves_no_trace_in_any_shard_nor_in_a_copy_or_batch_on_its_way(
    city: Divided, tmp_path: Path
) -> None:
    who = NAMES[7]
    slot = slot_of(city.many.store.hasher.one(who))
    owner = holder(city, who)
    city.start("north")
    asyncio.run(city.reached.shards["http://north"].copy(OneSlot(slot, Peer(owner, f"http://{owner}"))))
    path = parquet(tmp_path / "wait.parquet", {name: {"age": 44} for name in NAMES[:40]})
    original = type(city.reached.shards[f"http://{owner}"]).commit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(city.reached.shards[f"http://{owner}"]), "commit", unreachable)
        with pytest.raises(EngineUnavailable):
            city.take(city.many, path, "wait-40")
    assert original is type(city.reached.shards[f"http://{owner}"]).commit
    assert {trace.split("/")[2] for trace in traces(city, who)} >= {"arriving", "features", "profiles"}
    assert any("north" in trace for trace in traces(city, who))
    states = MapFile(city.many.store.folder).read()
    assert states is not None
    city.reached.away.clear()

    told = city.run(
        lambda users: users.forget(city.many.store.hasher.one(who)),
        type(states)(states.addresses | {"north": "http://north"}, states.holders),
    )

    city.one.forget(who)
    assert (told.known, told.staged_rows) == (True, 1)
    assert traces(city, who) == []
    assert city.viewers(city.many, [who]) == [([], {}, "no_profile")]
    city.end("north")


def test_a_lost_map_is_made_anew_with_everybody_where_they_are(city: Divided) -> None:
    city.build()
    whole, place = city.viewers(city.many, NAMES), city.many.store.folder / "shards.json"
    source, target = _peers(city, 2)
    asyncio.run(move_slot(2, source, target, city.reached))
    place.unlink()

    with pytest.raises(Conflict, match=r"slot \d+ went to west at http://west; add that shard"):
        city.many.add_shards(["east=http://east"], lambda _: None)
    made = city.many.add_shards(["west=http://west", "east=http://east"], lambda _: None)

    held = city.many.shards()
    assert all(held[name].slots[slot].state is State.OPEN for slot, name in enumerate(made.holders))  # type: ignore[union-attr]
    assert city.viewers(city.many, NAMES) == whole


def _peers(city: Divided, slot: int) -> list[Peer]:
    """Return who holds a slot, and who does not."""
    shards = MapFile(city.many.store.folder).read()
    assert shards is not None
    return [
        Peer(name, f"http://{name}") for name in sorted(("east", "west"), key=shards.holders[slot].__ne__)
    ]


async def unreachable(*_: Any) -> Any:
    raise EngineUnavailable("http.unreachable", "gone")


class Killed(Exception):
    """The mover died."""


STEPS = ["copy", "seal", "copy again", "accept", "release", "open"]


def test_a_slot_moves_through_a_kill_after_every_step_and_answers_all_the_time(city: Divided) -> None:
    city.take(city.many, city.folder / "some-2.parquet", "wait-41")
    city.take(city.one, city.folder / "some-2.parquet", "wait-41")
    city.build()
    whole = city.viewers(city.many, NAMES)
    reach = city.many.reach("age >= 18")
    shards = MapFile(city.many.store.folder).read()
    assert shards is not None
    peers = [Peer(name, f"http://{name}") for name in ("east", "west")]

    for turn, last in enumerate(STEPS):
        slot = 0
        source, target = peers[turn % 2], peers[(turn + 1) % 2]

        def step(name: str, last: str = last) -> None:
            if name == last:
                raise Killed

        async def moved(
            users: Any, slot: int = slot, source: Peer = source, target: Peer = target, step: Any = step
        ) -> Any:
            with pytest.raises(Killed):
                await move_slot(slot, source, target, city.reached, step)
            return await users.known([city.many.store.hasher.one(name) for name in NAMES])

        between = city.run(moved, shards)
        assert [(sorted(known.audiences), known.features, known.degraded) for known in between] == whole

        async def again(users: Any, slot: int = slot, source: Peer = source, target: Peer = target) -> Any:
            await move_slot(slot, source, target, city.reached)
            return await users.reach(city.many.definitions()[1].rule)

        city.run(again, shards)
        assert city.viewers(city.many, NAMES) == whole
        assert city.many.reach("age >= 18") == reach
        states = {name: state.slots[slot] for name, state in city.many.shards().items() if state}
        assert states == {source.name: Held(State.GONE, target), target.name: Held(State.OPEN)}
        gone = city.folder / f"shard-{source.name}" / f"slot-{slot:03}"
        assert not gone.exists()


def test_what_changes_while_a_slot_is_copied_comes_along(city: Divided) -> None:
    who = next(name for name in list(PEOPLE)[300:] if holder(city, name) == "west")
    hash_ = city.many.store.hasher.one(who)
    slot, west, east = slot_of(hash_), Peer("west", "http://west"), Peer("east", "http://east")

    async def moved() -> None:
        await city.reached("http://east").copy(OneSlot(slot, west))
        await city.reached("http://west").forget(OneUser(f"{hash_:016x}"))
        await move_slot(slot, west, east, city.reached)

    asyncio.run(moved())

    city.one.forget(who)
    assert traces(city, who) == []
    assert city.viewers(city.many, [*NAMES, who]) == city.viewers(city.one, [*NAMES, who])
    asyncio.run(move_slot(slot, east, west, city.reached))


def test_a_slot_that_is_sealed_answers_and_takes_no_change(city: Divided) -> None:
    who = next(
        name for name in NAMES if holder(city, name) == "west" and slot_of(city.many.store.hasher.one(name))
    )
    slot = slot_of(city.many.store.hasher.one(who))
    west = city.reached.shards["http://west"]
    asyncio.run(west.seal(OneSlot(slot, Peer("east", "http://east"))))

    with pytest.raises(Overloaded, match=f"slot {slot} is on its way"):
        asyncio.run(west.forget(OneUser(f"{city.many.store.hasher.one(who):016x}")))
    assert city.viewers(city.many, [who]) == city.viewers(city.one, [who])
    asyncio.run(west.open(OneSlot(slot)))


def test_a_copy_that_is_not_what_was_sealed_is_not_answered_for(city: Divided) -> None:
    west = city.reached.shards["http://west"]
    slot = next(
        number for number, held in asyncio.run(west.state()).slots.items() if held.state is State.OPEN
    )
    east = city.reached.shards["http://east"]
    asyncio.run(east.copy(OneSlot(slot, Peer("west", "http://west"))))

    with pytest.raises(NotFound, match="was copied, and not"):
        asyncio.run(east.accept(OneSlot(slot, digest="another")))

    asyncio.run(east.drop_copy(OneSlot(slot)))
    assert asyncio.run(east.state()).slots.get(slot, Held(State.GONE)).state is State.GONE


def test_a_shard_that_is_added_takes_its_share_and_a_kill_in_the_middle_is_mended_by_adding_again(
    city: Divided,
) -> None:
    whole = city.viewers(city.many, NAMES)
    stale = MapFile(city.many.store.folder).read()
    entry, moved = city.start("south"), 0

    def die(_: Any) -> None:
        nonlocal moved
        moved += 1
        if moved == 2:
            raise Killed

    with pytest.raises(Killed):
        city.many.add_shards([entry], die)
    city.end("south")
    city.start("south")
    made = city.many.add_shards([entry], lambda _: None)

    assert sorted(made.holders.count(name) for name in ("east", "west", "south")) == [5, 5, 6]
    assert city.viewers(city.many, NAMES) == whole
    hashes = [city.many.store.hasher.one(name) for name in NAMES]
    followed = city.run(lambda users: users.known(hashes), stale)
    assert [(sorted(known.audiences), known.features, known.degraded) for known in followed] == whole
    city.build()
    city.send({name: {"age": 45} for name in list(PEOPLE)[:100]}, "after-50")
    city.build()
    assert city.viewers(city.many, NAMES) == city.viewers(city.one, NAMES)


def test_what_cannot_be_told_over_shards_is_refused_in_one_sentence(city: Divided) -> None:
    with pytest.raises(Conflict, match="cannot be told of users who are divided"):
        city.many.alike("germans", 100)
    with pytest.raises(Conflict, match="cannot be told of users who are divided"):
        city.many.group([("a", "b")])
    with pytest.raises(Conflict, match="add` does"):
        Divided(city.folder / "other").many.reach("age >= 18")
    undivided = Divided(city.folder / "third")
    path = city.folder / "all-1.parquet"
    AudienceService.upload(undivided.many, FileSource(path), Batch("all", Instant(1)))
    with pytest.raises(Conflict, match="holds 1,500 users itself"):
        undivided.many.add_shards(["one=http://one"], lambda _: None)


def test_an_audience_with_households_is_refused_when_it_is_built(city: Divided) -> None:
    city.many.define(NewAudience("homes", RULES["germans"], households=True))

    with pytest.raises(Conflict, match="households of audience 'homes'"):
        city.many.build()

    city.many.drop("homes")
