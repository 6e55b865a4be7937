"""Files that grow by pieces, the table that they are, and the numbers of its rows."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bijou.audience.base_layer import AT, KNOWN, Base, keys_of, located
from bijou.audience.cells import Array, looked_up
from bijou.audience.column_files import ColumnFile, GrowingFile, opened
from bijou.audience.numbering import Numbered, Numbering, sharded
from bijou.audience.ordinals import OrdinalMap
from bijou.audience.scrubbing import scrub_parts
from bijou.ports import EngineUnavailable

SHARED = [HealthCheck.function_scoped_fixture]
_SERIAL = itertools.count()


def grown(path: Path, sizes: list[int]) -> bytes:
    """Write pieces of so many rows, and return the file's bytes."""
    with GrowingFile(path) as file:
        for number in range(len(file.pieces), len(sizes)):
            size = sizes[number]
            file.append({AT: np.arange(size, dtype=np.uint32), "n": np.full(size, number, np.uint8)}, {})
    return path.read_bytes()


def test_what_a_killed_writer_left_is_cut_off_and_written_again(tmp_path: Path) -> None:
    sizes = [5, 0, 300]
    whole = grown(tmp_path / "whole", sizes)
    ends = [len(grown(tmp_path / f"first-{count}", sizes[:count])) for count in range(4)]

    for length in (*range(0, len(whole), 331), *ends):
        path = tmp_path / "torn"
        path.write_bytes(whole[:length])
        with GrowingFile(path) as file:
            least, most = (sum(end - padding <= length for end in ends[1:]) for padding in (0, 63))
            assert least <= len(file.pieces) <= most
        assert grown(path, sizes) == whole


def test_a_deletion_cuts_rows_off_that_a_killed_writer_could_not_give_to_anybody(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    counted = len(grown(tmp_path / "b" / "rows.cols", [5]))
    grown(tmp_path / "b" / "rows.cols", [5, 8])
    with GrowingFile(tmp_path / "b" / "ids.cols") as file:
        file.append({"hash": np.arange(1, 6, dtype=np.uint64), "row": np.arange(5, dtype=np.uint32)}, {})

    assert scrub_parts(tmp_path, 99) == 0

    assert (tmp_path / "b" / "rows.cols").stat().st_size == counted


def test_a_piece_counts_only_once_its_first_bytes_are_there(tmp_path: Path) -> None:
    whole = grown(tmp_path / "a", [5, 9])
    first = len(grown(tmp_path / "b", [5]))
    (tmp_path / "c").write_bytes(whole[:first] + bytes(8) + whole[first + 8 :])

    with GrowingFile(tmp_path / "c") as file:
        assert len(file.pieces) == 1
    assert grown(tmp_path / "c", [5, 9]) == whole


def test_a_file_that_counts_and_ends_within_a_piece_is_damaged(tmp_path: Path) -> None:
    whole = grown(tmp_path / "a", [5, 9])
    (tmp_path / "b").write_bytes(whole[:-64])

    with opened(tmp_path / "b") as file, pytest.raises(EngineUnavailable, match="restore it from a backup"):
        file.pieces()


@settings(deadline=None, suppress_health_check=SHARED, max_examples=25)
@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=5), data=st.data())
def test_pieces_read_as_the_one_table_that_they_are(
    tmp_path: Path, sizes: list[int], data: st.DataObject
) -> None:
    path = tmp_path / f"{next(_SERIAL)}"
    rows = sum(sizes)
    cells = np.arange(1, rows + 1, dtype=np.uint8)
    happened = np.flatnonzero(cells % 3 == 0)
    start = 0
    with GrowingFile(path) as file:
        for size in sizes:
            mine = happened[(happened >= start) & (happened < start + size)] - start
            arrays: dict[str, Array] = {
                KNOWN: np.ones(size, np.uint8),
                AT: np.arange(start, start + size, dtype=np.uint32),
                "country": cells[start : start + size],
                "watched:noir": keys_of(mine, mine + start + 7),
            }
            file.append(arrays, {})
            start += size
    keys = keys_of(happened, happened + 7).tolist()
    first, last = data.draw(st.integers(0, rows)), data.draw(st.integers(0, rows + 3))
    step = data.draw(st.integers(1, 4))
    some = np.array(sorted(data.draw(st.sets(st.integers(0, rows + 3)))), np.uint32)

    base = Base(ColumnFile(path).pieces())
    asked = np.zeros(len(range(first, min(last, rows), step)), np.uint16)
    base.fill(asked, "country", first, min(last, rows), step)
    gathered = np.zeros(len(some), np.uint16)
    base.gather(gathered, "country", some)
    moments = base.moments("watched:noir", first, last)
    theirs = base.moments_of("watched:noir", some)

    assert base.rows == rows
    assert asked.tolist() == cells[first : min(last, rows) : step].tolist()
    assert gathered.tolist() == [row + 1 if row < rows else 0 for row in some.tolist()]
    assert [key for run in moments for key in run.tolist()] == [k for k in keys if first <= k >> 32 < last]
    assert [key for run in theirs for key in run.tolist()] == [
        k for k in keys if k >> 32 in set(some.tolist())
    ]
    base.close()
    with opened(path) as table:
        pieces = table.pieces()
        for row in range(rows):
            place = located(pieces, row)
            assert place is not None
            assert place[0].read("country", place[1], place[1] + 1).tolist() == [row + 1]
        assert located(pieces, rows) is None


@given(
    table=st.lists(st.integers(0, 255), min_size=1, max_size=400),
    wide=st.booleans(),
    data=st.data(),
)
def test_looking_up_is_indexing(table: list[int], *, wide: bool, data: st.DataObject) -> None:
    entries = np.array(table, np.uint16 if wide else np.uint8)
    places = data.draw(st.lists(st.integers(-1, len(table) - 2), max_size=20))

    found = looked_up(entries, np.array(places, np.int32))

    assert found.tolist() == entries[np.array(places, np.int64)].tolist()
    assert found.dtype == entries.dtype


def numbered(
    folder: Path, pieces: list[list[int]], files: dict[int, str], issued: int, serial: int
) -> Numbered:
    """Number the rows of some pieces of hashes; the hash 0 is that of somebody deleted."""
    path = folder / f"ids-{serial}"
    with GrowingFile(path) as ids:
        for hashes in pieces:
            grouped, bounds = sharded(np.array([hash_ or 2**63 for hash_ in hashes], np.uint64))
            grouped["hash"][grouped["hash"] == np.uint64(2**63)] = 0
            ids.append(grouped, {"bounds": bounds})
    starts = [0, *itertools.accumulate(map(len, pieces))]
    known = OrdinalMap(folder, files, issued)
    with opened(path) as file:
        found = Numbering(folder, file.pieces(), starts, known, serial).run()
    known.close()
    return found


_HASH = st.integers(0, 40).map(lambda n: n and (n << 57 | n))


@settings(deadline=None, suppress_health_check=SHARED, max_examples=25)
@given(
    batches=st.lists(st.lists(st.lists(_HASH, max_size=12), min_size=1, max_size=3), min_size=1, max_size=4)
)
def test_ordinals_are_given_in_order_of_appearance_and_kept(
    tmp_path: Path, batches: list[list[list[int]]]
) -> None:
    folder = tmp_path / f"{next(_SERIAL)}"
    folder.mkdir()
    truth: dict[int, int] = {}
    files: dict[int, str] = {}
    for serial, pieces in enumerate(batches):
        before, rows = len(truth), list(itertools.chain(*pieces))
        found = numbered(folder, pieces, files, before, serial)
        for hash_ in filter(None, rows):
            truth.setdefault(hash_, len(truth))
        files |= found.shards

        assert found.issued == len(truth)
        ordinals = (
            list(range(before, before + len(rows))) if found.ordinals is None else found.ordinals.tolist()
        )
        assert [n for n, hash_ in zip(ordinals, rows, strict=True) if hash_] == [
            truth[hash_] for hash_ in rows if hash_
        ]
        assert found.dead.tolist() == [row for row, hash_ in enumerate(rows) if not hash_]
        assert found.repeated.tolist() == [
            row for row, hash_ in enumerate(rows) if hash_ and rows.count(hash_) > 1
        ]
        ordinals_now = OrdinalMap(folder, files, found.issued)
        assert {hash_: ordinals_now.one(hash_) for hash_ in truth} == truth
        assert ordinals_now.one(7) is None
        ordinals_now.close()
