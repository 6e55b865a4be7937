"""The listening half that origin and edge share: who is connected, since when, how many."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from bijou.delivery.answers import Answer, problem_answer
from bijou.delivery.connection import Connection
from bijou.delivery.gate import without_token
from bijou.delivery.model import Verdict
from bijou.delivery.steering.state import STEER_PREFIX
from bijou.delivery.tally import Tally
from bijou.delivery.turns import Turns
from bijou.delivery.wire import Refusal, Request
from bijou.ports import Clock, EngineUnavailable
from bijou.runtime.logs import get_logger

DRAIN_S: Final = 0.5
_SWEEP_S: Final = 1.0
_BACKLOG: Final = 4096
_FETCHED: Final = frozenset({Verdict.FILL, Verdict.PASS})


class Site(Protocol):
    """What answers requests; knows nothing of sockets."""

    tally: Tally

    def ready(self, asked: bytes, now_ns: int) -> bytes | None:
        """Return a whole answer that lies ready, counted already; None: the request is to be read.

        Args:
            asked: Method and target, as sent, of a request that is HTTP/1.1, has a Host
                and no field that changes what is answered.
        """
        ...

    def at_once(self, request: Request) -> Answer | None:
        """Answer without waiting; None where that cannot be done."""
        ...

    async def later(self, request: Request) -> Answer:
        """Answer what `at_once` did not; raises nothing."""
        ...

    def refused(self, refusal: Refusal) -> Answer:
        """Answer bytes that are no request."""
        ...


class Expiring(Protocol):
    """Something that looks at the time now and then."""

    def expire(self, now_ns: int) -> None:
        """Give up whatever has waited for too long."""
        ...


class Server:
    """The connections of one site.

    Args:
        idle_s: Seconds after which a connection is closed on which nothing
            moves: no request begins, or no byte of an answer is taken.
        connections: Served at once. As many again are told so with 503 when
            they ask; those beyond are reset.
        posts: Paths that take a POST, each with the longest body that it takes.
    """

    def __init__(
        self,
        site: Site,
        clock: Clock,
        *,
        idle_s: float,
        connections: int,
        posts: Mapping[str, int] | None = None,
    ) -> None:
        self.site = site
        self.posts = posts or {}
        self._peered = (*self.posts, STEER_PREFIX) if posts else ()
        self.clock = clock
        self.idle_s = idle_s
        self.draining = False
        self.turns = Turns(_soon)
        self._limit = connections
        self._open: set[Connection] = set()
        self._empty = asyncio.Event()
        # Bound and asked once: at info a line is written for each fetch, at debug one for each request.
        self._log = get_logger("bijou.delivery").bind()
        self._logs_all = self._log.is_enabled_for(logging.DEBUG)
        self.ready = None if self._logs_all else site.ready
        self._logs_misses = self._log.is_enabled_for(logging.INFO)

    def wants_peer(self, path: str) -> bool:
        """Tell whether it matters to the site who asks for a path: where players say what they see."""
        return path.startswith(self._peered)

    @property
    def connections(self) -> frozenset[Connection]:
        """Those open now."""
        return frozenset(self._open)

    def connection(self) -> Connection:
        """Make the protocol of a new connection."""
        return Connection(self)

    def opened(self, connection: Connection) -> bool:
        """Note a connection; tell whether it is one too many."""
        self._open.add(connection)
        self.site.tally.connections = len(self._open)
        self._empty.clear()
        if len(self._open) > 2 * self._limit:
            connection.abort()
        elif self.draining:
            connection.drain()
        return len(self._open) > self._limit

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open.discard(connection)
        self.site.tally.connections = len(self._open)
        if not self._open:
            self._empty.set()

    def turned_away(self, request: Request) -> Answer:
        """Answer one of too many connections."""
        full = EngineUnavailable(
            "delivery.too_many_connections",
            f"{self._limit} connections are served at once; try again",
            retry_after_s=1,
        )
        answer = problem_answer(full.problem(), request.method, self.clock.now())
        answer.close = True
        return answer

    def answered(self, request: Request, answer: Answer | None, sent_bytes: int, took_ns: int) -> None:
        """Count and log one request; without an answer, its peer left before there was one."""
        if answer is not None:
            self.site.tally.count(answer, sent_bytes)
        if self._logs_all or (self._logs_misses and answer is not None and answer.verdict in _FETCHED):
            self._log_request(request, answer, sent_bytes, took_ns)

    def _log_request(self, request: Request, answer: Answer | None, sent_bytes: int, took_ns: int) -> None:
        self._log.log(
            logging.DEBUG if self._logs_all else logging.INFO,
            "request",
            method=request.method,
            path=without_token(request.path),
            status=answer.status if answer else 499,
            sent_bytes=sent_bytes,
            cache=answer.verdict if answer else None,
            miss=answer.miss if answer else None,
            took_s=took_ns / 1e9,
        )

    def expire(self, now_ns: int) -> None:
        """Close connections whose peers have kept them waiting for too long."""
        for connection in tuple(self._open):
            connection.expire(now_ns)

    async def drain(self, within_s: float = DRAIN_S) -> None:
        """End all connections: answers in progress may finish, for a moment."""
        self.draining = True
        if not self._open:
            return
        for connection in tuple(self._open):
            connection.drain()
        patience = asyncio.ensure_future(self.clock.sleep(within_s))
        emptied = asyncio.ensure_future(self._empty.wait())
        await asyncio.wait({patience, emptied}, return_when=asyncio.FIRST_COMPLETED)
        patience.cancel()
        for connection in tuple(self._open):
            connection.abort()
        await emptied


def _soon(act: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(act)


async def serve(
    server: Server,
    host: str,
    port: int,
    *,
    watched: Sequence[Expiring] = (),
    stop: asyncio.Event,
    ready: Callable[[int], None],
    drain_s: float = DRAIN_S,
) -> None:
    """Listen until `stop` is set, then end within `drain_s`.

    Args:
        drain_s: Seconds that answers in progress have to finish.
        watched: What else is to look at the time, once a second.
        ready: Called once with the port that accepts connections.
    """
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(server.connection, host, port, reuse_address=True, backlog=_BACKLOG)
    sweeping = asyncio.create_task(_sweep(server.clock, [server, *watched]))
    try:
        ready(listening.sockets[0].getsockname()[1])
        await stop.wait()
    finally:
        listening.close()
        await server.drain(drain_s)
        sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeping
        await listening.wait_closed()


async def _sweep(clock: Clock, expiring: Sequence[Expiring]) -> None:
    while True:
        await clock.sleep(_SWEEP_S)
        now_ns = clock.monotonic_ns()
        for each in expiring:
            each.expire(now_ns)
