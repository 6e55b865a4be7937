"""Version N beside N+1 and N-1: a wire on which the peer is another version.

A newer peer sends fields that we have never heard of; an older one leaves out
fields that were added since, which all have defaults. `Neighbour` makes every
JSON object that crosses it look like both at once, in both directions: each
Struct loses the fields that are equal to their defaults, and gains a stranger.
"""

import json
import re
from typing import Any

import httpx
import msgspec
from msgspec import inspect

from bijou.ports import Problem
from bijou.runtime import codec
from bijou.runtime.http import Endpoint

STRANGER = {"x_of_the_next_version": {"deep": [1, "two", None]}}


def aged(value: Any, kind: Any) -> Any:
    """Return plain JSON of `kind` as a peer of another version would write it."""
    return _aged(value, inspect.type_info(kind))


def _aged(value: Any, kind: inspect.Type) -> Any:
    match kind:
        case inspect.UnionType():
            return next((_aged(value, each) for each in kind.types if _holds(each, value)), value)
        case inspect.StructType():
            return _aged_struct(value, kind)
        case inspect.ListType():
            return [_aged(each, kind.item_type) for each in value]
        case inspect.DictType():
            return {key: _aged(each, kind.value_type) for key, each in value.items()}
        case _:
            return value


def _aged_struct(value: dict[str, Any], kind: inspect.StructType) -> dict[str, Any]:
    kept = dict(STRANGER)
    if kind.tag_field in value:
        kept[kind.tag_field] = value[kind.tag_field]
    for field in kind.fields:
        if field.encode_name not in value:
            continue
        there = value[field.encode_name]
        if field.required or there != _default(field):
            kept[field.encode_name] = _aged(there, field.type)
    return kept


def _default(field: inspect.Field) -> Any:
    made = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return json.loads(codec.encode(made))


def _holds(kind: inspect.Type, value: Any) -> bool:
    if isinstance(kind, inspect.NoneType):
        return value is None
    if isinstance(kind, inspect.StructType) and kind.tag_field and isinstance(value, dict):
        return bool(value.get(kind.tag_field) == kind.tag)
    return isinstance(value, dict) == isinstance(kind, inspect.StructType | inspect.DictType)


class Neighbour(httpx.AsyncBaseTransport):
    """A transport behind which a peer of another version seems to be.

    Args:
        endpoints: What the peer serves; they tell the types of bodies.
        inner: The transport that reaches it.
    """

    def __init__(self, endpoints: list[Endpoint], inner: httpx.AsyncBaseTransport) -> None:
        self.aged_bodies = 0
        self._endpoints = endpoints
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        endpoint = self._endpoint_of(request)
        if endpoint.takes is not None:
            request = self._rewritten(request, endpoint.takes, await request.aread())
        response = await self._inner.handle_async_request(request)
        content = await response.aread()
        kind = Problem if response.status_code >= 400 else _answer_kind(endpoint, request)
        if content and kind is not None:
            content = self._age(content, kind)
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        return httpx.Response(response.status_code, headers=headers, content=content)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _rewritten(self, request: httpx.Request, kind: Any, content: bytes) -> httpx.Request:
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        body = self._age(content, kind)
        return httpx.Request(
            request.method, request.url, headers=headers, content=body, extensions=request.extensions
        )

    def _age(self, content: bytes, kind: Any) -> bytes:
        self.aged_bodies += 1
        return json.dumps(aged(json.loads(content), kind)).encode()

    def _endpoint_of(self, request: httpx.Request) -> Endpoint:
        for endpoint in self._endpoints:
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(endpoint.path))
            if endpoint.method == request.method and re.fullmatch(pattern, request.url.path):
                return endpoint
        raise LookupError(f"no endpoint declares {request.method} {request.url.path}")


def _answer_kind(endpoint: Endpoint, request: httpx.Request) -> Any:
    """Return the answer's type; sign-in has a second form, which its query asks for."""
    from bijou.accounts.http import SIGN_IN, SIGN_IN_FOR_TOKEN  # noqa: PLC0415 - the one exception

    asks_for_token = endpoint is SIGN_IN and request.url.params.get("token") == "true"
    return SIGN_IN_FOR_TOKEN.gives if asks_for_token else endpoint.gives
