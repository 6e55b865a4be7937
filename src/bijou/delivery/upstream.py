"""The calling half: a small HTTP/1.1 client that keeps connections to one origin."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from bijou.delivery.line import RETRY_AFTER_S, Line, NotAnswered, OriginAnswer
from bijou.delivery.model import OriginFailed, OriginLate
from bijou.ports import Clock, EngineUnavailable, InvalidRequest

CONNECT_S: Final = 2.0

_KEPT_IDLE: Final = 32
_PORTS: Final = {"http": 80, "https": 443}

T = TypeVar("T")


class Upstream:
    """Fetches from one origin over connections that are kept.

    A kept connection may turn out to be closed: then, and only then, the
    request goes out once more, on a fresh one.

    Args:
        origin_url: `http://host:port` or `https://host:port`, with or without a path before `/media`.
        connections: Open at once; a fetch beyond them fails at once.
        name: By which a loop of edges is noticed (CDN-Loop, RFC 8586).
        query: Returns what is appended to each address, such as a token.
        trust: Whom certificates are believed of; None: whom the system trusts.

    Raises:
        InvalidRequest: `delivery.bad_origin_url`.
    """

    def __init__(
        self,
        origin_url: str,
        clock: Clock,
        *,
        connections: int = 256,
        name: str = "bijou",
        query: Callable[[], str] | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(origin_url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise InvalidRequest(
                "delivery.bad_origin_url", f"{origin_url!r} is no origin; it is like http://127.0.0.1:8801"
            )
        self.origin_url = origin_url
        self.clock = clock
        self.fetches = 0
        self._host, self._port = parts.hostname, parts.port or _PORTS[parts.scheme]
        self._tls = (trust or ssl.create_default_context()) if parts.scheme == "https" else None
        self._authority = parts.netloc.rpartition("@")[2]
        self._prefix = parts.path.rstrip("/")
        self._limit = connections
        self._name = name
        self._query = query
        self._lines: set[Line] = set()
        self._idle: list[Line] = []
        self._dialling = 0

    async def ask(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | None = None,
        *,
        direct: bool = False,  # noqa: ARG002 - there is no other way from here
    ) -> OriginAnswer:
        """Send one request and return when the answer's head is there.

        Raises:
            OriginFailed: `delivery.origin_unreachable`, `delivery.origin_untrusted`,
                `delivery.origin_failed`.
            OriginLate: `delivery.origin_late`.
            EngineUnavailable: `delivery.origin_busy`, too many fetches at once.
        """
        query = self._query() if self._query else ""
        target = f"{self._prefix}{path}?{query}" if query else f"{self._prefix}{path}"
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"Host: {self._authority}", f"CDN-Loop: {self._name}"]
        lines += [f"{name}: {value}" for name, value in (fields or {}).items()]
        request = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self.fetches += 1
        if self._idle:
            with contextlib.suppress(NotAnswered):
                return await self._idle.pop().ask(method, request)
        line = await self._dial()
        try:
            return await line.ask(method, request)
        except NotAnswered as error:
            raise self.failed("closed the connection without an answer") from error

    def expire(self, now_ns: int) -> None:
        """Give up on an origin that says nothing, and connections that nobody needs."""
        for line in tuple(self._lines):
            line.expire(now_ns)

    def close(self) -> None:
        """Drop all connections."""
        for line in tuple(self._lines):
            line.abort()

    def failed(self, what: str) -> OriginFailed:
        """Return the error that names the origin and what it did."""
        return OriginFailed(
            "delivery.origin_failed", f"the origin {self.origin_url} {what}", retry_after_s=RETRY_AFTER_S
        )

    async def _dial(self) -> Line:
        if len(self._lines) + self._dialling >= self._limit:
            detail = f"{self._limit} fetches from the origin run already; try again"
            raise EngineUnavailable("delivery.origin_busy", detail, retry_after_s=RETRY_AFTER_S)
        loop = asyncio.get_running_loop()
        self._dialling += 1
        try:
            connecting = loop.create_connection(lambda: Line(self), self._host, self._port, ssl=self._tls)
            _, line = await within(self.clock, CONNECT_S, connecting)
        except TimeoutError as error:
            detail = f"the origin {self.origin_url} took no connection within {CONNECT_S:g} s"
            raise OriginLate("delivery.origin_late", detail, retry_after_s=RETRY_AFTER_S) from error
        except ssl.SSLCertVerificationError as error:
            detail = (
                f"the origin {self.origin_url} shows a certificate that is not trusted here"
                f" ({error.verify_message}); name its authority in [tls] ca"
            )
            raise OriginFailed("delivery.origin_untrusted", detail, retry_after_s=RETRY_AFTER_S) from error
        except OSError as error:
            detail = (
                f"the origin {self.origin_url} takes no connection ({type(error).__name__}); is it running?"
            )
            raise OriginFailed("delivery.origin_unreachable", detail, retry_after_s=RETRY_AFTER_S) from error
        finally:
            self._dialling -= 1
        return line

    def gained(self, line: Line) -> None:
        """Note a connected line."""
        self._lines.add(line)

    def lost(self, line: Line) -> None:
        """Forget a line."""
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)

    def keep(self, line: Line) -> None:
        """Take a line that is free for another request."""
        if len(self._idle) < _KEPT_IDLE:
            self._idle.append(line)
        else:
            line.abort()


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns, or raise TimeoutError after `seconds` of the clock."""
    working = asyncio.ensure_future(work)
    patience = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({working, patience}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise TimeoutError
    finally:
        patience.cancel()
        working.cancel()
