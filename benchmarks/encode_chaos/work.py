"""What a worker does with a task; the storm does not know and does not care.

An executor is a function of a task and its `Hold`. It must be what an encode
is: the same task gives the same bytes, whoever does it and however often.
"""

import asyncio
import hashlib
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Protocol

import msgspec

from bijou.ports import Ack, NewTask, Queue, Task, TaskState

PLAN, CHUNK, PUBLISH, POISON, KILLER = KINDS = ("plan", "chunk", "publish", "poison", "killer")


class Made(msgspec.Struct):
    """What an attempt has made."""

    sha256: str
    result: bytes = b""
    then: Sequence[NewTask] = ()


class Hold(Protocol):
    """What an executor may say while it holds a task."""

    queue: Queue

    async def part(self, sequence: int, sha256: str, then: Sequence[NewTask]) -> Ack: ...
    async def say(self, progress: float, note: str) -> None: ...
    def early(self, missing: Sequence[str]) -> None: ...


Executor = Callable[[Task, Hold], Awaitable[Made]]


class Broken(Exception):
    """The attempt failed; its text is the child's last words."""


class Title(msgspec.Struct):
    """What a plan works on."""

    name: str
    chunks: int
    renditions: int


def fake(folder: Path, chance: Random) -> Executor:
    """Return an executor whose encodes are sleeps of 5 to 60 ms, one in thirty of which fails."""
    return _sleeping(folder, chance, 0.005, 0.06)


def slow(folder: Path, chance: Random) -> Executor:
    """Return one whose encodes take 0.3 to 0.5 s, so that a zombie finds its task at work."""
    return _sleeping(folder, chance, 0.3, 0.5)


def _sleeping(folder: Path, chance: Random, least_s: float, most_s: float) -> Executor:

    async def execute(task: Task, hold: Hold) -> Made:
        match task.kind:
            case "plan":
                return await _plan(task, hold)
            case "publish":
                return await _publish(task, hold)
            case "poison":
                raise Broken("Invalid data found when processing input")
            case "killer":
                await hold.say(0.5, "frame 7 of 14")
                os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(chance.uniform(least_s, most_s))
        if chance.random() < 1 / 30:
            raise Broken("Cannot allocate memory")
        return Made(_stored(folder, hashlib.sha512(task.id.encode() + task.payload).digest() * 16))

    return execute


async def _plan(task: Task, hold: Hold) -> Made:
    title = msgspec.json.decode(task.payload, type=Title)
    names = []
    for index in range(title.chunks):
        chunks = [
            NewTask(
                f"{title.name}/c{index}r{rendition}",
                task.group,
                CHUNK,
                f"{index} {rendition}".encode(),
                attempts=1000,
                work_s=0.03,
            )
            for rendition in range(title.renditions)
        ]
        names += [chunk.id for chunk in chunks]
        ack = await hold.part(index, _digest(f"{title.name} {index}".encode()), chunks)
        if ack is Ack.LOST:
            raise Broken("the lease is another's")
        await asyncio.sleep(0.002)
    publish = NewTask(f"{title.name}/publish", task.group, PUBLISH, needs=tuple(names), attempts=1000)
    return Made(_digest(task.payload), then=[publish])


async def _publish(task: Task, hold: Hold) -> Made:
    """Write the title's entry from what its chunks' commits say, as playlists are written."""
    tasks, parts = await hold.queue.tasks(group=task.group, limit=1_000_000)
    done = {one.id: one.sha256 for one in tasks if one.state is TaskState.DONE}
    missing = [need for need in task.needs if need not in done]
    if missing:
        hold.early(missing)
    lines = [f"{need} {done.get(need, '')}" for need in task.needs]
    lines += [f"{part.task} {part.sequence} {part.sha256}" for part in parts]
    entry = "\n".join(lines).encode()
    return Made(_digest(entry), entry)


def _stored(folder: Path, content: bytes) -> str:
    sha256 = _digest(content)
    place = folder / "media" / sha256
    if not place.exists():
        draft = place.with_name(f"{sha256}.{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(place)
    return sha256


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
