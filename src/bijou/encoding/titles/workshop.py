"""What all executors of a worker share: engines, scratch, and sources at hand."""

import asyncio
import contextlib
import hashlib
import itertools
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

from bijou.encoding.limits import EncodingLimits
from bijou.encoding.titles.facts import Edition
from bijou.ports import (
    BijouError,
    Blobs,
    Clock,
    EngineUnavailable,
    InvalidRequest,
    NotFound,
    Part,
    Queue,
    Task,
    TaskState,
)
from bijou.runtime import codec

KEY_URI = "/keys/{asset}"

POLL_S = 0.25  # between two looks at tasks that another waits for

_KEPT = 2
_KEPT_S = 10.0


class Workshop:
    """Engines and scratch of one worker's executors.

    A source is fetched once for all tasks that use it, and kept while it is
    likely to be used again: the last two that nobody uses, for ten seconds.

    Threads: one event loop.

    Args:
        scratch: Folder that nobody else uses; emptied at the start.
        key_uri: Where players get the key of an encrypted title, with
            `{asset}` in the place of its name.
    """

    def __init__(
        self,
        queue: Queue,
        blobs: Blobs,
        clock: Clock,
        *,
        limits: EncodingLimits,
        scratch: Path,
        chance: Random,
        key_uri: str = KEY_URI,
    ) -> None:
        self.queue = queue
        self.blobs = blobs
        self.clock = clock
        self.limits = limits
        self.chance = chance
        self.key_uri = key_uri
        self._scratch = scratch.absolute()  # children start in folders of their own
        self._serial = itertools.count()
        self._sources: dict[str, _Source] = {}
        self._letting_go: asyncio.Task[None] | None = None
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)

    def close(self) -> None:
        """Empty the scratch."""
        if self._letting_go is not None:
            self._letting_go.cancel()
        shutil.rmtree(self._scratch, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def folder(self) -> AsyncIterator[Path]:
        """Give a folder for one attempt, which is removed after it."""
        folder = self._scratch / str(next(self._serial))
        await asyncio.to_thread(folder.mkdir)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def source(self, key: str) -> AsyncIterator[Path]:
        """Give a blob as a local file.

        Raises:
            InvalidRequest: `encoding.no_source`.
        """
        source = self._sources.pop(key, None) or _Source(self._scratch / f"source.{next(self._serial)}")
        self._sources[key] = source  # the last used stands last
        source.users += 1
        source.uses += 1
        try:
            async with source.turn:
                if not source.there:
                    await self._fetch(key, source.path)
                    source.there = True
            yield source.path
        finally:
            source.users -= 1
            self._tidy()

    async def _fetch(self, key: str, path: Path) -> None:
        try:
            await self.blobs.fetch(key, path)
        except NotFound as error:
            raise InvalidRequest("encoding.no_source", f"there is no source {key}; it was removed") from error

    def _tidy(self) -> None:
        unused = [key for key, source in self._sources.items() if not source.users]
        self._drop(unused[:-_KEPT])
        if self._letting_go is None or self._letting_go.done():
            self._letting_go = asyncio.ensure_future(self._let_go())

    async def _let_go(self) -> None:
        """Drop what nobody has used for a while: a source that is not wanted any more is not kept here."""
        while self._sources:
            before = {key: source.uses for key, source in self._sources.items()}
            await self.clock.sleep(_KEPT_S)
            self._drop(
                [
                    key
                    for key, source in self._sources.items()
                    if not source.users and source.uses == before.get(key)
                ]
            )

    def _drop(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._sources.pop(key).path.unlink(missing_ok=True)

    async def task(self, name: str) -> tuple[Task, list[Part]]:
        """Return a task that must be there, and its parts."""
        tasks, parts = await self.queue.tasks(task=name)
        if not tasks:
            raise EngineUnavailable("encoding.no_task", f"task {name} is not in the queue any more")
        return tasks[0], parts

    async def result(self, name: str) -> bytes | None:
        """Return what a task has found, or None while it is not done.

        Raises:
            BijouError: the problem of a task that is dead: nobody shall wait for it.
        """
        tasks, _ = await self.queue.tasks(task=name)
        return outcome(tasks[0]) if tasks else None

    async def bytes_of(self, key: str) -> bytes:
        """Return a small blob."""
        return b"".join([piece async for piece in self.blobs.read(key)])

    async def gather(self, keys: Sequence[str], path: Path) -> Path:
        """Write blobs into one file, one behind the other."""
        return await gather(self.blobs, keys, path)

    async def edition(self, asset: str, version: int) -> Edition:
        """Return all facts of a published version.

        Raises:
            InvalidRequest: `encoding.no_edition`.
        """
        try:
            return codec.decode(await self.bytes_of(edition_key(asset, version)), Edition)
        except NotFound as error:
            raise InvalidRequest(
                "encoding.no_edition",
                f"version {version} of {asset} left no facts to build on; encode it anew as version 1",
            ) from error


async def gather(blobs: Blobs, keys: Sequence[str], path: Path) -> Path:
    """Write blobs into one file, one behind the other; see `Workshop.gather`."""
    with path.open("wb") as file:
        for key in keys:
            async for piece in blobs.read(key):
                await asyncio.to_thread(file.write, piece)
    return path


def outcome(task: Task) -> bytes | None:
    """Return what a task has found, or None while it is not done; see `Workshop.result`."""
    if task.state is TaskState.DEAD and task.problem:
        raise BijouError.from_problem(task.problem)
    return task.result if task.state is TaskState.DONE else None


class _Source:
    """A file that several tasks use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.users = self.uses = 0
        self.there = False
        self.turn = asyncio.Lock()


def base_of(asset: str) -> str:
    """Return the prefix of the keys of an asset's media."""
    return f"media/{asset}"


def media_prefix(asset: str, *, encrypt: bool) -> str:
    """Return where finished segments go: what will be encrypted is not put where viewers look."""
    return f"clear/{asset}" if encrypt else base_of(asset)


def init_key(prefix: str, rendition: str, sha256: str) -> str:
    """Return the key of an init segment, which its bytes tell."""
    return f"{prefix}/{rendition}/{sha256[:32]}.mp4"


def segment_key(prefix: str, rendition: str, sha256: str) -> str:
    """Return the key of a segment, which its bytes tell."""
    return f"{prefix}/{rendition}/{sha256[:32]}.m4s"


def edition_key(asset: str, version: int) -> str:
    """Return the key of a published version's facts."""
    return f"{base_of(asset)}/v{version}/edition.json"


def sha256_of(content: bytes) -> str:
    """Return the digest of bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
