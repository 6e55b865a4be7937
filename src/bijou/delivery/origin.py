"""The origin: published blobs over HTTP, for edges to fetch."""

from collections.abc import AsyncGenerator, AsyncIterator

from msgspec import structs

import bijou
from bijou.delivery.answers import Answer, json_answer, media_head, problem_answer, refusal_answer
from bijou.delivery.api import OriginHealth, OriginStatistics
from bijou.delivery.doors import answer_at_door
from bijou.delivery.gate import Gate
from bijou.delivery.model import LIVE_S, MISSING_S, BodyCut, Representation, is_live
from bijou.delivery.sealed import SealRefused, Seals
from bijou.delivery.selection import select
from bijou.delivery.signed_playlists import LONGEST_BYTES, STEERED, plain_key, signed, steered
from bijou.delivery.stock import STOCK_PATH, OriginStock
from bijou.delivery.tally import Tally
from bijou.delivery.tokens import TokenKeys
from bijou.delivery.wire import Refusal, Request
from bijou.ports import BijouBug, BijouError, BlobInfo, Blobs, Clock, NotFound
from bijou.runtime.logs import get_logger

_log = get_logger()


class Origin:
    """Answers requests for blobs under `media/`; every other blob stays private.

    Memory: one piece of 256 KiB an answer in progress; a playlist whole.

    Args:
        keys: Of the tokens that `/allowed/…` checks for caches that cannot; the
            origin itself asks for none, its only clients are edges.
        seals: By which edges that ask for its stock prove themselves; None: nobody is told.
    """

    def __init__(
        self, blobs: Blobs, clock: Clock, keys: TokenKeys | None = None, seals: Seals | None = None
    ) -> None:
        self._seals = seals
        self._stock = OriginStock(blobs)
        self._gate = None if keys is None else Gate(keys)
        self.tally = Tally()
        self._blobs = blobs
        self._clock = clock

    def at_once(self, request: Request) -> Answer | None:
        """Answer all but media and stock."""
        if self._seals is not None and request.path == STOCK_PATH:
            return None
        return answer_at_door(request, request.path, self.health, self._clock.now(), self._gate)

    def ready(self, _asked: bytes, _now_ns: int) -> None:
        """Have nothing ready: bytes are where the blobs are."""

    async def later(self, request: Request) -> Answer:
        """Answer a GET or HEAD of media, or an edge's call for our stock."""
        try:
            if self._seals is not None and request.path == STOCK_PATH:
                return await self._told_stock(request, self._seals)
            return await self._media(request)
        except SealRefused as refused:
            self.tally.refused_by[refused.code] += 1
            return problem_answer(refused.problem(), request.method, self._clock.now())
        except NotFound:
            missing = NotFound("delivery.no_media", f"there is no {request.path}")
            lasts_s = LIVE_S if is_live(request.path) else MISSING_S
            return problem_answer(missing.problem(), request.method, self._clock.now(), lasts_s=lasts_s)
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

    async def _told_stock(self, request: Request, seals: Seals) -> Answer:
        seals.check(request)
        return json_answer(await self._stock.taken(), request.method, self._clock.now())

    async def _media(self, request: Request) -> Answer:
        key = request.path.removeprefix("/")
        if plain := plain_key(key):
            return await self._signed(request, plain)
        blob = await self._blobs.info(key)
        if is_live(request.path):
            return await self._live(request, blob)
        representation = _representation(request, blob)
        selection = select(request.method, request.fields, representation)
        head = media_head(representation, selection, self._clock.now())
        if request.method == "HEAD" or not selection.size_bytes:
            return Answer(selection.status, head)
        pieces = _pieces(self._blobs.read(key, selection.start, selection.stop))
        return Answer(selection.status, head, selection.size_bytes, pieces=pieces)

    async def _live(self, request: Request, blob: BlobInfo) -> Answer:
        """Answer with a playlist that may be replaced between two looks at it.

        All of it is read at once, so that its length and its bytes are of one
        writing; what the tag and the date say may be a second older.
        """
        return self._whole(request, blob, await self._content(blob.key))

    async def _signed(self, request: Request, plain: str) -> Answer:
        """Answer with a playlist as it is, but for the token that it hands on."""
        blob = await self._blobs.info(plain)
        if blob.size_bytes > LONGEST_BYTES:
            raise NotFound(
                "delivery.no_media", f"{plain} is over {LONGEST_BYTES} bytes and has no signed form"
            )
        text = (await self._content(plain)).decode("utf-8", "surrogateescape")
        steers = request.path.endswith(STEERED)
        playlist = steered(text) if steers else signed(text)
        if playlist is None:
            raise NotFound("delivery.no_media", f"{plain} names no variants and has no steered form")
        etag = f'{blob.etag[:-1]}-{"steered" if steers else "signed"}"' if blob.etag else ""
        content = playlist.encode("utf-8", "surrogateescape")
        return self._whole(request, structs.replace(blob, etag=etag), content)

    async def _content(self, key: str) -> bytes:
        return b"".join([piece async for piece in self._blobs.read(key)])

    def _whole(self, request: Request, blob: BlobInfo, content: bytes) -> Answer:
        representation = _representation(request, structs.replace(blob, size_bytes=len(content)))
        selection = select(request.method, request.fields, representation)
        head = media_head(representation, selection, self._clock.now())
        if request.method == "HEAD" or not selection.size_bytes:
            return Answer(selection.status, head)
        body = content[selection.start : selection.stop]
        return Answer(selection.status, head, selection.size_bytes, body)


def _representation(request: Request, blob: BlobInfo) -> Representation:
    return Representation(request.path, blob.size_bytes, blob.etag, blob.modified_at)


async def _pieces(reading: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in reading:
            yield piece
    except BijouError as error:
        raise BodyCut from error
    finally:
        if isinstance(reading, AsyncGenerator):
            await reading.aclose()
