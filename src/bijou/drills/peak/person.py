"""One person who presses play: sign in, look at the page, open a session, begin the film."""

import asyncio
from urllib.parse import urlsplit

import msgspec

from bijou.drills.peak.admitting import Name
from bijou.drills.peak.tiers import Entry, Try
from bijou.drills.swarm import Got, Line, NoAnswer, connect, media_of, multivariant_of
from bijou.playback import Session
from bijou.ports import Clock, Problem
from bijou.runtime import codec

SEGMENTS, PATIENCE_S = 3, 10.0


class _GaveUp(Exception):
    """A step failed; what comes after it cannot be tried.

    Args:
        come_back_s: When the service said that it may be tried again; 0: it did not.
    """

    def __init__(self, come_back_s: float = 0.0) -> None:
        super().__init__()
        self.come_back_s = come_back_s


class Person:
    """Goes through every tier once, and stops where one fails.

    Sign-in is tried again when the service says, as the site does by itself.

    Args:
        page: Address of the title's page.
        name: Whose account; None: it is signed in already.
        tries: Where each try is put.
        begun_s: When the drill began.
        patience_s: For how long signing in is tried again.
        entries: Where what became of signing in is put.
    """

    def __init__(
        self,
        page: str,
        name: Name | None,
        tries: list[Try],
        begun_s: float,
        *,
        clock: Clock,
        patience_s: float,
        entries: list[Entry],
    ) -> None:
        self._page, self._name, self._tries, self._begun_s = page, name, tries, begun_s
        self._clock, self._patience_s, self._entries = clock, patience_s, entries
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
            await self._sign_in(self._name)
        await self._tried("page", self._page)
        await self._tried("page", self._site(f"/api/titles/{slug}"))
        opened = await self._tried("session", self._site(f"/api/titles/{slug}/playback"), b"")
        address = codec.decode(opened.body, Session).pathways[0].hls
        title = multivariant_of(_text(await self._tried("playlist", address)), address)
        media = media_of(_text(await self._tried("playlist", title.videos[0])), title.videos[0])
        for segment in [media.init, *media.segments[:SEGMENTS]]:
            if segment:
                await self._tried("segments", segment)

    async def _sign_in(self, name: Name) -> None:
        told = msgspec.json.encode({"name": name.name, "password": name.password})
        came_s, tries, let_in = self._now_s(), 0, False
        try:
            while not let_in:
                tries += 1
                try:
                    await self._tried("sign-in", self._site("/api/sign-in?token=true"), told)
                    let_in = True
                except _GaveUp as gave_up:
                    waited_s = self._now_s() - came_s
                    if not gave_up.come_back_s or waited_s + gave_up.come_back_s > self._patience_s:
                        raise
                    await self._clock.sleep(gave_up.come_back_s)
        finally:
            self._entries.append(Entry(self._now_s() - came_s, tries, let_in))

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
            raise _GaveUp(_come_back_s(got))
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


def _come_back_s(got: Got | None) -> float:
    """Return when a service that is busy wants to be asked again; 0 where it is not, or does not say."""
    if got is None or got.status != 503:
        return 0.0
    try:
        return codec.decode(got.body, Problem).retry_after_s or 0.0
    except msgspec.DecodeError:
        return 0.0


def _text(got: Got) -> str:
    return got.body.decode("utf-8", "replace")
