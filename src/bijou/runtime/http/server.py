"""The serving end: routes become an ASGI application, and that a process."""

import asyncio
import functools
import hmac
import socket
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp

from bijou.ports import (
    ANONYMOUS,
    Authenticator,
    BijouBug,
    BijouError,
    Credentials,
    Forbidden,
    InvalidRequest,
    NotFound,
    Principal,
    Unauthenticated,
)
from bijou.runtime import codec
from bijou.runtime.http.endpoint import MUTATING, Call, Endpoint, Route
from bijou.runtime.http.guard import Bounds, Guarded
from bijou.runtime.http.problems import invalid_body, problem_response
from bijou.runtime.logs import get_logger

SESSION_COOKIE = "bijou_session"
CSRF_HEADER = "x-csrf-token"

_log = get_logger()


def service_app(routes: list[Route], authenticator: Authenticator | None = None) -> Starlette:
    """Build the ASGI application of a service from its table of routes.

    Each request is authenticated, then checked against the route's role, then
    (cookie and mutating) against its CSRF token, then its body is decoded, and
    only then the handler runs.

    Args:
        routes: The whole table; order matters as in Starlette.
        authenticator: Who knows callers; without one everybody is anonymous.
    """
    table = [
        StarletteRoute(
            route.endpoint.path,
            _Answer(route, authenticator),
            methods=[route.endpoint.method],
            include_in_schema=False,
        )
        for route in routes
    ]
    return Starlette(routes=table, exception_handlers={404: _no_such_address, 405: _wrong_method})


async def serve_app(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    stop: asyncio.Event,
    ready: Callable[[], None],
    listener: socket.socket | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008 - immutable
    trusted_proxies: Sequence[str] = (),
) -> None:
    """Serve until `stop` is set, then finish within half a second.

    Args:
        ready: Called once, when the port accepts connections.
        listener: A bound socket to take instead of `host` and `port`, for
            callers that must know a free port before anybody listens on it.
        bounds: What peers are granted.
        trusted_proxies: Addresses and networks of those who are believed about
            whom they call for (`X-Forwarded-For`, `X-Forwarded-Proto`).
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=functools.partial(Guarded, bounds=bounds),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=0.5,  # type: ignore[arg-type]
        timeout_keep_alive=30,
    )
    if (
        listener
    ):  # asyncio forgets it on a socket that was made without naming TCP; Nagle costs 40 ms an answer
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = _QuietServer(config, ready)
    serving = asyncio.create_task(server.serve([listener] if listener else None))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


class _QuietServer(uvicorn.Server):
    """Uvicorn without its own signal handlers; life cycle is the process's business."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    def capture_signals(self) -> Any:
        return _no_signals()


class _no_signals:  # noqa: N801 - a context manager used as a function
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


class _Answer:
    """The checks in front of one handler; an ASGI endpoint."""

    def __init__(self, route: Route, authenticator: Authenticator | None) -> None:
        self._route = route
        self._authenticator = authenticator

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        response = await self._respond(request)
        response.headers.update(dict(self._route.endpoint.headers))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        endpoint = self._route.endpoint
        try:
            principal = await self._admit(request)
            call = Call(
                principal=principal,
                path=request.path_params,
                body=await _body(request, endpoint),
                query=_query(request, endpoint),
                request=request,
            )
            value = await self._route.handler(call)
        except BijouError as error:
            if error.status >= 500:
                _log.warning("request.failed", path=request.url.path, code=error.code, detail=error.detail)
            return problem_response(error.problem())
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except Exception:  # noqa: BLE001 - a request's fault must not end the service
            _log.exception("request.crashed", method=request.method, path=request.url.path)
            bug = BijouBug("http.fault", "something broke on our side; it has been written to the log")
            return problem_response(bug.problem())
        return _success(endpoint, value)

    async def _admit(self, request: Request) -> Principal:
        endpoint = self._route.endpoint
        principal = ANONYMOUS
        if self._authenticator:
            principal = await self._authenticator.principal(credentials_of(request))
        if not principal.may(endpoint.role):
            if principal.id:
                raise Forbidden(
                    "http.role", f"this needs the role {endpoint.role}, which {principal.name} does not hold"
                )
            raise Unauthenticated(
                "http.sign_in", f"this needs someone with the role {endpoint.role}; sign in first"
            )
        by_cookie = bool(principal.csrf)
        if by_cookie and request.method in MUTATING:
            offered = request.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(offered.encode(), principal.csrf.encode()):
                raise Forbidden("http.csrf", "the X-CSRF-Token header is missing or stale; reload the page")
        return principal


def credentials_of(request: Request) -> Credentials:
    """Return what the request brought to say who sends it; a bearer wins over a cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return Credentials(bearer=token.strip())
    return Credentials(session=request.cookies.get(SESSION_COOKIE, ""))


async def _body(request: Request, endpoint: Endpoint) -> object:
    if endpoint.takes is None:
        return None
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise InvalidRequest("http.not_json", "this address takes JSON; send Content-Type: application/json")
    content = await _content(request, endpoint)
    try:
        return codec.decode(content, endpoint.takes)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise invalid_body(error) from error


async def _content(request: Request, endpoint: Endpoint) -> bytes:
    content = bytearray()
    try:
        async with asyncio.timeout(endpoint.body_s):
            async for piece in request.stream():
                content += piece
                if len(content) > endpoint.limit_bytes:
                    raise InvalidRequest(
                        "http.body_too_long", f"the request body is over {endpoint.limit_bytes} bytes"
                    )
    except TimeoutError:
        raise SlowBody(
            "http.slow_body", f"the request body did not come within {endpoint.body_s:g} s; send it again"
        ) from None
    return bytes(content)


class SlowBody(InvalidRequest):
    """The caller took too long to say what it wants."""

    status = 408
    title = "Request timeout"


def _query(request: Request, endpoint: Endpoint) -> object:
    if endpoint.query is None:
        return None
    try:
        return codec.convert(dict(request.query_params), endpoint.query)
    except (msgspec.ValidationError, ValueError) as error:
        raise InvalidRequest(
            "http.bad_query", f"the query is not what this address takes: {error}"
        ) from error


def _success(endpoint: Endpoint, value: object) -> Response:
    if isinstance(value, Response):
        return value
    if value is None and endpoint.gives is None:
        return Response(status_code=204)
    return Response(codec.encode(value), endpoint.status, {"Cache-Control": "no-store"}, "application/json")


async def _no_such_address(request: Request, _: Exception) -> Response:
    return problem_response(NotFound("http.no_address", f"nothing answers at {request.url.path}").problem())


async def _wrong_method(request: Request, _: Exception) -> Response:
    detail = f"{request.url.path} does not take {request.method}"
    problem = InvalidRequest("http.wrong_method", detail).problem()
    return problem_response(msgspec.structs.replace(problem, status=405, title="Method not allowed"))
