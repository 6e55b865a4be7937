"""A route as data: what stands in the table, and what both ends are made of."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request

from bijou.ports import Principal, Role

MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one path, who may call it, what goes in and what comes out.

    Args:
        method: HTTP method.
        path: With parameters in braces: `/api/titles/{slug}`; `{key:path}` takes slashes.
        role: What the caller must be.
        summary: One sentence for the reference page.
        takes: Type of the JSON body, or None.
        query: Struct of query parameters, or None.
        gives: Type of the JSON answer; None where the handler answers by itself
            (bytes, events) or with nothing (204).
        status: Status of success.
        headers: Names and values that stand in every answer, refusals too.
        limit_bytes: Longest JSON body read.
        body_s: Seconds that it may take.
    """

    method: str
    path: str
    role: Role
    summary: str
    takes: Any = None
    query: Any = None
    gives: Any = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    limit_bytes: int = 1 << 20
    body_s: float = 10.0

    def bind(self, handler: "Handler") -> "Route":
        """Pair the declaration with the code that answers it."""
        return Route(endpoint=self, handler=handler)


class Call(msgspec.Struct, frozen=True):
    """One request, checked: the caller may, the body has its type.

    Args:
        path: Parameters of the path.
        body: An instance of the endpoint's `takes`, or None.
        query: An instance of the endpoint's `query`, or None.
        request: The raw request, for those who stream.
    """

    principal: Principal
    path: Mapping[str, str]
    body: Any
    query: Any
    request: Request

    @property
    def peer(self) -> str:
        """The caller's network address."""
        return self.request.client.host if self.request.client else ""


Handler = Callable[[Call], Awaitable[Any]]


class Route(msgspec.Struct, frozen=True):
    """An endpoint with its handler: one row of the table of routes.

    A handler returns a value of the endpoint's `gives`, or a Starlette response.
    """

    endpoint: Endpoint
    handler: Handler
