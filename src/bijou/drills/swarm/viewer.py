"""One viewer: fetches, buffers, chooses, jumps, leaves."""

import asyncio
import posixpath
from dataclasses import dataclass
from random import Random
from urllib.parse import urlsplit

from bijou.abr import Chooser, Ladder, ladder_of, own_policy
from bijou.drills.swarm.line import Got, Line, NoAnswer, connect
from bijou.drills.swarm.playhead import Playhead
from bijou.drills.swarm.playlists import Media, Multivariant, media_of, multivariant_of
from bijou.drills.swarm.report import Seen
from bijou.drills.swarm.telling import Telling, query
from bijou.ports import Clock

TRIES, PAUSE_S, PATIENCE_S = 3, 0.5, 10.0


@dataclass(frozen=True, slots=True)
class Habits:
    """How one viewer watches.

    Attributes:
        leaves_s: Seconds after which it leaves, if the film is not over.
        jumps: Chance of a jump before each segment.
        link_bps: Rate of its last mile; each download takes at least that long.
        limit_s: Most seconds in its buffer.
    """

    leaves_s: float
    jumps: float
    link_bps: float
    limit_s: float = 30.0


class Viewer:
    """Watches the title at an address, once.

    Args:
        ladders: By their rates, shared by a crowd.
    """

    def __init__(
        self,
        session: str,
        target: str,
        habits: Habits,
        *,
        ladders: dict[tuple[float, ...], Ladder],
        clock: Clock,
        chance: Random,
    ) -> None:
        self.seen = Seen()
        self._session, self._target, self._habits = session, target, habits
        self._ladders, self._clock, self._chance = ladders, clock, chance
        self._content = posixpath.basename(posixpath.dirname(urlsplit(target).path)) or "film"
        self._line: Line | None = None
        self._media: dict[str, Media] = {}
        self._chooser: Chooser | None = None
        self._playhead = Playhead(asked_s=0.0)
        self._stalls_told = 0

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    async def watch(self) -> None:
        """Watch until the film is over, it is time to leave, or nothing more comes."""
        begun_s = self._now_s()
        self._playhead = Playhead(asked_s=begun_s)
        try:
            await self._watch(begun_s + self._habits.leaves_s)
        except (NoAnswer, ValueError) as error:
            self.seen.failure = str(error)[:120]
        finally:
            self._close()

    def _close(self) -> None:
        self._playhead.leave(self._now_s())
        seen, playhead = self.seen, self._playhead
        seen.startup_s, seen.played_s = playhead.startup_s, playhead.played_s
        seen.stalls, seen.stalled_s = playhead.stalls, playhead.stalled_s
        if self._line:
            self._line.close()

    async def _watch(self, leaves_at_s: float) -> None:
        text = await self._text(self._target, self._telling("m"))
        title = multivariant_of(text, self._target)
        at, rung = 0, 0
        first = await self._rendition(title.videos[0])
        self._chooser = self._chooser_for(title, first)
        while at < len(first.segments):
            await self._room(first.durations_s[at], leaves_at_s)
            if self._now_s() >= leaves_at_s:
                return
            if self._habits.jumps and self._chance.random() < self._habits.jumps:
                at = self._chance.randrange(len(first.segments))
                self._playhead.jump(self._now_s())
                self.seen.jumps += 1
            before, rung = rung, self._choose(first, at)
            self.seen.switches += rung != before
            await self._segment(title, rung, at)
            at += 1
        await self._clock.sleep(
            max(0.0, min(self._playhead.buffer_s(self._now_s()), leaves_at_s - self._now_s()))
        )

    async def _room(self, segment_s: float, leaves_at_s: float) -> None:
        """Wait until the buffer takes another segment, but not beyond one's time."""
        now_s = self._now_s()
        over_s = self._playhead.buffer_s(now_s) + segment_s - self._habits.limit_s
        if over_s > 0:
            await self._clock.sleep(min(over_s, max(0.0, leaves_at_s - now_s)))

    def _choose(self, first: Media, at: int) -> int:
        if self._chooser is None:
            return 0
        left_s = sum(first.durations_s[at:])
        level_s = self._playhead.buffer_s(self._now_s())
        return self._chooser.decide(buffer_s=level_s, limit_s=self._habits.limit_s, left_s=left_s)

    def _chooser_for(self, title: Multivariant, first: Media) -> Chooser | None:
        rates = title.bitrates_bps
        if len(rates) < 2:
            return None
        if rates not in self._ladders:
            mean_s = sum(first.durations_s) / len(first.durations_s)
            self._ladders[rates] = ladder_of(own_policy(), rates, segment_s=mean_s)
        return Chooser(self._ladders[rates])

    async def _segment(self, title: Multivariant, rung: int, at: int) -> None:
        rendition = await self._rendition(title.videos[rung])
        at = min(at, len(rendition.segments) - 1)
        duration_s, rate = rendition.durations_s[at], title.bitrates_bps[rung]
        following = rendition.segments[at + 1] if at + 1 < len(rendition.segments) else ""
        telling = self._telling("v", rate, title.bitrates_bps[-1], duration_s, following)
        got = await self._fetched(rendition.segments[at], telling)
        if self._chooser:
            self._chooser.observe(8 * got.size_bytes, got.time_s - got.first_byte_s, got.first_byte_s)
        if title.sounds[rung]:
            sound = await self._rendition(title.sounds[rung])
            place = sound.segments[min(at, len(sound.segments) - 1)]
            await self._fetched(place, self._telling("a", segment_s=duration_s))
        self._playhead.arrived(self._now_s(), duration_s)
        self.seen.bit_seconds += rate * duration_s
        self.seen.fetched_s += duration_s

    def _telling(
        self,
        kind: str,
        bitrate_bps: float = 0.0,
        top_bps: float = 0.0,
        segment_s: float = 0.0,
        following: str = "",
    ) -> Telling:
        starved = self._playhead.stalls > self._stalls_told
        self._stalls_told = self._playhead.stalls
        return Telling(
            self._session,
            self._content,
            kind,
            bitrate_bps,
            top_bps,
            segment_s,
            self._playhead.buffer_s(self._now_s()),
            self._chooser.throughput_bps if self._chooser else 0.0,
            posixpath.basename(urlsplit(following).path),
            started=self._playhead.startup_s is not None,
            starved=starved,
        )

    async def _rendition(self, address: str) -> Media:
        """Return a rendition's segments; its playlist and init segment are fetched once."""
        if address not in self._media:
            media = media_of(await self._text(address, self._telling("m")), address)
            if media.init:
                await self._fetched(media.init, self._telling("i"))
            self._media[address] = media
        return self._media[address]

    async def _text(self, address: str, telling: Telling) -> str:
        return (await self._fetched(address, telling, keep=True)).body.decode("utf-8", "replace")

    async def _fetched(self, address: str, telling: Telling, *, keep: bool = False) -> Got:
        """Fetch, over a new connection if need be; then wait as the last mile would."""
        parts = urlsplit(address)
        said = query(telling)
        path = f"{parts.path}?{parts.query}&{said}" if parts.query else f"{parts.path}?{said}"
        trouble = ""
        for attempt in range(TRIES):
            if attempt:
                self.seen.errors += 1
                await self._clock.sleep(PAUSE_S * attempt)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    got = await self._once(address, path, keep=keep)
            except (NoAnswer, TimeoutError) as error:
                trouble = str(error) or f"no answer in {PATIENCE_S:g} s"
                self._hang_up()
                continue
            if got.status == 200:
                return await self._last_mile(got)
            trouble = f"{parts.path} answered {got.status}"
        self.seen.errors += 1
        raise NoAnswer(trouble)

    async def _once(self, address: str, path: str, *, keep: bool) -> Got:
        if self._line is None or self._line.closed:
            self._line = await connect(address, self._now_s)
        self.seen.requests += 1
        return await self._line.get(path, keep=keep)

    def _hang_up(self) -> None:
        if self._line:
            self._line.close()
        self._line = None

    async def _last_mile(self, got: Got) -> Got:
        self.seen.received_bytes += got.size_bytes
        least_s = 8 * got.size_bytes / self._habits.link_bps
        if got.time_s - got.first_byte_s < least_s:
            await self._clock.sleep(least_s - (got.time_s - got.first_byte_s))
            got.time_s = got.first_byte_s + least_s
        return got
