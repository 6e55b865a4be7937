"""A short film, the whole graph of its encode in this process, and what is left of it."""

import asyncio
import contextlib
import hashlib
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any, cast

from imageio_ffmpeg import get_ffmpeg_exe

from bijou.app import schema
from bijou.encoding import (
    EncodingLimits,
    Executor,
    Executors,
    JobState,
    Slots,
    Standing,
    TaskPace,
    TaskWorker,
    TitleWork,
    first_tasks,
    group_of,
    standing_of,
)
from bijou.engines.files import FileBlobs
from bijou.engines.records_queue import RecordsQueue
from bijou.engines.sqlite import SqliteRecords
from bijou.ports import BlobInfo, EngineUnavailable, Queue, SystemClock, TaskState

RATE, FRAMES = 12, 252
ASSET, SOURCE = "ast_film", "sources/film"
LIMITS = EncodingLimits(threads=1, child_wall_s=60)
BRISK = TaskPace(idle_s=0.02, beat_s=0.2, backoff_s=0.01, backoff_cap_s=0.05, farewell_s=0.2)
CUES = "1\n00:00:01,000 --> 00:00:03,000\nHello\n\n2\n00:00:15,500 --> 00:00:17,000\nGoodbye\n"
PATIENCE_S = 120.0


def make_film(path: Path, *, sound: bool = True) -> Path:
    """21 s at 320x180 in three shots of 7 s, sound that lasts as long, and English captions."""
    shots = ("testsrc2", "smptehdbars", "rgbtestsrc")
    inputs = [
        part
        for shot in shots
        for part in ("-f", "lavfi", "-i", f"{shot}=size=320x180:rate={RATE}:duration={FRAMES // 3 / RATE}")
    ]
    argv = [get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *inputs]
    more: list[str] = []
    joined = "[0:v][1:v][2:v]concat=n=3,format=yuv420p[v]"
    if sound:
        captions = path.with_suffix(".srt")
        captions.write_text(CUES, encoding="utf-8")
        tone = f"sine=frequency=330:sample_rate=48000:duration={FRAMES / RATE}"
        argv += ["-f", "lavfi", "-i", tone, "-i", str(captions)]
        more = ["-map", "3:a", "-map", "4:s", "-c:a", "flac", "-c:s", "srt"]
        more += ["-metadata:s:a:0", "language=eng", "-metadata:s:s:0", "language=eng"]
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-threads", "1")
    subprocess.run([*argv, "-filter_complex", joined, "-map", "[v]", *coded, *more, str(path)], check=True)
    return path


class WatchedBlobs(FileBlobs):
    """Blobs that remember each text that grew, and whether all that it names was there."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, SystemClock())
        self.root = root
        self.grown: dict[str, list[str]] = {}
        self.missing: list[str] = []

    async def replace(self, key: str, content: bytes) -> BlobInfo:
        text = content.decode()
        self.grown.setdefault(key, []).append(text)
        for named in re.findall(r"\.\./([^\"<\n]+\.m(?:4s|p4))", text):
            if not (self.root / key).parent.parent.joinpath(named).exists():
                self.missing.append(f"{key} names {named}")
        return await super().replace(key, content)


class Severed:
    """A queue that can be cut off, as for a dead worker, or keep silent, as for a frozen one."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.cut = False
        self.awake = asyncio.Event()
        self.awake.set()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*words: Any, **named: Any) -> Any:
            await self.awake.wait()
            if self.cut:
                raise EngineUnavailable("http.unreachable", "nobody answers")
            return await getattr(self._queue, name)(*words, **named)

        return call


class Studio:
    """A queue on SQLite, blobs in a folder, and workers in this process."""

    def __init__(self, folder: Path, *, lease_s: float = 2.0) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "queue.db").exists():
            schema.upgrade(folder / "queue.db")
        self.records = SqliteRecords(folder / "queue.db", durable=False, readers=1)
        self.queue = RecordsQueue(
            self.records, SystemClock(), Random(1), lease_s=lease_s, backoff_s=0.02, backoff_cap_s=0.1
        )
        self.blobs = WatchedBlobs(folder / "blobs")
        self._serial = 0

    async def close(self) -> None:
        await self.records.close()

    async def bring(self, film: Path, source: str = SOURCE) -> None:
        copy = self.folder / "upload"
        shutil.copy(film, copy)
        await self.blobs.put(source, copy)

    @contextlib.asynccontextmanager
    async def worker(
        self, line: Severed | None = None, *, instead: Mapping[str, Executor] | None = None
    ) -> AsyncIterator[TaskWorker]:
        """A worker that works until the end of the block; some kinds may be done by others."""
        self._serial += 1
        clock, queue = SystemClock(), cast("Queue", line) if line else self.queue
        scratch = self.folder / f"scratch{self._serial}"
        executors = Executors(
            queue, self.blobs, clock, limits=LIMITS, scratch=scratch, chance=Random(self._serial)
        )
        worker = TaskWorker(
            queue,
            clock,
            Random(self._serial),
            name=f"w{self._serial}",
            work={**executors.work, **(instead or {})},
            slots=Slots(2),
            pace=BRISK,
        )
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        try:
            yield worker
        finally:
            stop.set()
            await running
            await executors.close()

    async def add(self, work: TitleWork) -> None:
        await self.queue.add(first_tasks(work))

    async def standing(self, work: TitleWork) -> Standing:
        tasks, parts = await self.queue.tasks(group=group_of(work.asset, work.version), limit=10_000)
        return standing_of(tasks, parts)

    async def ended(self, work: TitleWork) -> Standing:
        """Wait until an encode has ended, its growing lists too, one way or the other."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                standing = await self.standing(work)
                if standing.state not in {JobState.QUEUED, JobState.RUNNING} and not (
                    standing.publication and standing.counts.get(TaskState.RUNNING)
                ):
                    return standing
                await SystemClock().sleep(0.05)

    async def encode(self, work: TitleWork) -> Standing:
        await self.add(work)
        async with self.worker():
            return await self.ended(work)

    def catalogue(self, *, without: tuple[str, ...] = ()) -> dict[str, str]:
        """The digest of every blob of media by its key."""
        media = self.folder / "blobs" / "media"
        return {
            key: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(media.rglob("*"))
            if path.is_file() and not (key := path.relative_to(media).as_posix()).startswith(without)
        }

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """The blobs, behind a web server that is not ours."""
        handler = partial(_Quiet, directory=str(self.folder / "blobs"))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        pass
