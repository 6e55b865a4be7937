"""Slots: who holds them, the fewest moves, and a batch cut for them."""

import asyncio
import os
import signal
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bijou.audience import Cells, Chunk, Hasher, Registry, Texts
from bijou.audience.shards.beside import Beside
from bijou.audience.shards.holding import read_piece
from bijou.audience.shards.parts import PartsSource, check_batch, decoded, encoded, scrub, split
from bijou.audience.shards.slots import (
    SLOTS,
    MapFile,
    Pseudonyms,
    laid_out,
    moves,
    parse_shards,
    slot_of,
    slots_of,
)
from bijou.ports import EngineUnavailable, InvalidRequest
from tests.unit.audience.populations import KEY

HASHER = Hasher(KEY, native=False)
NAMES = [f"viewer-{number}" for number in range(500)]


def chunk(names: list[str]) -> Chunk:
    ages = np.arange(len(names), dtype=np.int32)
    columns = {"age": Cells(ages, []), "country": Cells((ages % 2 + 1).astype(np.uint8), ["DE", "AT"])}
    return Chunk(len(names) + 3, Texts.of(names), ages.astype(np.uint32) + 7, columns, [])


@given(st.lists(st.integers(0, 5), min_size=SLOTS, max_size=SLOTS), st.integers(1, 6))
def test_the_fewest_moves_leave_every_shard_with_its_share(held: list[int], count: int) -> None:
    names = [f"s{number}" for number in range(count)]
    holders = [f"s{number}" for number in held]
    plan = moves(holders, names)

    after = list(holders)
    for move in plan:
        assert after[move.slot] == move.source != move.target
        after[move.slot] = move.target
    assert {after.count(name) for name in names} <= {SLOTS // count, -(-SLOTS // count)}
    assert set(after) <= set(names)
    least = sum(max(0, holders.count(name) - -(-SLOTS // count)) for name in names)
    gone = sum(name not in names for name in holders)
    assert len({move.slot for move in plan}) == len(plan)
    assert least + gone <= len(plan) <= SLOTS


def test_a_shard_that_joins_evenly_filled_ones_takes_its_share_and_moves_nobody_else() -> None:
    shards = laid_out({"a": "http://a:1", "b": "http://b:1", "c": "http://c:1"})

    plan = moves(shards.holders, ["a", "b", "c", "d"])

    assert len(plan) == SLOTS // 4
    assert {move.target for move in plan} == {"d"}


def test_a_batch_is_cut_by_slot_and_nothing_of_it_is_lost_or_named(tmp_path: Path) -> None:
    rows: dict[int, tuple[int, ...]] = {}
    for slot, part in split(chunk(NAMES), HASHER).items():
        raw = encoded(part)
        assert not [name for name in NAMES if name.encode() in raw]
        (tmp_path / "b" / str(slot)).mkdir(parents=True)
        (tmp_path / "b" / str(slot) / "000000.part").write_bytes(raw)
        (found,) = PartsSource(tmp_path / "b" / str(slot), "f").chunks(Registry.shipped(), 0)
        hashes = Pseudonyms().many(found.ids)
        assert set(slots_of(hashes).tolist()) == {slot}
        assert found.at_s is not None
        cells = (found.columns["age"].values, found.columns["country"].values, found.at_s)
        rows |= dict(zip(hashes.tolist(), zip(*cells, strict=True), strict=True))

    assert len(rows) == len(NAMES)
    assert all(tuple(rows[HASHER.one(name)]) == (at, at % 2 + 1, at + 7) for at, name in enumerate(NAMES))


def test_a_user_is_taken_out_of_parts_that_wait(tmp_path: Path) -> None:
    who = HASHER.one(NAMES[5])
    (tmp_path / "b").mkdir()
    for number, part in enumerate([split(chunk(NAMES), HASHER)[slot_of(who)]] * 2):
        (tmp_path / "b" / f"{number:06}.part").write_bytes(encoded(part))
    before = len(decoded((tmp_path / "b" / "000000.part").read_bytes()))

    assert scrub(tmp_path, who) == 2
    assert scrub(tmp_path, who) == 0

    part = decoded((tmp_path / "b" / "000001.part").read_bytes())
    assert len(part) == before - 1 == len(part.columns["age"].cells) // 4
    assert who.to_bytes(8, "big") not in (tmp_path / "b" / "000001.part").read_bytes()


def test_a_draft_of_a_killed_process_goes_with_a_deletion(tmp_path: Path) -> None:
    who = HASHER.one(NAMES[5])
    (tmp_path / "b").mkdir()
    draft = tmp_path / "b" / "000000.part.new"
    draft.write_bytes(encoded(split(chunk(NAMES), HASHER)[slot_of(who)])[:-9])

    assert scrub(tmp_path, who) == 0

    assert not draft.exists()


@pytest.mark.parametrize(
    "entry",
    ["one", "=http://a", "One=http://a", "one=a", "one=http://a/b", "one=http://u@a", "../x=http://a"],
)
def test_a_shard_that_is_none_is_refused_with_the_rule(entry: str) -> None:
    with pytest.raises(InvalidRequest, match="one is name=http://host:port"):
        parse_shards([entry])


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", ".hidden"])
def test_no_batch_and_no_file_leaves_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="batch id"):
        check_batch(name)
    if name in {"..", "../x", ""}:
        with pytest.raises(InvalidRequest, match="no file of a slot"):
            read_piece(tmp_path, name, 0)


def test_a_map_that_is_damaged_is_one_sentence(tmp_path: Path) -> None:
    assert MapFile(tmp_path).read() is None
    MapFile(tmp_path).write(laid_out({"a": "http://a:1"}))
    (tmp_path / "shards.json").write_text("{")

    with pytest.raises(EngineUnavailable, match="is no map of shards"):
        MapFile(tmp_path).read()


def die(chance: Random) -> None:
    assert chance.random() >= 0
    os.kill(os.getpid(), signal.SIGKILL)


def test_work_that_dies_is_one_sentence_and_the_next_is_done() -> None:
    beside = Beside()

    async def scene() -> None:
        with pytest.raises(EngineUnavailable, match="died; do it again"):
            await beside.run(die, Random(1))
        assert await beside.run(sorted, [3, 1, 2]) == [1, 2, 3]
        with pytest.raises(ValueError, match="invalid literal"):
            await beside.run(int, "x")

    try:
        asyncio.run(scene())
    finally:
        beside.kill()
