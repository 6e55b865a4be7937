"""Blobs in a bucket of S3, or of a store that speaks it: media for several machines."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from bijou.engines.blob_keys import STAGING, folder_of, parts_of
from bijou.engines.local_files import blaming_the_disk, opened_source, write_new
from bijou.engines.s3_place import S3Key, S3Place
from bijou.ports import BijouError, BlobInfo, Clock, Conflict, EngineUnavailable, InvalidRequest, NotFound

if TYPE_CHECKING:
    from bijou.engines.s3_bucket import Bucket, Download, Stored

PART_BYTES: Final = 8 << 20
_COPIES_AT_MOST_BYTES: Final = 5 << 30


class S3Blobs:
    """`ports.Blobs` in a bucket: a blob is the object of its key's name.

    Put-if-absent is the store's: `If-None-Match: *` on the request that makes
    the object. The first put of a process tries it out, for some stores
    ignore it. A file of more than one part is uploaded beside its key, under
    `~staging/`, and copied there within the store under the same condition;
    what a killed process leaves there, a rule of the bucket must expire. A
    Path is moved in: afterwards it is gone from where it was.

    Surprise: above 5 GiB S3 copies nothing in one step. Such a file is put
    where the key was free when we looked; of two who put different ones at
    the same moment the last wins.

    Surprise: unlike in a directory, `a` and `a/b` may both be blobs. The time
    of a blob is the store's, in whole seconds; its ETag need not change where
    the same bytes are put again.

    Cost: `put` two requests (the second finds the time), three where the key
    is taken by as many bytes, which are read and compared; a large file six
    and one a part. 1 MiB of memory a reader, about 64 MiB an upload.
    Threads: safe, any event loop may call; do not fork afterwards.

    Args:
        place: Bucket, prefix, endpoint.
        clock: Stamps a blob that is gone before it was described.
        chance: Draws names under `~staging/` that no other process draws.
        key: What signs; None: `AWS_ACCESS_KEY_ID` and its kin, else the role
            of the machine.
        stall_s: Silence after which a request is given up; a part must go
            through within it.

    Raises:
        EngineUnavailable: `blobs.no_driver`, obstore is not installed. Every
            method raises it with `blobs.unavailable`, `blobs.no_bucket`,
            `blobs.denied`, `blobs.clock_skewed`, or `blobs.no_condition` where
            the store does not keep put-if-absent; and Overloaded
            `blobs.throttled`.
    """

    def __init__(
        self,
        place: S3Place,
        clock: Clock,
        chance: Random,
        key: S3Key | None = None,
        *,
        stall_s: float = 30.0,
    ) -> None:
        self._place = place
        self._clock = clock
        self._chance = chance
        self._under = f"{place.prefix}/" if place.prefix else ""
        self._bucket = _open(place, key, stall_s)
        self._keeps_creation = False
        self._keeps_copying = False

    async def put(self, key: str, content: bytes | Path) -> BlobInfo:
        """Store under a free key; the same bytes again are no conflict, and a Path is moved in."""
        name = self._name(key)
        if isinstance(content, bytes):
            return await self._create(key, name, content)
        with opened_source(content) as source:
            info = await self._move_in(key, name, source)
        with contextlib.suppress(FileNotFoundError, PermissionError):
            await asyncio.to_thread(content.unlink)
        return info

    async def replace(self, key: str, content: bytes) -> BlobInfo:
        """Store in place of whatever the key held."""
        name = self._name(key)
        etag = await self._bucket.write(name, content)
        return await self._describe_new(key, name, len(content), etag)

    async def info(self, key: str) -> BlobInfo:
        """Describe a blob."""
        found = await self._bucket.head(self._name(key))
        if found is None:
            raise _missing(key)
        return _describe(key, found)

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes [start, stop) in pieces of at most 256 KiB; past the end there is nothing."""
        name, start = self._name(key), max(start, 0)
        if stop is not None and stop <= start:
            await self.info(key)
            return
        found = await self._bucket.get(name, start, stop)
        if found is None:
            raise _missing(key)
        async for piece in found.pieces():
            yield piece

    async def fetch(self, key: str, destination: Path) -> None:
        """Make the blob a local file; nothing is left there if that fails on the way."""
        found = await self._bucket.get(self._name(key))
        if found is None:
            raise _missing(key)
        await asyncio.to_thread(_save, key, found, destination)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that start with `prefix`, in order of their characters."""
        if folder_of(prefix) is None or not _begins_a_key(prefix):
            return
        folder = self._under + prefix.rpartition("/")[0]
        last = ""
        async for name in self._bucket.names(folder.removesuffix("/"), self._under + prefix[:-1] or None):
            key = name.removeprefix(self._under)
            if key <= last:
                raise self._unordered(last, key)
            last = key
            if key.startswith(prefix):
                if _is_key(key):
                    yield key
            elif key > prefix:
                return

    async def delete(self, key: str) -> None:
        """Remove a blob."""
        await self._bucket.delete(self._name(key))

    async def _create(self, key: str, name: str, content: bytes) -> BlobInfo:
        await self._try_creation()
        etag = await self._bucket.create(name, content)
        if etag is None:
            return await self._accept_the_same(key, name, len(content), _slices(content))
        return await self._describe_new(key, name, len(content), etag)

    async def _move_in(self, key: str, name: str, source: int) -> BlobInfo:
        size = os.fstat(source).st_size
        if size <= PART_BYTES:
            return await self._create(key, name, await asyncio.to_thread(os.pread, source, size + 1, 0))
        free = await self._bucket.head(name) is None  # saves most uploads in vain
        if free:
            # The file that we opened, whatever its name leads to by now; read without Python.
            free = await self._upload(name, Path(f"/proc/self/fd/{source}"), size)
        if free:
            return await self._describe_new(key, name, size, "")
        return await self._accept_the_same(key, name, size, lambda at, length: os.pread(source, length, at))

    async def _upload(self, name: str, file: Path, size: int) -> bool:
        """Store a large file if the key is free; False where it is taken."""
        if size > _COPIES_AT_MOST_BYTES:
            await self._bucket.upload(name, file, size, PART_BYTES)
            return True
        await self._try_copying()
        async with self._staged() as staged:
            await self._bucket.upload(staged, file, size, PART_BYTES)
            return await self._bucket.copy_if_free(staged, name)

    async def _accept_the_same(
        self, key: str, name: str, size: int, here: Callable[[int, int], bytes | memoryview]
    ) -> BlobInfo:
        there = await self._bucket.get(name)
        if there is None:
            raise Conflict("blobs.exists", f"{key} was taken, and has been deleted since; put it again")
        if there.size_bytes == size and await asyncio.to_thread(_is_same, there, here):
            return await self.info(key)
        raise Conflict("blobs.exists", f"{key} holds other bytes already; a blob is written once")

    async def _describe_new(self, key: str, name: str, size: int, etag: str) -> BlobInfo:
        """Describe what was stored a moment ago, even if others were there since."""
        found = await self._bucket.head(name)
        if found is None or (etag and found.etag != etag):
            return BlobInfo(
                key=key, size_bytes=size, etag=etag or f'"{size:x}"', modified_at=self._clock.now()
            )
        return _describe(key, found)

    async def _try_creation(self) -> None:
        """See once that the store does not write over what is there."""
        if self._keeps_creation:
            return
        async with self._staged() as staged:
            await self._bucket.create(staged, b"one")
            if await self._bucket.create(staged, b"two") is not None:
                raise self._careless("PutObject")
        self._keeps_creation = True

    async def _try_copying(self) -> None:
        """See once that the store does not copy over what is there."""
        if self._keeps_copying:
            return
        async with self._staged() as staged:
            await self._bucket.write(staged, b"one")
            if await self._bucket.copy_if_free(staged, staged):
                raise self._careless("CompleteMultipartUpload")
        self._keeps_copying = True

    @contextlib.asynccontextmanager
    async def _staged(self) -> AsyncIterator[str]:
        name = f"{self._under}{STAGING}/{self._chance.getrandbits(96):024x}"
        try:
            yield name
        finally:
            with contextlib.suppress(BijouError):  # the bucket's rule takes what stays
                await self._bucket.delete(name)

    def _name(self, key: str) -> str:
        parts_of(key)
        return self._under + key

    def _careless(self, request: str) -> EngineUnavailable:
        return EngineUnavailable(
            "blobs.no_condition",
            f"{self._place} ignores If-None-Match on {request} and writes over what is there; "
            "blobs are written once, so this store cannot hold them",
        )

    def _unordered(self, last: str, key: str) -> EngineUnavailable:
        return EngineUnavailable(
            "blobs.unordered",
            f"{self._place} lists {key} after {last}; blobs need a store that lists in the order of the keys",
        )


def _open(place: S3Place, key: S3Key | None, stall_s: float) -> "Bucket":
    try:
        from bijou.engines.s3_bucket import Bucket  # noqa: PLC0415 - its driver is an extra
    except ImportError as error:
        raise EngineUnavailable(
            "blobs.no_driver", "blobs on S3 need obstore; pip install bijou[s3]"
        ) from error
    return Bucket(place, key, stall_s=stall_s)


def _describe(key: str, found: "Stored") -> BlobInfo:
    return BlobInfo(key=key, size_bytes=found.size_bytes, etag=found.etag, modified_at=found.modified_at)


def _missing(key: str) -> NotFound:
    return NotFound("blobs.missing", f"there is no blob {key}")


def _is_key(name: str) -> bool:
    try:
        parts_of(name)
    except InvalidRequest:
        return False
    return True


def _begins_a_key(prefix: str) -> bool:
    return _is_key(f"{prefix.rpartition('/')[2]}k")


def _slices(content: bytes) -> Callable[[int, int], memoryview]:
    view = memoryview(content)
    return lambda at, length: view[at : at + length]


def _is_same(there: "Download", here: Callable[[int, int], bytes | memoryview]) -> bool:
    at = 0
    for piece in there.blocking_pieces():
        if here(at, len(piece)) != piece:
            return False
        at += len(piece)
    return True


def _save(key: str, found: "Download", destination: Path) -> None:
    with blaming_the_disk(key):
        destination.unlink(missing_ok=True)
        try:
            write_new(destination, found.blocking_pieces())
        except BijouError:
            destination.unlink(missing_ok=True)
            raise
