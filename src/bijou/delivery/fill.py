"""One object on its way in, and those who read it while it comes."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from bijou.delivery.model import PIECE_BYTES, BodyCut, Miss, Representation, Verdict

SMALL_BYTES: Final = 1024 * 1024
ROUSED: Final = 64
"""Readers that are woken at once: what they are sent leaves when all of them were seen to."""


Pace = Callable[[int, asyncio.Event], Awaitable[None]]
"""Waits after so many bytes, or until the event tells that somebody waits for more."""


class TooLarge(Exception):
    """The object is not kept in memory: each reader fetches it by itself."""


def worth_finishing(received_bytes: int, size_bytes: int) -> bool:
    """Tell whether a fetch goes on though nobody waits for it any more.

    What is small or half here already is cheap to finish, and somebody wanted it.
    """
    return size_bytes <= SMALL_BYTES or received_bytes * 2 >= size_bytes


class Fill:
    """Bytes that arrive once and are read by many, each at its own pace.

    Cost: one buffer of the object's size, however many read it.
    Threads: one event loop.

    Args:
        miss: Why it has to be fetched.
        pace: How fast, while there is one reader and it is in no hurry.
        deserted: Called when the last reader has left a fetch that is not
            worth finishing.
    """

    def __init__(
        self, path: str, miss: Miss, deserted: "Callable[[Fill], None]", pace: Pace | None = None
    ) -> None:
        self.path = path
        self.miss = miss
        self.verdict = Verdict.FILL
        self.readers = 0
        self.pace = pace
        self.hurried = asyncio.Event()
        self.received_bytes = 0
        self.representation: Representation | None = None
        self._deserted = deserted
        self._buffer = bytearray()
        self._view = memoryview(b"")
        self._error: Exception | None = None
        self._sleepers: list[asyncio.Future[None]] = []
        self._waking: deque[asyncio.Future[None]] = deque()

    @property
    def wanted(self) -> bool:
        """Whether the fetch is to go on: somebody reads, or little is missing."""
        if self.readers or self.representation is None:
            return True  # what is not known yet is decided when it is
        return worth_finishing(self.received_bytes, self.representation.size_bytes)

    @property
    def body(self) -> memoryview:
        """The buffer, read-only; valid up to `received_bytes`."""
        return self._view

    def open(self, representation: Representation) -> None:
        """Note what is coming."""
        self.representation = representation
        self._buffer = bytearray(representation.size_bytes)
        self._view = memoryview(self._buffer).toreadonly()
        self._wake()

    def adopt(self, representation: Representation, body: memoryview, verdict: Verdict) -> None:
        """Take all of it at once from where it was all the time."""
        self.representation, self.verdict = representation, verdict
        self._view, self.received_bytes = body, len(body)
        self._wake()

    def append(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._buffer[self.received_bytes : self.received_bytes + len(piece)] = piece
        self.received_bytes += len(piece)
        self._wake()

    def fail(self, error: Exception) -> None:
        """Tell all who read, now and later, that no more will come."""
        self._error = error
        self._wake()

    async def opened(self) -> Representation:
        """Wait until it is known what is coming.

        Raises:
            Exception: whatever `fail` was given before that.
        """
        while self.representation is None:
            if self._error is not None:
                raise self._error
            await self._changed()
        return self.representation

    async def ready(self, at: int) -> int:
        """Wait until there are bytes beyond `at`; return how many are here.

        Raises:
            BodyCut: they will not come.
        """
        while self.received_bytes <= at:
            if self._error is not None:
                raise BodyCut from self._error
            await self._changed()
        return self.received_bytes

    async def _changed(self) -> None:
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.append(sleeper)
        await sleeper

    def join(self) -> None:
        """Begin to read; the second who does is a viewer, for whom nothing is slowed down."""
        self.readers += 1
        if self.readers > 1:
            self.hurried.set()

    def leave(self) -> None:
        """Read no more."""
        self.readers -= 1
        if not self.wanted:
            self._deserted(self)

    def _wake(self) -> None:
        under_way = bool(self._waking)
        self._waking.extend(self._sleepers)
        self._sleepers.clear()
        if not under_way:
            self._rouse()

    def _rouse(self) -> None:
        """Wake a few in each turn of the loop: first bytes leave while the rest of a crowd is woken."""
        for _ in range(min(ROUSED, len(self._waking))):
            sleeper = self._waking.popleft()
            if not sleeper.done():
                sleeper.set_result(None)
        if self._waking:
            asyncio.get_running_loop().call_soon(self._rouse)


class FillReader:
    """Bytes [start, stop) of a fill, as they come; holds a place among its readers."""

    def __init__(self, fill: Fill) -> None:
        self._fill = fill
        self._at = self._stop = 0
        self._left = False
        fill.join()

    def seek(self, start: int, stop: int) -> None:
        """Choose what is read."""
        self._at, self._stop = start, stop

    def __aiter__(self) -> "FillReader":
        return self

    async def __anext__(self) -> memoryview:
        if self._at >= self._stop:
            raise StopAsyncIteration
        here = await self._fill.ready(self._at)
        start, self._at = self._at, min(here, self._stop, self._at + PIECE_BYTES)
        return self._fill.body[start : self._at]

    async def aclose(self) -> None:
        """Leave the fill."""
        self.leave()

    def leave(self) -> None:
        """Leave the fill; a second time does nothing."""
        if not self._left:
            self._left = True
            self._fill.leave()
