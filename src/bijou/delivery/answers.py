"""Heads of answers: status lines, fields, problems."""

import functools
import math
from http import HTTPStatus
from typing import Final

import msgspec

from bijou.delivery.dates import http_date
from bijou.delivery.model import LIVE_S, Miss, Pieces, Representation, Verdict, content_type, is_live
from bijou.delivery.selection import Selection
from bijou.delivery.wire import Fields, Refusal
from bijou.ports import Instant, Problem
from bijou.runtime import codec

PREFLIGHT_AGE_S: Final = 86400
ALLOWED_HEADERS: Final = (
    "CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status, If-Modified-Since, If-None-Match, If-Range, Range"
)
STALE_S: Final = 30.0
"""Seconds that what has expired may still be shown where the origin fails."""

_OPEN: Final = (
    b"Access-Control-Allow-Origin: *\r\n"
    b"Access-Control-Expose-Headers: "
    b"Accept-Ranges, Age, Content-Length, Content-Range, Date, ETag, Retry-After, X-Cache\r\n"
    b"Cross-Origin-Resource-Policy: cross-origin\r\n"
    b"Timing-Allow-Origin: *\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
)
_IMMUTABLE: Final = b"Accept-Ranges: bytes\r\nCache-Control: public, max-age=31536000, immutable\r\n"
_LIVE: Final = b"Accept-Ranges: bytes\r\nCache-Control: public, max-age=%d, stale-if-error=%d\r\n" % (
    LIVE_S,
    STALE_S,
)
_NOT_KEPT: Final = b"Cache-Control: no-store\r\n"
_ALLOW: Final = b"Allow: GET, HEAD, OPTIONS\r\n"
_PREFLIGHT: Final = (
    b"Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"
    b"Access-Control-Allow-Headers: %s\r\n"
    b"Access-Control-Max-Age: %d\r\n" % (ALLOWED_HEADERS.encode(), PREFLIGHT_AGE_S)
)
_ALLOW_REPORTS: Final = b"Allow: GET, HEAD, OPTIONS, POST\r\n"
_PREFLIGHT_REPORTS: Final = (
    b"Access-Control-Allow-Methods: GET, HEAD, OPTIONS, POST\r\n"
    b"Access-Control-Allow-Headers: %s, Content-Type\r\n"
    b"Access-Control-Max-Age: %d\r\n" % (ALLOWED_HEADERS.encode(), PREFLIGHT_AGE_S)
)
_FACTS: Final = tuple((name, name.lower().encode()) for name in ("Content-Range", "ETag", "Last-Modified"))
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in HTTPStatus
    if status is not HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
} | {431: b"HTTP/1.1 431 Request Header Fields Too Large\r\n"}
_TITLES: Final = {
    400: "Bad request",
    405: "Method not allowed",
    408: "Request timeout",
    413: "Request body too long",
    431: "Request head too long",
    505: "HTTP version not supported",
}


class Answer(msgspec.Struct):
    """What is sent for one request.

    Args:
        head: Status line and fields, without Connection and the empty line.
        size_bytes: Length of the body as sent: 0 for HEAD.
        body: All of it, where it is here.
        pieces: The body, where it is still coming.
        miss: Why it is not from here, where it is not.
        close: Whether the connection ends with this answer.
    """

    status: int
    head: bytes
    size_bytes: int = 0
    body: bytes | memoryview = b""
    pieces: Pieces | None = None
    verdict: Verdict | None = None
    miss: Miss | None = None
    close: bool = False

    def whole(self) -> bytes:
        """Return all that is sent, where the body is here and the connection stays."""
        return b"".join((self.head, b"\r\n", self.body))


def media_head(representation: Representation, selection: Selection, date: Instant) -> bytes:
    """Return the head for a part of a representation, but Age and X-Cache.

    Cost: a look-up where the same was asked for in the same second, as by a crowd.
    """
    return _media_head(representation, selection, date // 1_000_000)


@functools.lru_cache(maxsize=64)
def _media_head(representation: Representation, selection: Selection, date_s: int) -> bytes:
    fields = [f"Date: {http_date(Instant(date_s * 1_000_000))}"]
    if representation.etag:
        fields.append(f"ETag: {representation.etag}")
    if representation.modified_at is not None:
        fields.append(f"Last-Modified: {http_date(representation.modified_at)}")
    size = representation.size_bytes
    if selection.status == 416:
        fields += [f"Content-Range: bytes */{size}", "Content-Length: 0"]
    elif selection.status != 304:
        fields += [
            f"Content-Type: {content_type(representation.path)}",
            f"Content-Length: {selection.size_bytes}",
        ]
    if selection.status == 206:
        fields.append(f"Content-Range: bytes {selection.start}-{selection.stop - 1}/{size}")
    return _head(selection.status, fields, _lasting(representation.path))


def handed_on_head(path: str, status: int, fields: Fields, size_bytes: int, date: Instant) -> bytes:
    """Return our head for the origin's answer: its facts about the body, our rules about the rest."""
    kept = [f"{name}: {fields[low].decode('latin-1')}" for name, low in _FACTS if low in fields]
    if status in {200, 206}:
        kept += [f"Content-Type: {content_type(path)}", f"Content-Length: {size_bytes}"]
    elif status == 416:
        kept.append("Content-Length: 0")
    return _head(status, [f"Date: {http_date(date)}", *kept], _lasting(path))


@functools.lru_cache(maxsize=4096)
def cache_fields(verdict: Verdict, age_s: int | None = None) -> bytes:
    """Return the fields that tell what the cache did."""
    age = b"" if age_s is None else b"Age: %d\r\n" % age_s
    return age + b"X-Cache: " + verdict.encode() + b"\r\n"


def preflight(date: Instant) -> Answer:
    """Answer OPTIONS: everybody may read, for a day."""
    return Answer(204, _head(204, [f"Date: {http_date(date)}"], _ALLOW + _PREFLIGHT))


def steering_preflight(date: Instant) -> Answer:
    """Answer OPTIONS where players ask for their pathway, and tell what they saw."""
    return Answer(204, _head(204, [f"Date: {http_date(date)}"], _ALLOW_REPORTS + _PREFLIGHT_REPORTS))


def nothing(date: Instant) -> Answer:
    """Answer yes, and nothing else."""
    return Answer(204, _head(204, [f"Date: {http_date(date)}"], _NOT_KEPT))


def json_answer(value: object, method: str, date: Instant) -> Answer:
    """Answer with a value of the moment."""
    return _whole(200, codec.encode(value), "application/json", method, [f"Date: {http_date(date)}"])


def moment_answer(content: bytes, method: str, date: Instant) -> Answer:
    """Answer with JSON of the moment, where thousands are answered in a second."""
    head = _moment_head(date // 1_000_000) + b"Content-Length: %d\r\n" % len(content)
    body = b"" if method == "HEAD" else content
    return Answer(200, head, len(body), body)


@functools.lru_cache(maxsize=2)
def _moment_head(date_s: int) -> bytes:
    fields = [f"Date: {http_date(Instant(date_s * 1_000_000))}", "Content-Type: application/json"]
    return _head(200, fields, _NOT_KEPT)


def problem_answer(
    problem: Problem,
    method: str,
    date: Instant,
    verdict: Verdict | None = None,
    lasts_s: float | None = None,
) -> Answer:
    """Answer with a problem, and `Retry-After` where waiting helps.

    Args:
        lasts_s: How long a cache before us may believe it; only nginx is told, in
            a field of its own, so that browsers ask again.
    """
    fields = [f"Date: {http_date(date)}"]
    if problem.retry_after_s is not None:
        fields.append(f"Retry-After: {math.ceil(problem.retry_after_s)}")
    if verdict is not None:
        fields.append(f"X-Cache: {verdict}")
    if lasts_s is not None:
        fields.append(f"X-Accel-Expires: {lasts_s:.0f}")
    if problem.status == 405:
        fields.append("Allow: GET, HEAD, OPTIONS")
    answer = _whole(problem.status, codec.encode(problem), "application/problem+json", method, fields)
    answer.verdict = verdict
    return answer


def refusal_answer(refusal: Refusal, date: Instant) -> Answer:
    """Answer bytes that are no request, and end the connection."""
    problem = Problem(
        type=f"urn:bijou:{refusal.code}",
        title=_TITLES[refusal.status],
        status=refusal.status,
        detail=refusal.detail,
        code=refusal.code,
    )
    answer = problem_answer(problem, "GET", date)
    answer.close = True
    return answer


def _lasting(path: str) -> bytes:
    return _LIVE if is_live(path) else _IMMUTABLE


def _whole(status: int, content: bytes, kind: str, method: str, fields: list[str]) -> Answer:
    head = _head(status, [*fields, f"Content-Type: {kind}", f"Content-Length: {len(content)}"], _NOT_KEPT)
    body = b"" if method == "HEAD" else content
    return Answer(status, head, len(body), body)


def _head(status: int, fields: list[str], more: bytes) -> bytes:
    return (
        _STATUS_LINES[status] + "".join(f"{field}\r\n" for field in fields).encode("latin-1") + more + _OPEN
    )
