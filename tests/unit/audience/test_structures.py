from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from bijou.audience import Hasher, Texts
from bijou.audience.bitmaps import BitmapWriter
from bijou.audience.column_files import ColumnFile, write_columns
from bijou.ports import EngineUnavailable

VECTORS = {0: 0x726FDB47DD0E0E31, 1: 0x74F839C593DC67FD, 7: 0xAB0200F58B01D137, 8: 0x93F5F5799A932462}


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("size", VECTORS)
def test_hashes_are_those_of_the_paper(size: int, native: bool) -> None:  # noqa: FBT001 - a parameter
    hasher = Hasher(bytes(range(16)), native=native)

    assert hasher.one(bytes(range(size))) == VECTORS[size]


@given(texts=st.lists(st.text(max_size=40), max_size=20), key=st.binary(min_size=16, max_size=16))
def test_compiled_or_not_one_by_one_or_not_hashes_are_the_same(texts: list[str], key: bytes) -> None:
    native, plain = Hasher(key, native=True), Hasher(key, native=False)

    together = native.many(Texts.of(texts)).tolist()

    assert together == plain.many(Texts.of(texts)).tolist() == [plain.one(text) for text in texts]
    assert 0 not in together


def test_another_key_makes_other_hashes_and_a_wrong_one_is_refused() -> None:
    assert Hasher(bytes(16)).one("ada") != Hasher(b"1" * 16).one("ada")
    assert "0" not in repr(Hasher(bytes(16)))
    with pytest.raises(ValueError, match="a key of 3 bytes; it has 16"):
        Hasher(b"abc")


@settings(deadline=None)
@given(
    pieces=st.lists(
        st.one_of(
            st.tuples(st.just("run"), st.integers(0, 65_535), st.integers(1, 65_536)),
            st.tuples(st.just("few"), st.integers(0, 65_535), st.integers(1, 20)),
        ),
        max_size=4,
    ),
    rows=st.integers(1, 200_000),
)
def test_bits_become_the_bitmap_that_members_would(pieces: list[tuple[str, int, int]], rows: int) -> None:
    answers = np.zeros(rows, bool)
    for number, (kind, start, size) in enumerate(pieces):
        first = start + number * 65_536
        answers[first : first + size : 1 if kind == "run" else 7] = True
    writer = BitmapWriter()
    for start in range(0, rows, 131_072):
        writer.add(start, answers[start : start + 131_072])

    bitmap = BitMap.deserialize(writer.finish())

    assert bitmap == BitMap(np.flatnonzero(answers).astype(np.uint32))
    assert writer.members == len(bitmap) == int(answers.sum())


def test_a_file_of_columns_gives_back_parts_and_refuses_what_it_is_not(tmp_path: Path) -> None:
    numbers = np.arange(1000, dtype=np.int32)
    write_columns(tmp_path / "a", {"n": numbers, "none": numbers[:0]}, {"says": "ä"})

    file = ColumnFile(tmp_path / "a", writable=True)
    assert file.read("n", 5, 9).tolist() == [5, 6, 7, 8]
    assert file.read("none").tolist() == file.mapped("none").tolist() == []
    file.overwrite("n", 6, np.array([-1], np.int32))
    assert file.mapped("n")[5:8].tolist() == [5, -1, 7]
    assert file.meta == {"says": "ä"}
    file.close()
    whole = (tmp_path / "a").read_bytes()
    for damaged in (whole[:-900], b"x" + whole[1:], whole[:20], b""):
        (tmp_path / "b").write_bytes(damaged)
        with pytest.raises(EngineUnavailable, match="restore it from a backup"):
            ColumnFile(tmp_path / "b")


@pytest.mark.parametrize("members", [1, 4095, 4096, 4097, 65_535, 65_536])
def test_a_container_is_an_array_up_to_4096_members_and_bits_from_there(members: int) -> None:
    answers = np.zeros(3 * 65_536, bool)
    answers[65_536 : 65_536 + members] = True
    answers[2 * 65_536] = True
    writer = BitmapWriter()
    writer.add(0, answers)

    assert BitMap.deserialize(writer.finish()) == BitMap(np.flatnonzero(answers).astype(np.uint32))
