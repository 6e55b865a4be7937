"""One bucket as obstore reaches it: its calls, and its errors in our words."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from bijou.engines.local_files import PIECE_BYTES
from bijou.engines.s3_place import S3Key, S3Place
from bijou.ports import BijouError, EngineUnavailable, Instant, Overloaded

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from obstore import GetOptions, GetResult, ObjectMeta
    from obstore.store import ClientConfig, RetryConfig, S3Config

_AT_ONCE_BYTES: Final = 4 * PIECE_BYTES  # a step from the driver to Python costs as much as 100 KiB
_PAGE: Final = 1000
_UPLOADS_AT_ONCE: Final = 3
_MOST_PARTS: Final = 9_000  # S3 takes 10,000
_RETRIES: Final = 3
_FIRST_WAIT: Final = timedelta(milliseconds=100)
_LONGEST_WAIT: Final = timedelta(seconds=2)
_COME_BACK_S: Final = 5.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>\s*(\w{1,80})\s*</Code>")
_THROTTLES: Final = {
    "SlowDown",
    "TooManyRequests",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
}
_FULL: Final = {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"}


class Stored(msgspec.Struct, frozen=True):
    """What the bucket says of an object."""

    size_bytes: int
    etag: str
    modified_at: Instant


class Download:
    """The bytes of an object on their way; one version of it, whatever happens meanwhile."""

    def __init__(self, place: S3Place, name: str, result: "GetResult | None", size_bytes: int = 0) -> None:
        self._place = place
        self._name = name
        self._result = result
        self.size_bytes = size_bytes

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield it in pieces of at most 256 KiB."""
        if self._result is None:
            return
        with _blaming(self._place, self._name):
            async for block in self._result.stream(min_chunk_size=_AT_ONCE_BYTES):
                for piece in _cut(block):
                    yield piece

    def blocking_pieces(self) -> Iterator[bytes]:
        """Yield the same, in a thread that may wait."""
        if self._result is None:
            return
        with _blaming(self._place, self._name):
            for block in self._result.stream(min_chunk_size=_AT_ONCE_BYTES):
                yield from _cut(block)


class Bucket:
    """The calls that blobs need; names are whole, with the prefix of the place.

    An answer of 5xx, a connection that breaks and, for reading, one that
    stalls is tried three times more, 0.1 to 2 s apart; a download goes on
    where it broke, if the object is still the same.

    Args:
        place: The bucket, and where it is.
        key: What signs; None: what the environment or the machine's role gives.
        stall_s: Silence after which a request is given up.
    """

    def __init__(self, place: S3Place, key: S3Key | None, *, stall_s: float) -> None:
        self._place = place
        self._store = _open(place, key, stall_s)
        self._is_there = False

    async def create(self, name: str, content: bytes) -> str | None:
        """Store if the name is free, and return the ETag; None where it is taken."""
        with _blaming(self._place, name):
            try:
                put = await self._store.put_async(name, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return None
            return put["e_tag"] or ""

    async def write(self, name: str, content: bytes) -> str:
        """Store whatever the name holds, and return the ETag."""
        with _blaming(self._place, name):
            put = await self._store.put_async(name, content, mode="overwrite", use_multipart=False)
            return put["e_tag"] or ""

    async def upload(self, name: str, file: Path, size_bytes: int, part_bytes: int) -> None:
        """Store a file in parts, three of them on their way at a time, whatever the name holds."""
        part_bytes = max(part_bytes, -(-size_bytes // _MOST_PARTS))
        with _blaming(self._place, name):
            await self._store.put_async(
                name, file, use_multipart=True, chunk_size=part_bytes, max_concurrency=_UPLOADS_AT_ONCE
            )

    async def copy_if_free(self, source: str, target: str) -> bool:
        """Copy within the store if the target is free; False where it is taken."""
        with _blaming(self._place, target):
            try:
                await self._store.copy_async(source, target, overwrite=False)
            except AlreadyExistsError:
                return False
            return True

    async def head(self, name: str) -> Stored | None:
        """Describe an object; None where there is none."""
        with _blaming(self._place, name):
            try:
                return _stored(await self._store.head_async(name))
            except FileNotFoundError:
                await self._see()
                return None

    async def get(self, name: str, start: int = 0, stop: int | None = None) -> Download | None:
        """Begin to read bytes [start, stop), which may lie past the end; None where there is no object."""
        options: GetOptions = {}
        if start or stop is not None:
            options["range"] = {"offset": start} if stop is None else (start, stop)
        with _blaming(self._place, name):
            try:
                result = await self._store.get_async(name, options=options)
            except FileNotFoundError:
                await self._see()
                return None
            except BaseError as error:
                if _status_of(error) != "416":
                    raise
                return Download(self._place, name, None)
            return Download(self._place, name, result, result.meta["size"])

    async def names(self, folder: str, after: str | None) -> AsyncIterator[str]:
        """Yield the names inside a folder that come after another, in the store's order."""
        with _blaming(self._place, folder):
            async for page in _pages(self._store, folder, after):
                for found in page:
                    yield found["path"]

    async def delete(self, name: str) -> None:
        """Remove an object, if there is one."""
        with _blaming(self._place, name), contextlib.suppress(FileNotFoundError):
            await self._store.delete_async(name)

    async def _see(self) -> None:
        """Make sure once that it is the object that is missing, not the bucket; a HEAD does not say."""
        if not self._is_there:
            async for _ in self.names("~none", None):
                break
            self._is_there = True


def _open(place: S3Place, key: S3Key | None, stall_s: float) -> S3Store:
    config: S3Config = {"copy_if_not_exists": "multipart", "disable_bulk_delete": True}
    if place.endpoint:
        config["endpoint"] = place.endpoint
    if place.region:
        config["region"] = place.region
    if key is not None:
        config["access_key_id"], config["secret_access_key"] = key.access_key_id, key.secret_access_key
        if key.session_token:
            config["session_token"] = key.session_token
    client: ClientConfig = {
        "allow_http": place.endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=min(stall_s, 5.0)),
        "read_timeout": timedelta(seconds=stall_s),
        "timeout": timedelta(hours=6),  # the driver's 30 s would end every long film
    }
    retry: RetryConfig = {
        "max_retries": _RETRIES,
        "backoff": {"init_backoff": _FIRST_WAIT, "max_backoff": _LONGEST_WAIT, "base": 2},
        "retry_timeout": timedelta(seconds=4 * stall_s),
    }
    return S3Store(place.bucket, config=config, client_options=client, retry_config=retry)


def _pages(store: S3Store, folder: str, after: str | None) -> "AsyncIterable[list[ObjectMeta]]":
    return store.list(folder or None, offset=after, chunk_size=_PAGE)  # type: ignore[return-value]


def _cut(block: bytes) -> Iterator[bytes]:
    view = memoryview(block)
    for at in range(0, len(view), PIECE_BYTES):
        yield bytes(view[at : at + PIECE_BYTES])


def _stored(found: "ObjectMeta") -> Stored:
    modified_us = (found["last_modified"] - _EPOCH) // timedelta(microseconds=1)
    return Stored(found["size"], found["e_tag"] or "", Instant(modified_us))


@contextlib.contextmanager
def _blaming(place: S3Place, name: str) -> Iterator[None]:
    """Turn the driver's errors into ours, without the answers that they quote: key ids stand in them."""
    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        raise _trouble_of(error, place, name) from None


def _trouble_of(error: Exception, place: S3Place, name: str) -> BijouError:
    status, code = _status_of(error), _code_of(error)
    if not status:
        said = f"{place} does not answer: {_cause_of(error)}"
        return EngineUnavailable("blobs.unavailable", f"{name}: {said}")
    said = f"{place} answered {status} {code}".rstrip()
    if code == "NoSuchBucket" or (status == "404" and not code):
        return _no_bucket(place)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in {"401", "403"}:
        return _refusal(said, code, name)
    return _shortage(said, status, code, name)


def _refusal(said: str, code: str, name: str) -> BijouError:
    if code in _FULL:  # some answer 403 to who is over a quota
        return _full(said, name)
    if code == "RequestTimeTooSkewed":
        return EngineUnavailable(
            "blobs.clock_skewed", f"{said}: this machine's clock and the store's differ too much; set it"
        )
    return EngineUnavailable(
        "blobs.denied",
        f"{name}: {said}; the key is wrong or may not do this, or this machine's clock is wrong",
    )


def _shortage(said: str, status: str, code: str, name: str) -> BijouError:
    if code in _FULL or status == "507":
        return _full(said, name)
    if code in _THROTTLES or status == "429":
        return Overloaded(
            "blobs.throttled",
            f"{name}: {said} to {_RETRIES + 1} requests; it takes no more at this rate",
            retry_after_s=_COME_BACK_S,
        )
    return EngineUnavailable("blobs.unavailable", f"{name}: {said}")


def _full(said: str, name: str) -> BijouError:
    return EngineUnavailable("blobs.full", f"{name}: {said}; free some space there and put it again")


def _no_bucket(place: S3Place) -> BijouError:
    return EngineUnavailable("blobs.no_bucket", f"{place}: there is no bucket {place.bucket}; make it first")


def _status_of(error: Exception) -> str:
    found = _STATUS.search(str(error))
    return found[1] if found else ""


def _code_of(error: Exception) -> str:
    found = _CODE.search(str(error))
    return found[1] if found else ""


def _cause_of(error: Exception) -> str:
    """Return the last clause of what the driver says; the rest repeats the address."""
    return str(error).partition("\n")[0].rpartition(" - ")[2][:160]
