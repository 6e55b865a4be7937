"""One worker process with real encodes: the product's own, on a queue that writes down each answer.

python -m benchmarks.encode_chaos.real NAME FOLDER QUEUE LEASE_S SEED BATCH EXECUTOR [--mutant]
"""

import asyncio
import hashlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import imageio_ffmpeg
import structlog
from msgspec.structs import replace

from benchmarks.encode_chaos.mutant import forget_epochs
from benchmarks.encode_chaos.work import KILLER, POISON
from benchmarks.encode_chaos.worker import Answer, Journal, queue_at
from bijou.encoding import (
    EncodingLimits,
    Executors,
    Slots,
    TaskPace,
    TaskWorker,
    TitleWork,
    first_tasks,
)
from bijou.encoding.titles import Hold, Made
from bijou.engines.files import FileBlobs
from bijou.ports import (
    Ack,
    Beat,
    Blobs,
    Commit,
    EngineUnavailable,
    Failure,
    Load,
    NewTask,
    Part,
    Queue,
    Steer,
    SystemClock,
    Task,
    TaskState,
)

# Storms count as attempts; only what fails by itself may run out of them.
MANY = 1000
FILMS = 3
BROKEN = "ast_broken"
_CUTS_S = (4, 7, 12)


class WrittenDown:
    """A `Queue` whose answers to commits, and whose early fan-ins, go into the journal."""

    def __init__(self, queue: Queue, journal: Journal) -> None:
        self._queue = queue
        self._journal = journal

    async def add(self, tasks: Sequence[NewTask]) -> int:
        return await self._queue.add([_tireless(task) for task in tasks])

    async def claim(self, worker: str, kinds: Sequence[str], limit: int = 1) -> list[Task]:
        tasks = await self._queue.claim(worker, kinds, limit)
        for task in tasks:
            await self._look_for_early(task)
        return tasks

    async def beat(self, beats: Sequence[Beat]) -> list[str]:
        return await self._queue.beat(beats)

    async def commit(self, commits: Sequence[Commit]) -> list[Ack]:
        commits = [replace(one, then=tuple(_tireless(task) for task in one.then)) for one in commits]
        acks = await self._queue.commit(commits)
        for commit, ack in zip(commits, acks, strict=True):
            self._journal.write(Answer(commit.task, commit.epoch, ack, commit.sequence))
        return acks

    async def fail(self, failures: Sequence[Failure]) -> list[Ack]:
        return await self._queue.fail(failures)

    async def steer(self, steer: Steer) -> int:
        return await self._queue.steer(steer)

    async def tasks(
        self, *, group: str = "", task: str = "", states: Sequence[TaskState] = (), limit: int = 1000
    ) -> tuple[list[Task], list[Part]]:
        return await self._queue.tasks(group=group, task=task, states=states, limit=limit)

    async def load(self) -> list[Load]:
        return await self._queue.load()

    async def _look_for_early(self, task: Task) -> None:
        """What needs others may be handed out when all of them are done, and not before."""
        for need in task.needs:
            found, _ = await self._queue.tasks(task=need)
            if [one.state for one in found] != [TaskState.DONE]:
                self._journal.write(Answer(task.id, task.epoch, f"early {need}"))


def _tireless(task: NewTask) -> NewTask:
    return replace(task, attempts=MANY)


def blobs_in(folder: Path) -> FileBlobs:
    return FileBlobs(folder / "blobs", SystemClock())


async def bring_films(folder: Path, titles: int) -> list[NewTask]:
    """Put films where workers find them, and return what their encodes begin with."""
    blobs = blobs_in(folder)
    tasks: list[NewTask] = []
    for number in range(min(FILMS, titles)):
        await blobs.put(f"uploads/{number}", _film(folder / f"{number}.mp4", number))
    await blobs.put("uploads/broken", b"\0\0\0\x18ftypisom" + bytes(4000))
    for number in range(titles):
        tasks += first_tasks(TitleWork(f"ast_{number}", f"uploads/{number % FILMS}"))
    return [*map(_tireless, tasks), *first_tasks(TitleWork(BROKEN, "uploads/broken"))]


def _film(path: Path, number: int) -> Path:
    """Fourteen seconds in shots, with sound; small, so that what is measured is not the encoder."""
    shots = [
        f"testsrc2=size=256x144:rate=24:duration={stop - start},hue=h={37 * number}{',negate' * (place % 2)}"
        for place, (start, stop) in enumerate(zip((0, *_CUTS_S), (*_CUTS_S, 14), strict=True))
    ]
    inputs = [word for shot in shots for word in ("-f", "lavfi", "-i", shot)]
    sound = ("-f", "lavfi", "-i", f"sine=frequency={220 + 110 * number}:sample_rate=48000:duration=14")
    graph = "".join(f"[{place}]" for place in range(len(shots))) + f"concat=n={len(shots)}[v]"
    coders = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *inputs, *sound]
    argv += ["-filter_complex", graph, "-map", "[v]", "-map", f"{len(shots)}:a", *coders, str(path)]
    subprocess.run(argv, check=True)
    return path


async def catalogue(blobs: Blobs) -> str:
    """Return one digest of all that viewers could ever be sent: every key with its content."""
    lines = []
    async for key in blobs.keys("media/"):
        digest = hashlib.sha256()
        async for piece in blobs.read(key):
            digest.update(piece)
        lines.append(f"{key} {digest.hexdigest()}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


async def _poison(task: Task, hold: Hold) -> Made:  # noqa: ARG001 - the type of an executor
    error = EngineUnavailable("encoding.crashed", "the child failed")
    error.add_note("Invalid data found when processing input")
    raise error


async def _killer(task: Task, hold: Hold) -> Made:  # noqa: ARG001 - as above
    hold.say(0.5, "frame 7 of 14")
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


async def main(name: str, folder: Path, place: str, lease_s: float, seed: int) -> None:
    clock, chance = SystemClock(), Random(seed)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    journal = Journal(folder / "journal" / f"{name}-{seed}")
    async with queue_at(place, lease_s, chance) as plain:
        queue = WrittenDown(plain, journal)
        executors = Executors(
            queue,
            blobs_in(folder),
            clock,
            limits=EncodingLimits(threads=1, child_wall_s=120),
            scratch=folder / "scratch" / f"{name}-{seed}",
            chance=chance,
        )
        worker = TaskWorker(
            queue,
            clock,
            chance,
            name=name,
            work={**executors.work, POISON: _poison, KILLER: _killer},
            slots=Slots(heavy=1),
            pace=TaskPace(idle_s=0.1, beat_s=lease_s / 4, backoff_s=0.05, backoff_cap_s=0.3),
        )
        await worker.run(asyncio.Event())


if __name__ == "__main__":
    if "--mutant" in sys.argv:
        forget_epochs()
    words = sys.argv[1:6]
    asyncio.run(main(words[0], Path(words[1]), words[2], float(words[3]), int(words[4])))
