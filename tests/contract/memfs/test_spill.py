"""The spill file: nameless, given back to the disk, and honest where the disk is full."""

import errno
import os
import resource
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule

from bijou.engines.memfs_spill import SLOT_BYTES, FileSpill
from bijou.memfs import EXTENT_BYTES, MemFS


@pytest.fixture
def spill(tmp_path: Path) -> Iterator[FileSpill]:
    with FileSpill(tmp_path) as spill:
        yield spill


@contextmanager
def files_end_at(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def on_disk(spill: FileSpill) -> int:
    return os.fstat(spill._descriptor).st_blocks * 512


class Machine(RuleBasedStateMachine):
    """A spill is a dictionary of tokens."""

    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.spill = FileSpill(Path(tempfile.gettempdir()))
        self.held: dict[int, bytes] = {}

    @rule(target=tokens, seed=st.integers(0, 9), length=st.integers(0, 3 * SLOT_BYTES))
    def store(self, seed: int, length: int) -> int:
        data = Random(seed).randbytes(length)
        token = self.spill.store(data)
        assert token not in self.held
        self.held[token] = data
        return token

    @rule(token=consumes(tokens))
    def free(self, token: int) -> None:
        self.spill.free(token)
        del self.held[token]

    @rule()
    def load_all(self) -> None:
        assert {token: self.spill.load(token) for token in self.held} == self.held

    def teardown(self) -> None:
        self.load_all()
        self.spill.close()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)


def test_nothing_of_it_can_be_seen_in_its_folder(spill: FileSpill, tmp_path: Path) -> None:
    spill.store(b"secret")

    assert list(tmp_path.iterdir()) == []


def test_what_is_freed_is_given_back_to_the_disk(spill: FileSpill) -> None:
    tokens = [spill.store(bytes([n]) * EXTENT_BYTES) for n in range(8)]
    assert on_disk(spill) >= 8 * EXTENT_BYTES

    for token in tokens[1:]:
        spill.free(token)

    assert on_disk(spill) < 2 * EXTENT_BYTES
    assert spill.load(tokens[0]) == bytes(EXTENT_BYTES)


def test_the_place_of_what_was_freed_is_used_again(spill: FileSpill) -> None:
    for _ in range(100):
        spill.free(spill.store(bytes(EXTENT_BYTES)))

    assert os.fstat(spill._descriptor).st_size <= EXTENT_BYTES


def test_a_full_disk_is_enospc_with_a_sentence_and_nothing_is_lost(spill: FileSpill, tmp_path: Path) -> None:
    with files_end_at(3 * EXTENT_BYTES):
        kept = [spill.store(bytes([n]) * EXTENT_BYTES) for n in range(3)]
        with pytest.raises(OSError, match=f"no room for {EXTENT_BYTES} bytes more of the spill") as refused:
            spill.store(bytes(EXTENT_BYTES))
        assert (refused.value.errno, refused.value.filename) == (errno.ENOSPC, str(tmp_path))
        spill.free(kept[1])
        kept[1] = spill.store(b"\x01" * EXTENT_BYTES)

    assert [spill.load(token)[:1] for token in kept] == [b"\0", b"\x01", b"\x02"]


def test_a_file_system_over_a_full_spill_says_enospc_and_lives_on(spill: FileSpill) -> None:
    fs = MemFS(now=lambda: 0, budget_bytes=EXTENT_BYTES, spill=spill)
    with files_end_at(2 * EXTENT_BYTES):
        for number in range(4):  # two at the spill, one in memory, and one that passes the limit
            fs.write(f"/{number}", bytes([number]) * EXTENT_BYTES)
        with pytest.raises(OSError, match="spill takes no more") as refused:
            fs.append("/3", b"more")
        assert refused.value.errno == errno.ENOSPC
        assert [fs.read(f"/{n}") for n in range(4)] == [bytes([n]) * EXTENT_BYTES for n in range(4)]
        fs.unlink("/0")
        fs.unlink("/1")

        assert fs.write("/again", bytes(EXTENT_BYTES)) == EXTENT_BYTES


def test_bytes_that_the_disk_lost_are_an_error_not_zeros(spill: FileSpill) -> None:
    token = spill.store(bytes(EXTENT_BYTES))
    os.truncate(spill._descriptor, 100)

    with pytest.raises(OSError, match="lost") as refused:
        spill.load(token)
    assert refused.value.errno == errno.EIO


def test_threads_never_meet_in_one_place(spill: FileSpill) -> None:
    wrong: list[int] = []

    def work(tag: int) -> None:
        chance = Random(tag)
        for _ in range(60):
            data = chance.randbytes(chance.randrange(3 * SLOT_BYTES))
            token = spill.store(data)
            if spill.load(token) != data:
                wrong.append(tag)
            spill.free(token)

    threads = [threading.Thread(target=work, args=[tag]) for tag in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        FileSpill(tmp_path / "none")
