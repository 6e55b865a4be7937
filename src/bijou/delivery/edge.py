"""An edge: published media in memory, each object fetched once, streamed while it comes."""

import asyncio
import contextlib
from collections import OrderedDict
from typing import Final, TypeVar

import msgspec
import structlog

import bijou
from bijou.delivery.answers import Answer, cache_fields, media_head, problem_answer, refusal_answer
from bijou.delivery.api import EdgeHealth, EdgeStatistics, SentBytes
from bijou.delivery.doors import answer_at_door
from bijou.delivery.fill import Fill, FillReader, TooLarge
from bijou.delivery.handed_on import CONDITION_FIELDS, hand_on, representation_of
from bijou.delivery.line import OriginAnswer
from bijou.delivery.model import BodyCut, Representation, Verdict
from bijou.delivery.selection import CONDITIONS, Selection, select
from bijou.delivery.store import Store
from bijou.delivery.tally import Tally
from bijou.delivery.upstream import Upstream
from bijou.delivery.wire import Refusal, Request
from bijou.ports import BijouBug, BijouError, Clock, Instant, NotFound

MISSING_S: Final = 2.0
"""Seconds that an absence is believed."""

_REMEMBERED: Final = 4096
_LARGEST_SHARE: Final = 4

V = TypeVar("V")

_log = structlog.get_logger()


class Cached(msgspec.Struct, frozen=True):
    """One object in memory, with the head of the usual answer made already."""

    representation: Representation
    body: memoryview
    head: bytes
    filled_at: Instant
    filled_ns: int


class Edge:
    """Answers requests for media from memory, and from one origin.

    An object that takes more than a quarter of the memory is not kept, only
    handed on. Objects are immutable, so none is ever checked again.

    Args:
        cache_bytes: Memory for objects, those that are still coming included.
    """

    def __init__(self, *, region: str, upstream: Upstream, cache_bytes: int, clock: Clock) -> None:
        self.tally = Tally()
        self._region = region
        self._upstream = upstream
        self._clock = clock
        self._store = Store[Cached](cache_bytes)
        self._fills: dict[str, Fill] = {}
        self._fetches: dict[Fill, asyncio.Task[None]] = {}
        self._missing_until_ns: OrderedDict[str, int] = OrderedDict()
        self._oversize: OrderedDict[str, None] = OrderedDict()

    def at_once(self, request: Request) -> Answer | None:
        """Answer from memory, and whatever is not media."""
        found = self._store.get(request.path)
        if found is not None and request.method != "OPTIONS":
            return self._hit(request, found)
        answer = answer_at_door(request, self.health, self._clock.now())
        if answer is None and self._known_missing(request.path):
            return self._missing(request, Verdict.HIT)
        return answer

    async def later(self, request: Request) -> Answer:
        """Answer media that are not here."""
        fill = self._fills.get(request.path)
        verdict = Verdict.JOINED if fill else Verdict.FILL
        try:
            if request.method == "GET" and request.path not in self._oversize:
                with contextlib.suppress(TooLarge):
                    return await self._from_fill(request, fill or self._start(request.path), verdict)
            verdict = Verdict.PASS
            return await self._pass(request)
        except NotFound:
            return self._missing(request, verdict)
        except BijouError as error:
            if verdict is not Verdict.JOINED:  # one line a fetch, not one a viewer
                _log.warning("edge.origin_failed", path=request.path, code=error.code, detail=error.detail)
            problem = error.problem()
        except Exception:  # noqa: BLE001 - the last one who can answer
            _log.exception("edge.crashed", path=request.path)
            problem = BijouBug(
                "delivery.fault", "something broke on our side; it has been written to the log"
            ).problem()
        return problem_answer(problem, request.method, self._clock.now(), verdict)

    def refused(self, refusal: Refusal) -> Answer:
        """Answer bytes that are no request."""
        return refusal_answer(refusal, self._clock.now())

    def statistics(self) -> EdgeStatistics:
        """Return what was done since the start."""
        tally = self.tally
        return EdgeStatistics(
            requests=tally.requests,
            hits=tally.requests_by[Verdict.HIT],
            fills=tally.requests_by[Verdict.FILL],
            joined=tally.requests_by[Verdict.JOINED],
            passed=tally.requests_by[Verdict.PASS],
            hit_ratio=round(tally.hit_ratio, 4),
            sent_bytes=SentBytes(
                hit=tally.sent_bytes_by[Verdict.HIT],
                fill=tally.sent_bytes_by[Verdict.FILL],
                joined=tally.sent_bytes_by[Verdict.JOINED],
                passed=tally.sent_bytes_by[Verdict.PASS],
            ),
            origin_fetches=self._upstream.fetches,
            objects=len(self._store),
            cached_bytes=self._store.used_bytes,
            evictions=self._store.evictions,
            connections=tally.connections,
        )

    def health(self) -> EdgeHealth:
        """Return what `/healthz` answers."""
        return EdgeHealth(
            "edge", bijou.__version__, healthy=True, region=self._region, statistics=self.statistics()
        )

    async def close(self) -> None:
        """Stop all fetches."""
        fetches = list(self._fetches.values())
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        self._upstream.close()

    def _hit(self, request: Request, found: Cached) -> Answer:
        age_s = (self._clock.monotonic_ns() - found.filled_ns) // 1_000_000_000
        fields = cache_fields(Verdict.HIT, age_s)
        if request.method == "GET" and CONDITIONS.isdisjoint(request.fields):
            return Answer(200, found.head + fields, len(found.body), found.body, verdict=Verdict.HIT)
        selection = select(request.method, request.fields, found.representation)
        head = media_head(found.representation, selection, found.filled_at) + fields
        body = found.body[selection.start : selection.stop] if request.method == "GET" else b""
        return Answer(selection.status, head, len(body), body, verdict=Verdict.HIT)

    async def _from_fill(self, request: Request, fill: Fill, verdict: Verdict) -> Answer:
        reader = FillReader(fill)
        try:
            representation = await fill.opened()
        except BaseException:
            reader.leave()
            raise
        selection = select("GET", request.fields, representation)
        head = media_head(representation, selection, self._clock.now()) + cache_fields(verdict)
        if not selection.size_bytes:
            reader.leave()
            return Answer(selection.status, head, verdict=verdict)
        reader.seek(selection.start, selection.stop)
        return Answer(selection.status, head, selection.size_bytes, pieces=reader, verdict=verdict)

    async def _pass(self, request: Request) -> Answer:
        fields = {
            name: request.fields[name.lower().encode()].decode("latin-1")
            for name in CONDITION_FIELDS
            if name.lower().encode() in request.fields
        }
        answer = await self._upstream.ask(request.method, request.path, fields)
        try:
            return hand_on(request, answer, self._clock.now(), self._upstream.origin_url)
        except NotFound:
            self._note_missing(request.path)
            await answer.aclose()
            raise
        except BaseException:
            await answer.aclose()
            raise

    def _start(self, path: str) -> Fill:
        fill = Fill(path, self._desert)
        self._fills[path] = fill
        self._fetches[fill] = asyncio.get_running_loop().create_task(self._fetch(fill))
        return fill

    def _desert(self, fill: Fill) -> None:
        """End a fetch at once: whoever comes now begins another."""
        if self._fills.get(fill.path) is fill:
            del self._fills[fill.path]
            self._fetches[fill].cancel()

    async def _fetch(self, fill: Fill) -> None:
        try:
            async with contextlib.aclosing(await self._upstream.ask("GET", fill.path)) as answer:
                representation = representation_of(fill.path, answer, self._upstream.origin_url)
                await self._take(fill, representation, answer)
        except NotFound as error:
            self._note_missing(fill.path)
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

    async def _take(self, fill: Fill, representation: Representation, answer: OriginAnswer) -> None:
        size = representation.size_bytes
        if size > self._store.capacity_bytes // _LARGEST_SHARE:
            _remember(self._oversize, fill.path, None)
            raise TooLarge
        if not self._store.hold(size):
            raise TooLarge
        try:
            fill.open(representation)
            if not fill.wanted:
                raise BodyCut
            async for piece in answer:
                fill.append(piece)
            if fill.received_bytes != size:
                raise BodyCut
        finally:
            self._store.release(size)
        now, now_ns = self._clock.now(), self._clock.monotonic_ns()
        head = media_head(representation, Selection(200, 0, size), now)
        self._store.put(fill.path, Cached(representation, fill.body, head, now, now_ns), size)

    def _known_missing(self, path: str) -> bool:
        until_ns = self._missing_until_ns.get(path)
        if until_ns is None:
            return False
        if self._clock.monotonic_ns() < until_ns:
            return True
        del self._missing_until_ns[path]
        return False

    def _note_missing(self, path: str) -> None:
        _remember(self._missing_until_ns, path, self._clock.monotonic_ns() + round(MISSING_S * 1e9))

    def _missing(self, request: Request, verdict: Verdict) -> Answer:
        missing = NotFound("delivery.no_media", f"there is no {request.path}")
        return problem_answer(missing.problem(), request.method, self._clock.now(), verdict)


def _remember(memory: OrderedDict[str, V], key: str, value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
