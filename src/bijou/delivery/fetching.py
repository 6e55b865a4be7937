"""What an edge does for an object that is not in memory: one fetch, however many wait."""

import asyncio
import contextlib
from collections import OrderedDict
from typing import Any, Final, TypeVar

from bijou.algorithms.caches import Policy
from bijou.algorithms.caches.ghosts import Ghosts
from bijou.delivery.answers import STALE_S, media_head
from bijou.delivery.cached import Cached
from bijou.delivery.disk import Disk
from bijou.delivery.fill import Fill, FillReader, Pace, TooLarge
from bijou.delivery.handed_on import representation_of
from bijou.delivery.line import OriginAnswer
from bijou.delivery.model import (
    LIVE_S,
    MISSING_S,
    BodyCut,
    Miss,
    OriginLate,
    Representation,
    Verdict,
    is_live,
)
from bijou.delivery.reserve import Reserve
from bijou.delivery.selection import Selection
from bijou.delivery.shields import Source
from bijou.delivery.store import Store
from bijou.delivery.tally import Tally
from bijou.delivery.upstream import within
from bijou.ports import Clock, EngineUnavailable, Instant, NotFound
from bijou.runtime.logs import get_logger

MISSING_LIVE_S: Final = 0.5
"""Seconds that an absence is believed where a playlist may appear at any moment."""
PATIENCE_S: Final = 1.0
"""Seconds that the origin has to answer while there is something stale to show instead."""

_REMEMBERED: Final = 4096
_GHOSTS: Final = 65_536
_LARGEST_SHARE: Final = 4

V = TypeVar("V")

_log = get_logger()


class Fetching:
    """Fetches under way, and what is known of objects that are not here.

    Args:
        cache_bytes: Memory for objects, those that are still coming included.
        policy: Which leaves first; S3-FIFO where None is given.
        disk: Asked before the source, and given what memory lets go; None: there is none.
        reserve: Asked before the disk; holds what was fetched ahead; None: there is none.
    """

    def __init__(
        self,
        cache_bytes: int,
        policy: Policy[str, Any] | None,
        disk: Disk | None,
        source: Source,
        clock: Clock,
        tally: Tally,
        reserve: Reserve | None = None,
    ) -> None:
        self.store = Store[Cached](cache_bytes, policy, on_evicted=self._left)
        self._disk = disk
        self._reserve = reserve
        self._source = source
        self._clock = clock
        self._tally = tally
        self._fills: dict[str, Fill] = {}
        self._fetches: dict[Fill, asyncio.Task[None]] = {}
        self._missing_until_ns: OrderedDict[str, int] = OrderedDict()
        self._oversize: OrderedDict[str, None] = OrderedDict()
        self._evicted = Ghosts()

    def under_way(self, path: str) -> Fill | None:
        """Return the fetch of an object, where there is one."""
        return self._fills.get(path)

    def start(self, path: str, miss: Miss | None, *, direct: bool = False, pace: Pace | None = None) -> Fill:
        """Begin to fetch an object.

        Args:
            miss: Why the viewer is here at all, where that is the reason.
            direct: Whether the origin is asked at once, because an edge asks us.
            pace: How fast, while no viewer waits.
        """
        fill = Fill(path, miss or self.reason(path), self._desert, pace)
        self._fills[path] = fill
        self._fetches[fill] = asyncio.get_running_loop().create_task(self._fetch(fill, direct=direct))
        return fill

    async def ahead(self, path: str, pace: Pace) -> tuple[Cached, bool]:
        """Return an object that nobody asks for now, and whether it had to be fetched.

        It does not enter memory, unless a viewer comes meanwhile, who joins.

        Raises:
            NotFound: it is gone.
            TooLarge: memory cannot take it while it comes.
            EngineUnavailable: the source failed.
            BodyCut: the source ended before it.
        """
        here = self.store.get(path)
        if here is not None:
            return here, False
        fill = self.under_way(path) or self.start(path, Miss.AHEAD, pace=pace)
        reader = FillReader(fill)
        try:
            what = await fill.opened()
            if what.size_bytes:
                await fill.ready(what.size_bytes - 1)
        finally:
            reader.leave()
        return self._cached(what, fill.body, self._clock.now()), fill.verdict is Verdict.FILL

    def moved(self, path: str) -> None:
        """Note that an object is on the reserve now, and need not be on the disk."""
        if self._disk is not None:
            self._disk.remove(path)

    def reason(self, path: str) -> Miss:
        """Return why an object is not here."""
        if self.store.get(path) is not None:
            return Miss.EXPIRED
        return Miss.CAPACITY if path in self._evicted else Miss.COLD

    def _left(self, path: str, cached: Cached) -> None:
        """Remember what made room, and keep it on disk where there is one."""
        self._evicted.remember(path, most=_GHOSTS)
        if self._disk is None or cached.until_ns is not None:
            return
        if self._reserve is None or path not in self._reserve:
            self._disk.keep(cached)

    def is_oversize(self, path: str) -> bool:
        """Tell whether an object is known to be too large to keep."""
        return path in self._oversize

    def is_missing(self, path: str) -> bool:
        """Tell whether the origin has just said that there is no such object."""
        until_ns = self._missing_until_ns.get(path)
        if until_ns is None:
            return False
        if self._clock.monotonic_ns() < until_ns:
            return True
        del self._missing_until_ns[path]
        return False

    def note_missing(self, path: str) -> None:
        """Remember for a moment that there is no such object."""
        for_s = MISSING_LIVE_S if is_live(path) else MISSING_S
        _remember(self._missing_until_ns, path, self._clock.monotonic_ns() + round(for_s * 1e9))
        self.store.remove(path)

    async def close(self) -> None:
        """Stop all fetches."""
        fetches = list(self._fetches.values())
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)

    def _desert(self, fill: Fill) -> None:
        """End a fetch at once: whoever comes now begins another."""
        if self._fills.get(fill.path) is fill:
            del self._fills[fill.path]
            self._fetches[fill].cancel()

    async def _fetch(self, fill: Fill, *, direct: bool) -> None:
        try:
            if not await self._from_disk(fill):
                await self._from_source(fill, direct=direct)
        except NotFound as error:
            self.note_missing(fill.path)
            fill.fail(error)
        except asyncio.CancelledError:
            fill.fail(BodyCut())
            raise
        except Exception as error:  # noqa: BLE001 - it is raised to each reader
            fill.fail(error)
        finally:
            del self._fetches[fill]
            if self._fills.get(fill.path) is fill:
                del self._fills[fill.path]

    async def _from_disk(self, fill: Fill) -> bool:
        found = None if self._reserve is None else await self._reserve.read(fill.path)
        if found is None and self._disk is not None:
            found = await self._disk.read(fill.path)
        if found is None:
            return False
        kept, content = found
        body = memoryview(content)
        fill.adopt(kept.representation, body, Verdict.DISK)
        if not _is_ahead(fill):
            self._put(kept.representation, body, Instant(kept.filled_at))
        return True

    async def _from_source(self, fill: Fill, *, direct: bool) -> None:
        stale = self.store.get(fill.path)
        try:
            answer = await self._ask(fill.path, stale, direct=direct)
            async with contextlib.aclosing(answer):
                if stale is not None and answer.status == 304:
                    fill.adopt(stale.representation, stale.body, Verdict.REVALIDATED)
                    self._put(stale.representation, stale.body, self._clock.now())
                    return
                representation = representation_of(fill.path, answer, self._source.origin_url)
                await self._take(fill, representation, answer)
        except EngineUnavailable as error:
            if stale is None or not self._extend(stale):
                raise
            _log.warning("edge.shown_stale", path=fill.path, code=error.code)
            fill.adopt(stale.representation, stale.body, Verdict.STALE)

    async def _ask(self, path: str, stale: Cached | None, *, direct: bool) -> OriginAnswer:
        if stale is None:
            return await self._source.ask("GET", path, direct=direct)
        etag = stale.representation.etag
        asking = self._source.ask("GET", path, {"If-None-Match": etag} if etag else None, direct=direct)
        try:
            return await within(self._clock, PATIENCE_S, asking)
        except TimeoutError as error:
            detail = (
                f"the origin {self._source.origin_url} took over {PATIENCE_S:g} s to say whether it holds"
            )
            raise OriginLate("delivery.origin_late", detail) from error

    def _extend(self, stale: Cached) -> bool:
        """Let what has expired hold for another moment; False where it is too old by now."""
        now_ns = self._clock.monotonic_ns()
        if now_ns - stale.filled_ns > (LIVE_S + STALE_S) * 1e9:
            return False
        until_ns = now_ns + round(LIVE_S * 1e9)
        what = stale.representation
        self.store.put(
            what.path, Cached(what, stale.body, stale.head, stale.filled_at, stale.filled_ns, until_ns)
        )
        return True

    async def _take(self, fill: Fill, representation: Representation, answer: OriginAnswer) -> None:
        size = representation.size_bytes
        if size > self.store.capacity_bytes // _LARGEST_SHARE:
            _remember(self._oversize, fill.path, None)
            raise TooLarge
        if not self.store.hold(size):
            raise TooLarge
        try:
            fill.open(representation)
            if not fill.wanted:
                raise BodyCut
            async for piece in answer:
                if fill.pace is not None:
                    await fill.pace(len(piece), fill.hurried)
                fill.append(piece)
                self._tally.fetched_bytes_by[fill.miss] += len(piece)
            if fill.received_bytes != size:
                raise BodyCut
        finally:
            self.store.release(size)
        if not _is_ahead(fill):
            self._put(representation, fill.body, self._clock.now())

    def _put(self, what: Representation, body: memoryview, filled_at: Instant) -> None:
        self.store.put(what.path, self._cached(what, body, filled_at))

    def _cached(self, what: Representation, body: memoryview, filled_at: Instant) -> Cached:
        head = media_head(what, Selection(200, 0, what.size_bytes), filled_at)
        age_s = max(0, self._clock.now() - filled_at) / 1e6
        filled_ns = self._clock.monotonic_ns() - round(age_s * 1e9)
        until_ns = filled_ns + round(LIVE_S * 1e9) if is_live(what.path) else None
        return Cached(what, body, head, filled_at, filled_ns, until_ns)


def _is_ahead(fill: Fill) -> bool:
    """Tell whether nobody but a plan has asked for it."""
    return fill.miss is Miss.AHEAD and not fill.hurried.is_set()


def _remember(memory: OrderedDict[str, V], key: str, value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
