"""How soon a film can be watched: from its file to the first list that plays, beside one chunk's encode.

The whole of it, as the service does it: a queue on SQLite, a warm worker with
a slot a core, all rungs of the default recipe. What it is compared with is the
longest of the first chunk's encodes in that very run: nothing can be watched
before that has ended. A film of ten minutes stands beside that of half a one.
"""

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from random import Random
from statistics import median

from benchmarks.encode.measuring import CLOCK, LIMITS, Film, Target, at_most, run
from bijou.app import schema
from bijou.app.film_folder import ASSET, SOURCE, FilmFolder
from bijou.encoding import (
    Executors,
    Slots,
    TaskPace,
    TaskWorker,
    TitleWork,
    first_tasks,
    group_of,
    standing_of,
)
from bijou.encoding.ffmpeg import ffmpeg
from bijou.encoding.titles.facts import ChunkFacts
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import Queue, TaskState
from bijou.runtime import codec, logs

_LOOK_S = 0.02
_LOOPS = 19


async def measure(film: Film, folder: Path, *, rounds: int, quick: bool) -> list[Target]:
    logs.configure("bench", clock=CLOCK, level="error")
    films = {f"a film of {film.duration_s:.0f} s": film.path}
    if not quick:
        long = folder / "long.mp4"
        loops = ("-stream_loop", str(_LOOPS), "-i", str(film.path), "-map", "0:v:0", "-map", "0:a?")
        await run([*ffmpeg(), "-y", *loops, "-c", "copy", str(long)])
        films[f"a film of {(_LOOPS + 1) * film.duration_s:.0f} s"] = long
    targets = []
    for name, path in films.items():
        shares = []
        for number in range(rounds):
            soon_s, chunk_s = await _once(path, folder / f"{path.stem}.{number}")
            shares.append(soon_s / chunk_s)
            print(f"{name}: plays after {soon_s:.2f} s; its first chunk took {chunk_s:.2f}", file=sys.stderr)
        targets.append(at_most(f"first playable segment / one chunk's encode, {name}", median(shares), 1.5))
    return targets


async def _once(path: Path, out: Path) -> tuple[float, float]:
    """Return when the first list plays, and how long the longest encode of the first chunk took."""
    (out / "notes").mkdir(parents=True)
    schema.upgrade(out / "notes" / "queue.db")
    records = SqliteRecords(out / "notes" / "queue.db")
    queue, blobs = RecordsQueue(records, CLOCK, Random(1)), FilmFolder(out, path, CLOCK)
    scratch = out / "notes" / "scratch"
    executors = Executors(queue, blobs, CLOCK, limits=LIMITS, scratch=scratch, chance=Random(2))
    await executors.start()
    slots = Slots(heavy=len(os.sched_getaffinity(0)))
    pace = TaskPace(idle_s=0.1)
    worker = TaskWorker(queue, CLOCK, Random(3), name="bench", work=executors.work, slots=slots, pace=pace)
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    began_ns = CLOCK.monotonic_ns()
    try:
        await queue.add(first_tasks(TitleWork(ASSET, SOURCE)))
        await _watchable(queue, working)
        soon_s = (CLOCK.monotonic_ns() - began_ns) / 1e9
        chunk_s = await _longest_s(queue)
    finally:
        stop.set()
        with contextlib.suppress(Exception):
            await working
        await executors.close()
        await records.close()
    return soon_s, chunk_s


async def _watchable(queue: Queue, working: "asyncio.Task[None]") -> None:
    while True:
        standing = standing_of(*await queue.tasks(group=group_of(ASSET), limit=1_000_000))
        if standing.watchable:
            return
        if standing.problem or working.done():
            raise SystemExit(f"the encode ended: {standing.problem}")
        await CLOCK.sleep(_LOOK_S)


async def _longest_s(queue: Queue) -> float:
    tasks, _ = await queue.tasks(group=group_of(ASSET), states=[TaskState.DONE], limit=1_000_000)
    made = [codec.decode(task.result, ChunkFacts) for task in tasks if task.kind == "chunk"]
    return max(one.wall_s for one in made if one.chunk == 0)
