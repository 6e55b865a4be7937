"""Errors on the wire: RFC 9457 problem+json, one shape everywhere."""

import math

import msgspec
from starlette.responses import Response

from bijou.ports import BijouBug, BijouError, InvalidRequest, Problem
from bijou.runtime import codec

MEDIA_TYPE = "application/problem+json"


def problem_response(problem: Problem) -> Response:
    """Answer with a problem, and `Retry-After` where waiting helps."""
    headers = {"Cache-Control": "no-store"}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(problem.retry_after_s))
    return Response(codec.encode(problem), problem.status, headers, MEDIA_TYPE)


def read_problem(status: int, content: bytes, peer: str) -> BijouError:
    """Return the exception for a peer's unsuccessful answer, whatever its body is."""
    try:
        return BijouError.from_problem(codec.decode(content, Problem))
    except msgspec.DecodeError:
        return BijouBug("http.not_a_problem", f"{peer} answered {status} without saying why")


def invalid_body(error: Exception) -> InvalidRequest:
    """Say which part of a request body broke which rule."""
    return InvalidRequest("http.bad_body", f"the request body is not what this address takes: {error}")
