"""Lets workers work, kills, freezes and restarts them and the database, and counts what that did."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Protocol

import msgspec

from benchmarks.encode_chaos.real import BROKEN, blobs_in, bring_films, catalogue
from benchmarks.encode_chaos.work import KILLER, PLAN, POISON, PUBLISH, Title
from benchmarks.encode_chaos.worker import Answer, insist, queue_at
from bijou.app import schema
from bijou.encoding import group_of
from bijou.ports import Ack, EngineUnavailable, NewTask, Queue, Task, TaskState
from bijou.runtime.processes import die_with_parent
from tests.contract.queue.postgres_server import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
FAKE = "benchmarks.encode_chaos.work:fake"
# The product's own worker and encodes, in place of an executor.
REAL = "real"


class Size(msgspec.Struct, frozen=True):
    """How much work there is, and who does it."""

    titles: int
    chunks: int
    renditions: int
    workers: int = 3
    lease_s: float = 1.0
    batch: int = 8
    gives_up_s: float = 120.0

    async def graph(self, folder: Path, *, real: bool) -> list[NewTask]:
        """Return what a run begins with; films are put into `folder`."""
        return [*(await bring_films(folder, self.titles) if real else self._plans()), *_BAD]

    def _plans(self) -> list[NewTask]:
        plans = []
        for number in range(self.titles):
            title = Title(f"t{number}", self.chunks, self.renditions)
            payload = msgspec.json.encode(title)
            plans.append(NewTask(f"t{number}/plan", f"t{number}", PLAN, payload, attempts=1000))
        return plans

    @property
    def tasks(self) -> int:
        return self.titles * (2 + self.chunks * self.renditions)


# A few chaos kills count as attempts; only what fails by itself runs out of three.
_BAD = (
    NewTask("bad/poison", "bad", POISON, attempts=3),
    NewTask("bad/killer", "bad", KILLER, attempts=3),
    NewTask("bad/after", "bad", PUBLISH, needs=("bad/poison",)),
)


class Database(Protocol):
    """Where the queue is kept, and how it is taken away."""

    place: str

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def remove(self) -> None: ...


class Served:
    """SQLite behind the one process that may write it; killing that is the restart."""

    def __init__(self, folder: Path, lease_s: float, *, mutant: bool) -> None:
        self.place = str(folder / "queue.sock")
        self._words = [str(folder / "queue.db"), self.place, str(lease_s), *["--mutant"] * mutant]
        self._process: subprocess.Popen[bytes] | None = None
        schema.upgrade(folder / "queue.db")

    def start(self) -> None:
        self._process = spawn("benchmarks.encode_chaos.served", *self._words)

    def kill(self) -> None:
        if self._process is not None:
            end(self._process)

    remove = kill


class Postgres:
    """A PostgreSQL of its own."""

    def __init__(self) -> None:
        self._server = PostgresServer(durable=True)
        self._server.start()
        self.place = self._server.make("chaos")
        schema.upgrade(self.place)
        self._server.stop()

    def start(self) -> None:
        self._server.start()

    def kill(self) -> None:
        self._server.stop()

    def remove(self) -> None:
        self._server.remove()


class Outcome(msgspec.Struct):
    """What is left when all is done."""

    engine: str
    tasks: int
    lost: int
    doubled: int
    early: int
    poisoned: int
    poisonous: int
    catalogue: str
    fallen: int
    kills: int
    freezes: int
    restarts: int
    refused: int
    most_tried: int
    took_s: float

    @property
    def disturbances(self) -> int:
        """How often it struck."""
        return self.kills + self.freezes + self.restarts

    def faults(self, calm_catalogue: str) -> list[str]:
        counts = {"lost": self.lost, "doubled": self.doubled, "early": self.early}
        said = [f"{count} {what}" for what, count in counts.items() if count]
        if self.poisoned != self.poisonous:
            said.append(f"{self.poisoned} of {self.poisonous} poison tasks are dead with their last words")
        if self.fallen:
            said.append(f"{self.fallen} workers fell over by themselves")
        if self.catalogue != calm_catalogue:
            said.append(f"catalogue {self.catalogue[:12]} is not {calm_catalogue[:12]}")
        return said


class Frozen(msgspec.Struct):
    """A worker that was stopped: since when, and what it holds under which epochs."""

    since: float
    held: dict[str, int]


class Storm:
    """One run; `chance` None: an undisturbed one.

    Only workers who have ended a task are killed or frozen, so that work goes
    on however slowly processes start. A frozen worker wakes up when it hurts
    most: once its lease has run out and somebody else is at work on one of its
    tasks.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        size: Size,
        chance: Random | None,
        *,
        mutant: bool,
        executor: str,
    ) -> None:
        self.database = database
        self.counts = {"kills": 0, "freezes": 0, "restarts": 0, "fallen": 0}
        self._folder = folder
        self._size = size
        self._chance = chance
        self._real = executor == REAL
        self._tail = [executor, *["--mutant"] * mutant]
        self._workers: list[subprocess.Popen[bytes]] = []
        self._frozen: dict[int, Frozen] = {}
        self._started = 0
        self._serials: dict[int, int] = {}

    async def run(self, queue: Queue) -> None:
        """Go on until every task has come to its end."""
        graph = await self._size.graph(self._folder, real=self._real)
        await insist(lambda: queue.add(graph))
        for number in range(self._size.workers):
            self._workers.append(self._worker(number))
        began = time.monotonic()
        try:
            while not await self._settled(queue):
                if time.monotonic() - began > self._size.gives_up_s:
                    raise TimeoutError(f"tasks are left after {self._size.gives_up_s} s")
                running = await self._running(queue)
                self._thaw(running)
                self._revive()
                if self._chance is not None:
                    self._disturb(self._chance, running)
                await asyncio.sleep(0.15 if self._chance is None else self._chance.uniform(0.05, 0.25))
        finally:
            for worker in self._workers:
                end(worker)

    async def _settled(self, queue: Queue) -> bool:
        try:
            load = await queue.load()
        except EngineUnavailable:
            return False
        open_ones = [(one.kind, one.ready, one.later, one.running) for one in load]
        left = [one for one in open_ones if any(one[1:])]
        return left == [(PUBLISH, 0, 1, 0)]  # bad/after waits for poison

    async def _running(self, queue: Queue) -> dict[str, tuple[str, int]]:
        """Return who has which task, under which epoch."""
        tasks, _ = await insist(lambda: queue.tasks(states=[TaskState.RUNNING]))
        return {task.id: (task.worker, task.epoch) for task in tasks}

    def _disturb(self, chance: Random, running: dict[str, tuple[str, int]]) -> None:
        at_work = [place for place in range(len(self._workers)) if self._was_heard(place)]
        if not at_work:
            return
        place = chance.choice(at_work)
        worker = self._workers[place]
        overdue = not self.counts["restarts"] and self.counts["kills"] + self.counts["freezes"] >= 4
        weights = [0, 0, 1, 0] if overdue else [2, 3, 0.6, 2]
        match chance.choices(["kills", "freezes", "restarts", ""], weights)[0]:
            case "kills":
                end(worker)
                self._frozen.pop(place, None)
                self.counts["kills"] += 1
            case "freezes" if place not in self._frozen and len(self._frozen) + 1 < len(self._workers):
                held = {task: epoch for task, (name, epoch) in running.items() if name == f"w{place}"}
                os.kill(worker.pid, signal.SIGSTOP)
                self._frozen[place] = Frozen(time.monotonic(), held)
                self.counts["freezes"] += 1
            case "restarts":
                self.database.kill()
                self.database.start()
                self.counts["restarts"] += 1
            case _:
                pass

    def _was_heard(self, place: int) -> bool:
        """Tell whether a worker has ended a task since it was started, and so brought the work on."""
        journal = self._folder / "journal" / f"w{place}-{self._serials[place]}"
        return journal.exists() and b'"sequence":null' in journal.read_bytes()

    def _thaw(self, running: dict[str, tuple[str, int]]) -> None:
        for place, frozen in list(self._frozen.items()):
            taken = any(running.get(task, ("", 0))[1] > epoch for task, epoch in frozen.held.items())
            slept_s = time.monotonic() - frozen.since
            if slept_s > self._size.lease_s and (taken or slept_s > 2 * self._size.lease_s):
                os.kill(self._workers[place].pid, signal.SIGCONT)
                del self._frozen[place]

    def _revive(self) -> None:
        for place, worker in enumerate(self._workers):
            if worker.poll() is not None:
                self.counts["fallen"] += worker.returncode != -signal.SIGKILL
                self._frozen.pop(place, None)
                self._workers[place] = self._worker(place)

    def _worker(self, number: int) -> "subprocess.Popen[bytes]":
        self._started += 1
        self._serials[number] = self._started
        words = [f"w{number}", str(self._folder), self.database.place, str(self._size.lease_s)]
        more = [str(self._started), str(self._size.batch), *self._tail]
        return spawn(f"benchmarks.encode_chaos.{'real' if self._real else 'worker'}", *words, *more)


async def run(
    engine: str,
    folder: Path,
    size: Size,
    chance: Random | None,
    *,
    mutant: bool = False,
    executor: str = FAKE,
) -> Outcome:
    """Run the graph once on one engine, in an empty folder, and tell what is left."""
    for name in ("journal", "media"):
        (folder / name).mkdir(parents=True)
    database = Postgres() if engine == "postgres" else Served(folder, size.lease_s, mutant=mutant)
    began = time.monotonic()
    try:
        database.start()
        storm = Storm(database, folder, size, chance, mutant=mutant, executor=executor)
        async with queue_at(database.place, size.lease_s, Random(0)) as queue:
            await storm.run(queue)
            tasks, parts = await insist(lambda: queue.tasks(limit=1_000_000))
    finally:
        database.remove()
    outcome = _outcome(engine, tasks, _journal(folder), storm.counts, time.monotonic() - began)
    if executor == REAL:
        outcome.catalogue = await catalogue(blobs_in(folder))
        outcome.poisonous += 1
    else:
        outcome.lost += size.titles * size.chunks - len(parts)
        outcome.lost += size.tasks - outcome.tasks
    return outcome


def _outcome(
    engine: str,
    tasks: Sequence[Task],
    said: Sequence[Answer],
    counts: dict[str, int],
    took_s: float,
) -> Outcome:
    good = [task for task in tasks if task.group not in {"bad", group_of(BROKEN)}]
    done = {task.id: task for task in good if task.state is TaskState.DONE}
    dead = [task for task in tasks if task.state is TaskState.DEAD and _told(task)]
    entries = sorted(f"{task.id} {task.sha256}" for task in done.values() if task.kind == PUBLISH)
    return Outcome(
        engine=engine,
        tasks=len(good),
        lost=len(good) - len(done),
        doubled=_doubled(done, said),
        early=sum(one.ack.startswith("early") for one in said),
        poisoned=len(dead),
        poisonous=2,
        catalogue=hashlib.sha256("\n".join(entries).encode()).hexdigest(),
        refused=sum(one.ack == Ack.LOST for one in said),
        most_tried=max(task.epoch for task in tasks),
        took_s=took_s,
        **counts,
    )


def _told(task: Task) -> bool:
    """Tell whether a dead letter says why.

    Who was killed before a word has none, and a refusal is itself the word.
    """
    if task.problem is None:
        return False
    silent = task.problem.code == "queue.worker_lost" or task.problem.status < 500
    return silent or bool(task.last_words)


def _doubled(done: dict[str, Task], said: Sequence[Answer]) -> int:
    """Count what counted more than once, or for somebody whose lease was another's.

    A final epoch is that of whoever ended the task, so whatever counted as its
    end under an older one was said by a zombie.
    """
    heard = [one for one in said if one.ack == Ack.COMMITTED]
    ends = {(one.task, one.epoch) for one in heard if one.sequence is None}
    zombies = sum(task in done and epoch != done[task].epoch for task, epoch in ends)
    parts = [(one.task, one.sequence) for one in heard if one.sequence is not None]
    return zombies + len(ends) - len({task for task, _ in ends}) + len(parts) - len(set(parts))


def _journal(folder: Path) -> list[Answer]:
    """Return what all workers were told; a last line may have been cut by a kill."""
    lines = [line for file in (folder / "journal").iterdir() for line in file.read_bytes().split(b"\n")]
    return [msgspec.json.decode(line, type=Answer) for line in lines if line.endswith(b"}")]


def spawn(module: str, *words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - async-signal-safe
    )


def end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
