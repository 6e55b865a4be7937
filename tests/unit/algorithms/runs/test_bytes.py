"""What is laid out in bytes: frames, runs, Bloom filters."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bijou.algorithms.runs import (
    BloomFilter,
    DamagedRun,
    Entry,
    Missing,
    SortedRun,
    encode_run,
    frame,
    recover,
    sorted_run,
)

ENTRIES = st.lists(st.tuples(st.binary(max_size=6), st.none() | st.binary(max_size=9)), max_size=6)


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(st.lists(ENTRIES, max_size=5), st.binary(max_size=9))
def test_a_log_cut_at_any_byte_gives_the_frames_before_it(batches: list[list[Entry]], torn: bytes) -> None:
    frames = [frame(batch) for batch in batches]
    ends = [sum(map(len, frames[:count])) for count in range(len(frames) + 1)]
    log = b"".join(frames)

    for cut in range(len(log) + 1):
        whole = max(count for count, end in enumerate(ends) if end <= cut)
        assert recover(log[:cut]) == (batches[:whole], ends[whole])
    assert recover(log + b"\x00" * 20) == (batches, len(log))
    assert recover(log + torn)[0][: len(batches)] == batches


@pytest.mark.parametrize("bit", range(0, 26 * 8, 3))
def test_a_frame_with_one_bit_turned_is_no_frame(bit: int) -> None:
    log = bytearray(frame([(b"k", b"v"), (b"gone", None)]))
    log[bit // 8] ^= 1 << bit % 8

    assert recover(bytes(log)) == ([], 0)


def test_what_does_not_fit_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="a key has 65536 bytes; at most 65535 fit"):
        frame([(b"x" * 65536, b"")])


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(
    st.dictionaries(st.binary(max_size=3), st.none() | st.binary(max_size=5), max_size=200),
    st.binary(max_size=3),
    st.binary(max_size=3),
)
def test_a_run_gives_back_what_went_in(table: dict[bytes, bytes | None], start: bytes, stop: bytes) -> None:
    entries = sorted(table.items(), key=lambda entry: entry[0])

    run = SortedRun(b"".join(encode_run(entries)))

    assert list(run.entries()) == entries
    assert list(run.entries(start, stop)) == [entry for entry in entries if start <= entry[0] < stop]
    assert all(run.get(key) == value for key, value in entries)
    assert (run.get(start) is Missing.MISSING) == (start not in table)


def test_a_run_with_any_byte_turned_says_so_and_never_lies() -> None:
    entries: list[Entry] = [(b"%03d" % n, None if n % 7 == 0 else b"v%d" % n) for n in range(70)]
    whole = b"".join(encode_run(entries))

    for at in range(len(whole)):
        turned = bytearray(whole)
        turned[at] ^= 0x10
        with pytest.raises(DamagedRun):
            list(SortedRun(bytes(turned)).entries())


def test_a_run_cut_short_says_so() -> None:
    whole = b"".join(encode_run([(b"a", b"1")]))

    for size in range(len(whole)):
        with pytest.raises(DamagedRun):
            SortedRun(whole[:size])


def test_a_filter_forgets_no_key_and_is_seldom_wrong() -> None:
    chance = Random(5)
    keys = [chance.randbytes(12) for _ in range(20_000)]
    absent = [chance.randbytes(12) for _ in range(20_000)]

    held = BloomFilter.of(keys)

    assert all(map(held.may_hold, keys))
    assert sum(map(held.may_hold, absent)) <= 0.011 * len(absent)
    assert len(held.bits) == 25_000


def test_keys_that_count_up_are_spread_as_well() -> None:
    held = BloomFilter.of(b"user:%08d" % number for number in range(20_000))

    wrong = sum(held.may_hold(b"user:%08d" % number) for number in range(20_000, 40_000))

    assert wrong <= 0.02 * 20_000


def test_many_large_values_are_read_back_and_none_as_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorted_run, "_DELETED", 1 << 8)
    monkeypatch.setattr(sorted_run, "_ENOUGH_BYTES", 1 << 7)
    entries: list[Entry] = [(b"%03d" % n, None if n % 7 == 0 else bytes(16 + 13 * n)) for n in range(17)]

    run = SortedRun(b"".join(encode_run(entries)))

    assert list(run.entries()) == entries
    assert [run.get(key) for key, _ in entries] == [value for _, value in entries]


def test_a_block_ends_once_it_has_enough_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorted_run, "_ENOUGH_BYTES", 1 << 7)

    *blocks, _index, _filter, _trailer = encode_run((b"%03d" % n, bytes(50)) for n in range(9))

    assert len(blocks) == 5


def test_a_value_that_reaches_the_mark_of_the_deleted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorted_run, "_DELETED", 1 << 8)

    assert list(SortedRun(b"".join(encode_run([(b"k", bytes(255))]))).entries()) == [(b"k", bytes(255))]
    with pytest.raises(ValueError, match="256 bytes of values; fewer than 256 fit"):
        list(encode_run([(b"k", bytes(256))]))
    with pytest.raises(ValueError, match="300 bytes of keys; fewer than 256 fit"):
        list(encode_run([(bytes(300), b"v")]))
