"""The origin: published blobs over HTTP, for edges to fetch."""

from collections.abc import AsyncGenerator, AsyncIterator

import structlog

import bijou
from bijou.delivery.answers import Answer, media_head, problem_answer, refusal_answer
from bijou.delivery.api import OriginHealth, OriginStatistics
from bijou.delivery.doors import answer_at_door
from bijou.delivery.model import BodyCut, Representation
from bijou.delivery.selection import select
from bijou.delivery.tally import Tally
from bijou.delivery.wire import Refusal, Request
from bijou.ports import BijouBug, BijouError, Blobs, Clock, NotFound

_log = structlog.get_logger()


class Origin:
    """Answers requests for blobs under `media/`; every other blob stays private.

    Memory: one piece of 256 KiB an answer in progress.
    """

    def __init__(self, blobs: Blobs, clock: Clock) -> None:
        self.tally = Tally()
        self._blobs = blobs
        self._clock = clock

    def at_once(self, request: Request) -> Answer | None:
        """Answer all but media."""
        return answer_at_door(request, self.health, self._clock.now())

    async def later(self, request: Request) -> Answer:
        """Answer a GET or HEAD of media."""
        try:
            return await self._media(request)
        except NotFound:
            missing = NotFound("delivery.no_media", f"there is no {request.path}")
            return problem_answer(missing.problem(), request.method, self._clock.now())
        except BijouError as error:
            _log.warning("origin.failed", path=request.path, code=error.code, detail=error.detail)
            return problem_answer(error.problem(), request.method, self._clock.now())
        except Exception:  # noqa: BLE001 - the last one who can answer
            _log.exception("origin.crashed", path=request.path)
            bug = BijouBug("delivery.fault", "something broke on our side; it has been written to the log")
            return problem_answer(bug.problem(), request.method, self._clock.now())

    def refused(self, refusal: Refusal) -> Answer:
        """Answer bytes that are no request."""
        return refusal_answer(refusal, self._clock.now())

    def statistics(self) -> OriginStatistics:
        """Return what was done since the start."""
        tally = self.tally
        return OriginStatistics(tally.requests, tally.sent_bytes, tally.connections)

    def health(self) -> OriginHealth:
        """Return what `/healthz` answers."""
        return OriginHealth("origin", bijou.__version__, healthy=True, statistics=self.statistics())

    async def _media(self, request: Request) -> Answer:
        key = request.path.removeprefix("/")
        blob = await self._blobs.info(key)
        representation = Representation(request.path, blob.size_bytes, blob.etag, blob.modified_at)
        selection = select(request.method, request.fields, representation)
        head = media_head(representation, selection, self._clock.now())
        if request.method == "HEAD" or not selection.size_bytes:
            return Answer(selection.status, head)
        pieces = _pieces(self._blobs.read(key, selection.start, selection.stop))
        return Answer(selection.status, head, selection.size_bytes, pieces=pieces)


async def _pieces(reading: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in reading:
            yield piece
    except BijouError as error:
        raise BodyCut from error
    finally:
        if isinstance(reading, AsyncGenerator):
            await reading.aclose()
