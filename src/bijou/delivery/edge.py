"""An edge: published media in memory, each object fetched once, streamed while it comes."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import bijou
from bijou.algorithms.caches import Policy
from bijou.delivery import cmcd
from bijou.delivery.answers import Answer, cache_fields, media_head, problem_answer, refusal_answer
from bijou.delivery.api import EdgeHealth, EdgeStatistics
from bijou.delivery.cached import Cached
from bijou.delivery.counting import edge_statistics
from bijou.delivery.disk import Disk
from bijou.delivery.doors import answer_at_door
from bijou.delivery.fetching import Fetching
from bijou.delivery.fill import Fill, FillReader, TooLarge
from bijou.delivery.gate import Entered, Gate
from bijou.delivery.handed_on import CONDITION_FIELDS, hand_on
from bijou.delivery.model import MEDIA_PREFIX, Miss, Representation, Verdict, begins_a_session
from bijou.delivery.ready import Ready
from bijou.delivery.reserve import Reserve
from bijou.delivery.selection import CONDITIONS, select
from bijou.delivery.shields import Source
from bijou.delivery.steering import Steerer, SteeringStatistics
from bijou.delivery.tally import Tally
from bijou.delivery.tokens import TokenKeys, TokenRefused
from bijou.delivery.wire import Refusal, Request
from bijou.ports import BijouBug, BijouError, Clock, EngineUnavailable, NotFound
from bijou.runtime.logs import get_logger

CROWDED: Final = 0.9
"""Share of the connections from which on sessions that begin are turned away."""

_log = get_logger()


class Witness(Protocol):
    """Whoever wants to know who asked for what, such as a policy of eviction."""

    def asked(self, path: str, session: str, then: str) -> None:
        """Note that a session asked for an object, and what it says it asks for next, or empty."""
        ...


class Counting(Protocol):
    """Whoever counts what is asked for, so that fills can be planned from it."""

    def asked(self, path: str, size_bytes: int) -> None:
        """Count a request for an object of that size, which is served."""
        ...


class Edge:
    """Answers requests for media from memory, from disk, and from one source.

    An object that takes more than a quarter of the memory is not kept, only
    handed on. Objects are immutable, so none is ever checked again; playlists
    that still grow are checked once a second, and shown for half a minute more
    where the origin fails.

    Args:
        cache_bytes: Memory for objects, those that are still coming included.
        connections: Served at once; when nine of ten are taken, sessions that
            begin are turned away, so that those that play go on.
        keys: Of the tokens that requests must show; None: everybody is let in.
        disk: Opened already; None: what leaves memory is gone.
        policy: Which object leaves memory first; S3-FIFO where None is given.
        witness: Told which sessions ask for what.
        steerer: Answers players who ask which edge to use; None: nobody does here.
        reserve: What was fetched ahead; None: nothing is.
    """

    def __init__(
        self,
        *,
        region: str,
        upstream: Source,
        cache_bytes: int,
        clock: Clock,
        connections: int = 10_000,
        keys: TokenKeys | None = None,
        disk: Disk | None = None,
        policy: Policy[str, Any] | None = None,
        witness: Witness | None = None,
        steerer: Steerer | None = None,
        reserve: Reserve | None = None,
    ) -> None:
        self.tally = Tally()
        self.doors: dict[str, Callable[[Request], Awaitable[Answer]]] = {}
        self.ledger: Counting | None = None
        self._region = region
        self._upstream = upstream
        self._clock = clock
        self._gate = None if keys is None else Gate(keys, region)
        self._disk = disk
        self._policy = policy
        self._witness = witness
        self._steerer = steerer
        self._reserve = reserve
        self.fetching = Fetching(cache_bytes, policy, disk, upstream, clock, self.tally, reserve)
        self._store = self.fetching.store
        self._ready = Ready(self._store.get, keys, self.tally, None if steerer is None else steerer.ready)
        self.ready = self._ready.answer
        self._crowded = connections * CROWDED

    def at_once(self, request: Request) -> Answer | None:
        """Answer from memory, and whatever is not media."""
        path = request.path
        if self._steerer is not None and not path.startswith(MEDIA_PREFIX):
            steered = self._steerer.answer(request)
            if steered is not None:
                return steered
        if self._gate is not None:
            try:
                path = self._gate.path_of(request)
            except TokenRefused as refused:
                return self._refuse(request, refused)
        if self.tally.connections > self._crowded and begins_a_session(path):
            return self._shed(request)
        found = self._fresh(path)
        if found is not None and request.method != "OPTIONS":
            if self._witness is not None:
                self._watched(request, path)
            return self._hit(request, found)
        if request.path in self.doors:
            return None
        answer = answer_at_door(request, path, self.health, self._clock.now(), self._gate)
        missing = answer is None and self.fetching.is_missing(path)
        return self._missing(request, path, Verdict.HIT) if missing else answer

    async def later(self, request: Request) -> Answer:
        """Answer media that are not here, and calls of services."""
        door = self.doors.get(request.path, self._media)
        return await door(request)

    async def _media(self, request: Request) -> Answer:
        try:
            entered = Entered(request.path) if self._gate is None else self._gate.enter(request)
        except TokenRefused as refused:  # it expired since `at_once` looked
            return self._refuse(request, refused)
        if self._witness is not None:
            self._watched(request, entered.path)
        found = self._fresh(entered.path)
        if found is not None:  # it came since `at_once` looked
            return self._hit(request, found)
        verdict = Verdict.PASS
        try:
            if request.method == "GET" and not self.fetching.is_oversize(entered.path):
                fill = self.fetching.under_way(entered.path)
                verdict = Verdict.JOINED if fill else Verdict.FILL
                with contextlib.suppress(TooLarge):
                    return await self._from_fill(request, fill or self._start(request, entered), verdict)
            verdict = Verdict.PASS
            return await self._pass(request, entered)
        except NotFound:
            return self._missing(request, entered.path, verdict)
        except BijouError as error:
            if verdict is not Verdict.JOINED:  # one line a fetch, not one a viewer
                _log.warning("edge.origin_failed", path=entered.path, code=error.code, detail=error.detail)
            problem = error.problem()
        except Exception:  # noqa: BLE001 - the last one who can answer
            _log.exception("edge.crashed", path=entered.path)
            problem = BijouBug(
                "delivery.fault", "something broke on our side; it has been written to the log"
            ).problem()
        return problem_answer(problem, request.method, self._clock.now(), verdict)

    @property
    def is_crowded(self) -> bool:
        """Whether sessions that begin are turned away now."""
        return self.tally.connections > self._crowded

    def refused(self, refusal: Refusal) -> Answer:
        """Answer bytes that are no request."""
        self.tally.refused_by[refusal.code] += 1
        return refusal_answer(refusal, self._clock.now())

    def statistics(self) -> EdgeStatistics:
        """Return what was done since the start."""
        name = type(self._policy).__name__ if self._policy else "S3Fifo"
        return edge_statistics(
            self.tally, self._store, self._disk, self._reserve, self._upstream.fetches, name
        )

    def health(self) -> EdgeHealth:
        """Return what `/healthz` answers."""
        return EdgeHealth(
            "edge",
            bijou.__version__,
            healthy=True,
            region=self._region,
            statistics=self.statistics(),
            pathways=[] if self._steerer is None else self._steerer.pathways.status(),
            steering=SteeringStatistics() if self._steerer is None else self._steerer.statistics(),
        )

    async def close(self) -> None:
        """Stop all fetches."""
        await self.fetching.close()
        self._upstream.close()
        if self._disk is not None:
            await self._disk.close()

    def _fresh(self, path: str) -> Cached | None:
        found = self._store.get(path)
        if found is None or found.until_ns is None or self._clock.monotonic_ns() < found.until_ns:
            return found
        return None

    def _hit(self, request: Request, found: Cached) -> Answer:
        counted = request.method == "GET" and self._count(found.representation)
        age_s = (self._clock.monotonic_ns() - found.filled_ns) // 1_000_000_000
        fields = cache_fields(Verdict.HIT, age_s)
        if request.method == "GET" and CONDITIONS.isdisjoint(request.fields):
            head = found.head + fields
            if not counted:
                self._ready.keep(found, head, age_s)
            return Answer(200, head, len(found.body), found.body, verdict=Verdict.HIT)
        selection = select(request.method, request.fields, found.representation)
        head = media_head(found.representation, selection, found.filled_at) + fields
        body = found.body[selection.start : selection.stop] if request.method == "GET" else b""
        return Answer(selection.status, head, len(body), body, verdict=Verdict.HIT)

    def _start(self, request: Request, entered: Entered) -> Fill:
        return self.fetching.start(entered.path, entered.miss, direct=b"cdn-loop" in request.fields)

    async def _from_fill(self, request: Request, fill: Fill, verdict: Verdict) -> Answer:
        if verdict is Verdict.JOINED and self._is_own(request):
            raise TooLarge  # we asked ourselves: to wait for our own answer would be for ever
        reader = FillReader(fill)
        try:
            representation = await fill.opened()
        except BaseException:
            reader.leave()
            raise
        self._count(representation)
        if verdict is Verdict.FILL:
            verdict = fill.verdict
        miss = fill.miss if fill.verdict is Verdict.FILL else None
        selection = select("GET", request.fields, representation)
        head = media_head(representation, selection, self._clock.now()) + cache_fields(verdict)
        if not selection.size_bytes:
            reader.leave()
            return Answer(selection.status, head, verdict=verdict, miss=miss)
        reader.seek(selection.start, selection.stop)
        return Answer(selection.status, head, selection.size_bytes, pieces=reader, verdict=verdict, miss=miss)

    def _count(self, what: Representation) -> bool:
        """Tell the ledger of a segment that is served, where there is one."""
        if self.ledger is None or not what.path.endswith(".m4s"):
            return False
        self.ledger.asked(what.path, what.size_bytes)
        return True

    def _is_own(self, request: Request) -> bool:
        names = request.fields.get(b"cdn-loop", b"").split(b",")
        return self._region.encode() in {name.strip() for name in names}

    async def _pass(self, request: Request, entered: Entered) -> Answer:
        fields = {
            name: request.fields[name.lower().encode()].decode("latin-1")
            for name in CONDITION_FIELDS
            if name.lower().encode() in request.fields
        }
        direct = b"cdn-loop" in request.fields
        answer = await self._upstream.ask(request.method, entered.path, fields, direct=direct)
        try:
            handed = hand_on(request, entered.path, answer, self._clock.now(), self._upstream.origin_url)
        except NotFound:
            self.fetching.note_missing(entered.path)
            await answer.aclose()
            raise
        except BaseException:
            await answer.aclose()
            raise
        handed.miss = entered.miss or (
            Miss.CAPACITY if request.method == "GET" else self.fetching.reason(entered.path)
        )
        self.tally.fetched_bytes_by[handed.miss] += handed.size_bytes
        return handed

    def _watched(self, request: Request, path: str) -> None:
        assert self._witness is not None
        said = cmcd.read(request)
        if said.session:
            self._witness.asked(path, said.session, said.next_path(path))

    def _refuse(self, request: Request, refused: TokenRefused) -> Answer:
        self.tally.refused_by[refused.code] += 1
        return problem_answer(refused.problem(), request.method, self._clock.now())

    def _shed(self, request: Request) -> Answer:
        self.tally.shed += 1
        full = EngineUnavailable(
            "delivery.no_new_sessions",
            "this edge is nearly full and begins no sessions; try another",
            retry_after_s=2.0,
        )
        return problem_answer(full.problem(), request.method, self._clock.now())

    def _missing(self, request: Request, path: str, verdict: Verdict) -> Answer:
        missing = NotFound("delivery.no_media", f"there is no {path}")
        return problem_answer(missing.problem(), request.method, self._clock.now(), verdict)
