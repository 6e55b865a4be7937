"""One person who presses play: sign in, look at the page, open a session, begin the film."""

import asyncio
from urllib.parse import urlsplit

import msgspec

from bijou.drills.peak.admitting import Name
from bijou.drills.peak.tiers import Try
from bijou.drills.swarm import Got, Line, NoAnswer, connect, media_of, multivariant_of
from bijou.playback import Session
from bijou.ports import Clock
from bijou.runtime import codec

SEGMENTS, PATIENCE_S = 3, 10.0


class _GaveUp(Exception):
    """A step failed; what comes after it cannot be tried."""


class Person:
    """Goes through every tier once, and stops where one fails.

    Args:
        page: Address of the title's page.
        name: Whose account; None: it is signed in already.
        tries: Where each try is put.
        begun_s: When the drill began.
    """

    def __init__(
        self, page: str, name: Name | None, tries: list[Try], begun_s: float, *, clock: Clock
    ) -> None:
        self._page, self._name, self._tries, self._begun_s = page, name, tries, begun_s
        self._clock = clock
        self._lines: dict[str, Line] = {}

    async def press_play(self) -> bool:
        """Return whether the film began."""
        try:
            await self._go()
        except _GaveUp:
            return False
        finally:
            for line in self._lines.values():
                line.close()
        return True

    async def _go(self) -> None:
        parts = urlsplit(self._page)
        slug = parts.path.rpartition("/")[2]
        if self._name is not None:
            told = msgspec.json.encode({"name": self._name.name, "password": self._name.password})
            await self._tried("sign-in", self._site("/api/sign-in?token=true"), told)
        await self._tried("page", self._page)
        await self._tried("page", self._site(f"/api/titles/{slug}"))
        opened = await self._tried("session", self._site(f"/api/titles/{slug}/playback"), b"")
        address = codec.decode(opened.body, Session).pathways[0].hls
        title = multivariant_of(_text(await self._tried("playlist", address)), address)
        media = media_of(_text(await self._tried("playlist", title.videos[0])), title.videos[0])
        for segment in [media.init, *media.segments[:SEGMENTS]]:
            if segment:
                await self._tried("segments", segment)

    def _site(self, path: str) -> str:
        parts = urlsplit(self._page)
        return f"{parts.scheme}://{parts.netloc}{path}"

    async def _tried(self, tier: str, address: str, body: bytes | None = None) -> Got:
        begun_s = self._now_s()
        got, trouble = None, ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                got = await self._asked(address, body)
        except TimeoutError:
            trouble = f"nothing in {PATIENCE_S:g} s"
        except NoAnswer:
            trouble = "no answer"
        if got is not None and got.status >= 400:
            trouble = str(got.status)
        took_s = self._now_s() - begun_s
        self._tries.append(Try(tier, begun_s - self._begun_s, took_s, trouble))
        if got is None or trouble:
            raise _GaveUp
        return got

    async def _asked(self, address: str, body: bytes | None) -> Got:
        parts = urlsplit(address)
        line = self._lines.get(parts.netloc)
        if line is None or line.closed:
            line = self._lines[parts.netloc] = await connect(address, self._now_s)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        if body is None:
            return await line.get(path, keep=True)
        return await line.post(path, body, "application/json", keep=True)

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9


def _text(got: Got) -> str:
    return got.body.decode("utf-8", "replace")
