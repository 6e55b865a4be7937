"""The origin's answers as an edge understands them, and hands them on."""

from typing import Final

from bijou.delivery.answers import Answer, cache_fields, handed_on_head
from bijou.delivery.dates import read_http_date
from bijou.delivery.line import RETRY_AFTER_S, OriginAnswer
from bijou.delivery.model import OriginFailed, Representation, Verdict
from bijou.delivery.wire import Request
from bijou.ports import Instant, NotFound

CONDITION_FIELDS: Final = ("Range", "If-Range", "If-None-Match", "If-Modified-Since")

_HANDED_ON: Final = frozenset({200, 206, 304, 416})


def representation_of(path: str, answer: OriginAnswer, origin_url: str) -> Representation:
    """Return what a 200 of the origin brings.

    Raises:
        NotFound: it is a 404.
        OriginFailed: it is neither.
    """
    _check(answer, frozenset({200}), path, origin_url)
    modified = read_http_date(answer.fields.get(b"last-modified", b"").decode("latin-1"))
    etag = answer.fields.get(b"etag", b"").decode("latin-1")
    return Representation(path, answer.size_bytes, etag, modified)


def hand_on(request: Request, path: str, answer: OriginAnswer, date: Instant, origin_url: str) -> Answer:
    """Return the origin's answer as ours.

    Raises:
        NotFound: it is a 404.
        OriginFailed: it is nothing that an origin of media answers.
    """
    _check(answer, _HANDED_ON, path, origin_url)
    size_bytes = _announced(answer) if answer.status in {200, 206} else 0
    head = handed_on_head(path, answer.status, answer.fields, size_bytes, date)
    body_bytes = 0 if request.method == "HEAD" else size_bytes
    return Answer(
        answer.status, head + cache_fields(Verdict.PASS), body_bytes, pieces=answer, verdict=Verdict.PASS
    )


def _announced(answer: OriginAnswer) -> int:
    """Return the length that the head says, which HEAD does not bring."""
    length = answer.fields.get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def _check(answer: OriginAnswer, wanted: frozenset[int], path: str, origin_url: str) -> None:
    if answer.status == 404:
        raise NotFound("delivery.no_media", f"there is no {path}")
    if answer.status not in wanted:
        detail = f"the origin {origin_url} answered {answer.status} to {path}"
        raise OriginFailed("delivery.origin_failed", detail, retry_after_s=RETRY_AFTER_S)
