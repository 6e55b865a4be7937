"""Whatever is said to a queue, in whatever order, it stays what the model is."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bijou.algorithms.backoff import full_jitter
from bijou.engines import records_queue
from bijou.engines.postgres import PostgresRecords
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import (
    Ack,
    Beat,
    Commit,
    Failure,
    Instant,
    NewTask,
    Records,
    Steer,
    Task,
    TaskState,
    VirtualClock,
)
from tests.contract.queue.model import Model
from tests.contract.queue.words import BROKEN, A, B

LEASE_S = 10.0
KINDS = ["chunk", "publish"]
GROUPS = ["g1", "g2"]
NAMES = [f"t{n}" for n in range(12)]

names, epochs = st.sampled_from(NAMES), st.integers(1, 5)
digests = st.sampled_from([A, A, A, B])
ORDERS = ["cancel", "retry", "retry", "reprioritise", "reprioritise"]


class QueueMachine(RuleBasedStateMachine):
    """Says the same to a queue and to the model."""

    new_records: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self.clock = VirtualClock(Instant.parse("2026-11-21T10:00:00Z"))
        self.chance = Random(5)
        self.records: Records = type(self).new_records()
        self.queue = RecordsQueue(self.records, self.clock, Random(5), lease_s=LEASE_S)
        self.model = Model(round(LEASE_S * 1e6))
        self.claims: list[Task] = []
        self.added = 0

    @property
    def now(self) -> int:
        return int(self.clock.now())

    def drawn(self, data: st.DataObject, most: int) -> list[NewTask]:
        """Draw tasks with new names that need old and new ones, none of them cancelled."""
        tasks: list[NewTask] = []
        alive = [n for n, one in self.model.entries.items() if one.state is not TaskState.CANCELLED]
        for _ in range(data.draw(st.integers(1, most))):
            there = [*alive, *(one.id for one in tasks)]
            needs = data.draw(st.lists(st.sampled_from(there), max_size=3)) if there else []
            deadline_s = data.draw(st.sampled_from([None, None, 30.0, 700.0]))
            tasks.append(
                NewTask(
                    f"n{self.added}",
                    data.draw(st.sampled_from(GROUPS)),
                    data.draw(st.sampled_from(KINDS)),
                    needs=tuple(needs),
                    priority=data.draw(st.integers(0, 9)),
                    deadline_at=None if deadline_s is None else self.clock.now().plus_s(deadline_s),
                    attempts=data.draw(st.integers(1, 3)),
                    work_s=data.draw(st.sampled_from([0.0, 1.0, 45.0])),
                )
            )
            self.added += 1
        return tasks

    def ordered(self, tasks: list[NewTask]) -> list[NewTask]:
        """Return tasks as the queue numbers them, which its answer tells."""
        found, _ = self._runner.run(self.queue.tasks(limit=10_000))
        places = {task.id: place for place, task in enumerate(found)}
        return sorted(tasks, key=lambda task: places[task.id])

    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        tasks = self.drawn(data, 4)
        told = self._runner.run(self.queue.add(tasks))

        assert told == len(tasks)
        for task in self.ordered(tasks):
            assert self.model.add([task], self.now) == 1

    @rule(kinds=st.sets(st.sampled_from(KINDS), min_size=1), limit=st.integers(1, 4))
    def claim(self, kinds: set[str], limit: int) -> None:
        tasks = self._runner.run(self.queue.claim("w", sorted(kinds), limit))

        assert [task.id for task in tasks] == self.model.claim(kinds, limit, self.now)
        self.claims += tasks

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), digest=digests)
    def finish(self, data: st.DataObject, digest: str) -> None:
        task = data.draw(st.sampled_from(self.claims[-8:]))
        then = self.drawn(data, 2) if data.draw(st.booleans()) else []
        will_count = self.model.held(task.id, task.epoch) is not None

        (ack,) = self._runner.run(self.queue.commit([Commit(task.id, task.epoch, digest, then=tuple(then))]))

        if will_count:
            for new in self.ordered(then):
                self.model.add([new], self.now)
        assert ack is self.model.finish(task.id, task.epoch, digest, self.now)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), digest=digests, sequence=st.integers(0, 2))
    def keep(self, data: st.DataObject, digest: str, sequence: int) -> None:
        task = data.draw(st.sampled_from(self.claims[-8:]))

        (ack,) = self._runner.run(self.queue.commit([Commit(task.id, task.epoch, digest, b"", sequence)]))

        assert ack is self.model.keep(task.id, task.epoch, sequence, digest)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), retry=st.booleans())
    def fail(self, data: st.DataObject, *, retry: bool) -> None:
        task = data.draw(st.sampled_from(self.claims[-8:]))
        words = Failure(task.id, task.epoch, BROKEN, retry=retry, last_words="boom")

        (ack,) = self._runner.run(self.queue.fail([words]))

        entry = self.model.held(task.id, task.epoch)
        assert ack is (Ack.LOST if entry is None else Ack.COMMITTED)
        if entry is not None:
            wait_us = None
            if retry:
                wait_s = full_jitter(entry.tried - 1, base_s=1, cap_s=60, chance=self.chance)
                wait_us = round(wait_s * 1e6)
            self.model.put_back(entry, self.now, wait_us, words="boom")

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), note=st.sampled_from(["frame 1", "frame 2"]))
    def beat(self, data: st.DataObject, note: str) -> None:
        beaten = data.draw(st.lists(st.sampled_from(self.claims[-8:]), min_size=1, max_size=3))

        lost = self._runner.run(self.queue.beat([Beat(one.id, one.epoch, 0.5, note) for one in beaten]))

        assert lost == [one.id for one in beaten if self.model.held(one.id, one.epoch) is None]
        for task in beaten:
            if entry := self.model.held(task.id, task.epoch):
                entry.lease, entry.note = self.now + self.model.lease_us, note

    @precondition(lambda self: self.model.entries)
    @rule(data=st.data(), order=st.sampled_from(ORDERS), whole=st.booleans(), priority=st.integers(0, 9))
    def steer(self, data: st.DataObject, order: str, priority: int, *, whole: bool) -> None:
        entry = data.draw(st.sampled_from(list(self.model.entries.values())))
        group = entry.new.group
        whole = whole and order != "cancel"
        named = [one.new.id for one in self.model.entries.values() if one.new.group == group]
        steer = (
            Steer(order, group=group, priority=priority)
            if whole
            else Steer(order, entry.new.id, "", priority)
        )

        changed = self._runner.run(self.queue.steer(steer))

        chosen = named if whole else [entry.new.id]
        match order:
            case "cancel":
                assert changed == self.model.cancel(chosen)
            case "retry":
                assert changed == self.model.retry(chosen, self.now)
            case _:
                assert changed == self.model.reprioritise(chosen, priority)

    @rule(seconds=st.sampled_from([0.5, 4.0, 6.0, 11.0, 90.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def all_is_the_same(self) -> None:
        tasks, parts = self._runner.run(self.queue.tasks(limit=10_000))
        told = {task.id: (task.state, task.epoch, task.tried, task.priority, task.sha256) for task in tasks}
        words = {task.id: task.last_words for task in tasks}
        kept = {(part.task, part.sequence): part.sha256 for part in parts}

        entries = self.model.entries
        assert told == {
            name: (one.state, one.epoch, one.tried, one.priority, one.sha256) for name, one in entries.items()
        }
        assert words == {name: one.last_words for name, one in entries.items()}
        assert kept == {(name, at): sha for name, one in entries.items() for at, sha in one.parts.items()}

    def teardown(self) -> None:
        self._runner.run(self.records.close())
        self._runner.close()


def run(new_records: Any, *, examples: int, steps: int, phases: tuple[Phase, ...] = tuple(Phase)) -> None:
    machine = type("Machine", (QueueMachine,), {"new_records": staticmethod(new_records)})
    form = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        phases=phases,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(machine, settings=form)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def sqlite(folder: Path, empty_records: Path) -> Any:
    def new_records() -> Records:
        for old in folder.glob("records.db*"):
            old.unlink()
        shutil.copy(empty_records, folder / "records.db")
        return SqliteRecords(folder / "records.db", durable=False, readers=1)

    return new_records


def test_on_sqlite_the_queue_is_its_model(folder: Path, empty_records: Path) -> None:
    run(sqlite(folder, empty_records), examples=42, steps=50)


def test_on_postgres_the_queue_is_its_model(shared_database: str) -> None:
    def new_records() -> Records:
        with psycopg.connect(shared_database) as connection:
            connection.execute("TRUNCATE queue_tasks, queue_needs, queue_parts RESTART IDENTITY")
        return PostgresRecords(shared_database, serial=False, connections=1)

    run(new_records, examples=12, steps=40)


def test_without_the_epoch_the_model_finds_the_zombie(
    folder: Path, empty_records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = records_queue._held

    def unchecked(db: Any, said: Any) -> set[tuple[str, int]]:
        running = {task for task, _ in checked(db, said)}
        return {(one.task, one.epoch) for one in said if one.task in running}

    monkeypatch.setattr(records_queue, "_held", unchecked)

    with pytest.raises(AssertionError):
        run(sqlite(folder, empty_records), examples=60, steps=50, phases=(Phase.generate,))
