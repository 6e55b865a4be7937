"""A journal under kills, cuts and flipped bits: always a prefix, and all that was acknowledged."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from bijou.algorithms.undo import Assign, Change, Command, History, Macro
from bijou.engines.journal import ChangeJournal, Journal
from bijou.ports import BijouError, Conflict, EngineUnavailable
from tests.contract import journaling
from tests.contract.journaling import Puts, State, step

RECORDS = [b"one", b"", b"three" * 60, b"\x00\xff"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, where the machine has one: thousands of files are made in it."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


def read(path: Path) -> list[bytes]:
    with Journal(path, durable=False) as journal:
        return list(journal.records())


def test_what_was_appended_is_there_in_order(path: Path) -> None:
    with Journal(path) as journal:
        for record in RECORDS[:2]:
            journal.append(record).result()
        journal.append(RECORDS[2])
    with Journal(path) as journal:
        journal.append(RECORDS[3])
        journal.saved().result()
        assert list(journal.records()) == RECORDS

    assert read(path) == RECORDS


def test_more_records_than_a_page_are_read(path: Path) -> None:
    records = [str(number).encode() for number in range(2500)]
    with Journal(path, durable=False) as journal:
        for record in records:
            journal.append(record)

    assert read(path) == records


def test_many_writers_share_a_commit(path: Path) -> None:
    with Journal(path) as journal:
        with journal._reading:  # nothing can be written meanwhile
            first = journal.append(b"first")
            while journal._group.records:
                pass
            others = [journal.append(b"other") for _ in range(50)]
        first.result()

        assert len({id(other) for other in others}) == 1
        assert others[0] is not first
        others[0].result()


def test_one_who_leaves_cancels_nobody_else(path: Path) -> None:
    async def leave(saved: "Future[None]") -> None:
        waiting = asyncio.wrap_future(saved)
        waiting.cancel()
        await asyncio.wrap_future(saved)

    with Journal(path) as journal:
        asyncio.run(leave(journal.append(b"record")))

    assert read(path) == [b"record"]


def test_a_second_process_or_connection_is_refused(path: Path) -> None:
    with Journal(path) as journal:
        with pytest.raises(Conflict, match="open elsewhere") as caught:
            Journal(path)
        journal.append(b"still mine").result()

    assert caught.value.code == "journal.locked"


def test_a_closed_journal_takes_nothing(path: Path) -> None:
    journal = Journal(path)
    journal.close()
    journal.close()

    for call in (lambda: journal.append(b""), lambda: list(journal.records())):
        with pytest.raises(EngineUnavailable, match="closed"):
            call()


def test_what_could_not_be_saved_is_said_to_all_and_nothing_follows_the_gap(path: Path) -> None:
    journal = Journal(path)
    journal.append(b"kept").result()
    (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")

    refused = journal.append(bytes(100_000))

    assert isinstance(refused.exception(), EngineUnavailable)
    with pytest.raises(EngineUnavailable, match="no room left") as caught:
        journal.append(b"small")
    assert caught.value.code == "journal.full"
    journal.close()
    assert read(path) == [b"kept"]


@pytest.mark.parametrize("record", ["text", bytearray(b"may change"), None])
def test_what_is_not_bytes_is_refused_and_the_journal_goes_on(path: Path, record: Any) -> None:
    with Journal(path) as journal:
        with pytest.raises(TypeError, match="takes bytes"):
            journal.append(record)
        journal.append(b"kept").result(10)

    assert read(path) == [b"kept"]


def test_a_record_that_no_row_can_hold_is_refused_and_the_journal_goes_on(path: Path) -> None:
    with Journal(path) as journal:
        most = journal._connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)
        with pytest.raises(ValueError, match=f"record of {most} bytes"):
            journal.append(bytes(most))
        journal.append(b"kept").result(10)

    assert read(path) == [b"kept"]


def test_the_longest_record_fits(path: Path) -> None:
    with Journal(path) as journal:
        room = journal._connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) - journal._most_bytes
        journal._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1000)

        journal.append(bytes(1000 - room)).result(10)

    assert read(path) == [bytes(1000 - room)]


class Odd(bytes):
    """Bytes that refuse to be written, by no error of SQLite's."""

    __slots__ = ()

    def __conform__(self, _: object) -> bytes:
        raise ZeroDivisionError("odd")


def test_whatever_goes_wrong_while_saving_is_said_to_all_who_wait(path: Path) -> None:
    journal = Journal(path)
    journal.append(b"kept").result(10)
    with journal._reading:  # nothing can be written meanwhile
        refused = journal.append(Odd(b"record"))
        while journal._group.records:
            pass
        waiting = journal.append(b"follows a gap")

    for answer in (refused, waiting):
        assert isinstance(answer.exception(10), EngineUnavailable)
    with pytest.raises(EngineUnavailable, match="odd"):
        journal.append(b"too late")
    journal.close()
    assert read(path) == [b"kept"]


def refusal(path: Path) -> str:
    with pytest.raises(BijouError) as caught:
        read(path)
    return caught.value.code


def test_files_that_are_no_journal_are_refused_and_left_alone(tmp_path: Path) -> None:
    text, other = tmp_path / "text", tmp_path / "other.db"
    text.write_bytes(b"this is no database, whatever its name may say" * 99)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE things (thing)")
    connection.close()
    before = other.read_bytes()

    assert refusal(text) == "journal.damaged"
    assert refusal(other) == "journal.damaged"
    assert refusal(tmp_path / "missing" / "journal.db") == "journal.unavailable"
    with sqlite3.connect(other) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("things",)]
    connection.close()
    assert len(other.read_bytes()) == len(before)


@pytest.mark.parametrize(
    "meddling",
    [
        "UPDATE journal SET record = x'00' WHERE sequence = 2",
        "DELETE FROM journal WHERE sequence = 2",
        "UPDATE journal SET sequence = 9 WHERE sequence = 1",
        "UPDATE journal SET checksum = 1 WHERE sequence = 4",
    ],
)
def test_records_that_others_changed_are_refused(path: Path, meddling: str) -> None:
    with Journal(path) as journal:
        for record in RECORDS:
            journal.append(record)
    with sqlite3.connect(path) as connection:
        connection.execute(meddling)
    connection.close()

    assert refusal(path) == "journal.damaged"


def written(folder: Path) -> tuple[bytes, bytes, list[int]]:
    """Return a small journal's file, its log, and where in the log each record was saved."""
    path = folder / "source.db"
    with sqlite3.connect(path) as small:
        small.execute("PRAGMA page_size = 512")
        small.execute("VACUUM")
    small.close()
    log = path.with_name("source.db-wal")
    with Journal(path) as journal:
        ends = []
        for record in RECORDS:
            journal.append(record).result()
            ends.append(log.stat().st_size)
        return path.read_bytes(), log.read_bytes(), ends


def recovered(folder: Path, content: bytes, log: bytes) -> list[bytes]:
    path = folder / "copy.db"
    path.write_bytes(content)
    path.with_name("copy.db-wal").write_bytes(log)
    return read(path)


def test_a_log_cut_at_any_byte_holds_just_what_was_saved_before(memory: Path) -> None:
    content, log, ends = written(memory)
    for cut in range(len(log) + 1):
        saved = sum(end <= cut for end in ends)

        assert recovered(memory, content, log[:cut]) == RECORDS[:saved], f"cut at {cut} of {len(log)}"


def test_a_log_with_any_byte_changed_holds_just_what_was_saved_before(memory: Path) -> None:
    content, log, ends = written(memory)
    chance = Random(3)
    for at in range(len(log)):
        spoilt = bytearray(log)
        spoilt[at] ^= 1 << chance.randrange(8)
        saved = sum(end <= at for end in ends)

        assert recovered(memory, content, bytes(spoilt)) == RECORDS[:saved], f"byte {at} of {len(log)}"


def killed_after(path: Path, mode: str, lines: int, *options: str) -> list[str]:
    """Start a writer, kill it once it has said so many lines, and return all that it said."""
    program = [sys.executable, journaling.__file__, str(path), mode, *options]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        try:
            said = [child.stdout.readline() for _ in range(lines)]
        finally:
            child.kill()
        return [line for line in [*said, *child.stdout.readlines()] if line.endswith("\n")]


def test_a_history_killed_again_and_again_forgets_nothing_it_acknowledged(path: Path) -> None:
    chance = Random(20261121)
    for turn in range(6):
        said = killed_after(path, "history", chance.randrange(1, 60), *(["durable"] if turn % 2 else []))
        state: State = {}
        history = History()
        with Journal(path) as journal:
            count = ChangeJournal(journal, Puts(state)).replay(history)
        truth: State = {}
        undisturbed = History()
        for number in range(count):
            step(undisturbed, truth, number)

        assert count >= int(said[-1])
        assert list(state.items()) == list(truth.items())
        assert [e.serial for e in history.done] == [e.serial for e in undisturbed.done]
        assert [e.serial for e in history.undone] == [e.serial for e in undisturbed.undone]


def test_writers_killed_in_the_middle_of_groups_keep_what_was_acknowledged(path: Path) -> None:
    chance = Random(20261122)
    acknowledged: set[str] = set()
    for _ in range(3):
        acknowledged.update(
            map(str.strip, killed_after(path, "writers", chance.randrange(1, 300), "durable"))
        )
        records = [record.decode() for record in read(path)]

        assert acknowledged <= set(records)
        for thread in "0123":
            numbers = [int(record[2:]) for record in records if record[0] == thread]
            assert numbers == list(range(len(numbers)))


def test_a_change_that_cannot_be_kept_is_taken_back(path: Path) -> None:
    state: State = {}
    journal = Journal(path)
    history = History(tell=ChangeJournal(journal, Puts(state)).tell)
    history.execute(Assign(state, {"a": 1}))
    journal.close()

    with pytest.raises(EngineUnavailable, match="closed"):
        history.undo()
    with pytest.raises(EngineUnavailable, match="closed"):
        history.execute(Assign(state, {"a": 2}))
    assert state == {"a": 1}
    assert len(history.done) == 1


class Texts(Puts):
    """A codec that forgets to encode its text."""

    def encode(self, command: Command) -> bytes:
        return cast("bytes", super().encode(command).hex())


def test_a_change_that_could_not_be_read_back_is_taken_back(path: Path) -> None:
    state: State = {}
    with Journal(path) as journal:
        history = History(tell=ChangeJournal(journal, Texts(state)).tell)
        with pytest.raises(TypeError, match=r"cannot be kept.*bytes"):
            history.execute(Assign(state, {"a": 1}))
        assert (state, len(history.done)) == ({}, 0)
        kept = History(tell=ChangeJournal(journal, Puts(state)).tell)
        with pytest.raises(TypeError, match=r"cannot be kept.*str"):
            kept.execute(Assign(state, {"a": 1}), author=cast("str", 7))
        kept.execute(Assign(state, {"a": 2}))

    with Journal(path) as journal:
        assert ChangeJournal(journal, Puts({})).replay(History()) == 1


def test_macros_merges_keys_and_authors_come_back(path: Path) -> None:
    state: State = {}
    with Journal(path) as journal:
        history = History(tell=ChangeJournal(journal, Puts(state)).tell)
        for number in range(3):
            typing = Assign(state, {"typed": number}, label=f"type {number}")
            history.execute(typing, author="ann", key=str(number))
        history.execute(Macro("both", [Assign(state, {"a": 1}), Assign(state, {"b": 2})]), author="bob")
        history.mark_clean()
        history.undo("ann")
    again: State = {}
    twin = History()
    with Journal(path) as journal:
        assert ChangeJournal(journal, Puts(again)).replay(twin) == 6

    assert again == state == {"a": 1, "b": 2}
    assert [(e.label, e.author, len(e.commands)) for e in twin.done] == [("both", "bob", 2)]
    assert [(e.label, e.keys) for e in twin.undone] == [("type 2", ("0", "1", "2"))]
    assert twin.redo("ann")
    assert twin.is_clean, "undoing ann's was all that had changed since"
    assert not twin.execute(Assign(again, {"typed": 9}), key="1")


def test_a_record_that_is_no_change_is_refused_with_its_number(path: Path) -> None:
    with Journal(path) as journal:
        ChangeJournal(journal, Puts({})).tell(Change("clean"))
        journal.append(b"no change")

    with Journal(path) as journal, pytest.raises(EngineUnavailable, match="record 2 cannot be made again"):
        ChangeJournal(journal, Puts({})).replay(History())


def test_a_change_that_does_not_follow_is_refused_with_its_number(path: Path) -> None:
    with Journal(path) as journal:
        ChangeJournal(journal, Puts({})).tell(Change("undo", 7))

    with Journal(path) as journal, pytest.raises(EngineUnavailable, match=r"record 1 .* does not follow"):
        ChangeJournal(journal, Puts({})).replay(History())
