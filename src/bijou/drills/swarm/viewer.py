"""One viewer: fetches, buffers, chooses, jumps, leaves."""

import asyncio
import posixpath
from dataclasses import dataclass
from random import Random
from urllib.parse import urlsplit

from bijou.abr import Chooser, Ladder, ladder_of, own_policy
from bijou.drills.swarm.asides import Asides
from bijou.drills.swarm.events import Event
from bijou.drills.swarm.line import Got, Line, NoAnswer, connect
from bijou.drills.swarm.opening import Ticket
from bijou.drills.swarm.pathways import PENALTY_S, Pathways
from bijou.drills.swarm.playhead import Playhead
from bijou.drills.swarm.playlists import Media, Multivariant, media_of, multivariant_of
from bijou.drills.swarm.report import Seen
from bijou.drills.swarm.telling import Telling, query
from bijou.ports import Clock

TRIES, PAUSE_S, PATIENCE_S = 3, 0.5, 10.0
LEAST_PATIENCE_S, FIRST_PATIENCE_S = 1.5, 4.0


@dataclass(frozen=True, slots=True)
class Habits:
    """How one viewer watches.

    Attributes:
        leaves_s: Seconds after which it leaves, if the film is not over.
        jumps: Chance of a jump before each segment.
        link_bps: Rate of its last mile; each download takes at least that long.
        limit_s: Most seconds in its buffer.
        penalty_s: For which it leaves a pathway alone that failed.
        again: Whether it goes on at the film's beginning when that is over.
    """

    leaves_s: float
    jumps: float
    link_bps: float
    limit_s: float = 30.0
    penalty_s: float = PENALTY_S
    again: bool = False


class Viewer:
    """Watches a title once, by whichever pathway does.

    An error, or half of the buffer spent in waiting for one answer, is a reason
    to ask by the next pathway at once. With one pathway it tries again, later
    each time. Steering moves it at the next segment.

    Args:
        ladders: By their rates, shared by a crowd.
    """

    def __init__(
        self,
        ticket: Ticket,
        habits: Habits,
        *,
        ladders: dict[tuple[float, ...], Ladder],
        clock: Clock,
        chance: Random,
    ) -> None:
        self.seen = Seen()
        self._session, self._target, self._habits = ticket.session, ticket.target, habits
        self._ladders, self._clock, self._chance = ladders, clock, chance
        self._content = posixpath.basename(posixpath.dirname(urlsplit(ticket.target).path)) or "film"
        self._ways = Pathways(ticket.bases, penalty_s=habits.penalty_s)
        self._asides = Asides(ticket, self._content, self._ways, self._throughput_bps, clock=clock)
        self.seen.moves, self.seen.heard = self._ways.moves, self._asides.heard
        self._line: Line | None = None
        self._authority = ""
        self._media: dict[str, Media] = {}
        self._chooser: Chooser | None = None
        self._playhead = Playhead(asked_s=0.0)
        self._stalls_told = 0

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    @property
    def buffer_s(self) -> float:
        """How long the picture moves with what is there now."""
        return self._playhead.buffer_s(self._now_s())

    @property
    def stands_still(self) -> bool:
        """Whether the picture waits now, in the middle of the film."""
        return self._playhead.stands_still(self._now_s())

    async def watch(self) -> None:
        """Watch until the film is over, it is time to leave, or nothing more comes."""
        begun_s = self._now_s()
        self._playhead = Playhead(asked_s=begun_s)
        self.seen.stalls_at = self._playhead.stalls_at
        beside = asyncio.create_task(self._asides.run()) if len(self._ways) > 1 else None
        try:
            await self._watch(begun_s + self._habits.leaves_s)
        except (NoAnswer, ValueError) as error:
            self.seen.failure = str(error)[:120]
        finally:
            self._close()
            if beside:
                beside.cancel()

    def _throughput_bps(self) -> float:
        return self._chooser.throughput_bps if self._chooser else 0.0

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
            self._ways.settle(self._now_s())
            await self._segment(title, rung, at)
            at = (at + 1) % len(first.segments) if self._habits.again else at + 1
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
        self._came()
        if self._chooser:
            self._chooser.observe(8 * got.size_bytes, got.time_s - got.first_byte_s, got.first_byte_s)
        if title.sounds[rung]:
            sound = await self._rendition(title.sounds[rung])
            place = sound.segments[min(at, len(sound.segments) - 1)]
            await self._fetched(place, self._telling("a", segment_s=duration_s))
        self._playhead.arrived(self._now_s(), duration_s)
        self.seen.bit_seconds += rate * duration_s
        self.seen.fetched_s += duration_s

    def _came(self) -> None:
        trail = self.seen.trail
        if not trail or trail[-1][1] != self._ways.current:
            trail.append((self._now_s(), self._ways.current))

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
            self._throughput_bps(),
            posixpath.basename(urlsplit(following).path),
            started=self._playhead.startup_s is not None,
            starved=starved,
        )

    async def _rendition(self, address: str) -> Media:
        """Return a rendition's segments; its playlist and init segment are fetched once by each pathway."""
        address = self._ways.through(address)
        if address not in self._media:
            media = media_of(await self._text(address, self._telling("m")), address)
            if media.init:
                await self._fetched(media.init, self._telling("i"))
            self._media[address] = media
        return self._media[address]

    async def _text(self, address: str, telling: Telling) -> str:
        return (await self._fetched(address, telling, keep=True)).body.decode("utf-8", "replace")

    async def _fetched(self, address: str, telling: Telling, *, keep: bool = False) -> Got:
        """Fetch, by another pathway if need be; then wait as the last mile would."""
        said, trouble, waits, patience_s = query(telling), "", 0, self._patience_s()
        while waits < TRIES:
            place = self._ways.through(address)
            got, trouble = await self._tried(place, said, patience_s, keep=keep)
            if got is not None:
                return await self._last_mile(got)
            self.seen.errors += 1
            self._hang_up()
            patience_s = min(PATIENCE_S, 2 * patience_s)  # who hurries a server that is late makes it later
            if not self._ways.failed(self._now_s()):
                waits += 1
                if waits < TRIES:
                    await self._clock.sleep(PAUSE_S * waits)
        raise NoAnswer(trouble)

    async def _tried(
        self, address: str, said: str, patience_s: float, *, keep: bool
    ) -> tuple[Got | None, str]:
        """Ask once; what came, or else what went wrong. Both are reported."""
        parts = urlsplit(address)
        path = f"{parts.path}?{parts.query}&{said}" if parts.query else f"{parts.path}?{said}"
        got, trouble, kind = None, "", ""
        try:
            async with asyncio.timeout(patience_s):
                got = await self._once(address, path, keep=keep)
        except NoAnswer as error:
            trouble, kind = str(error), "connection"
        except TimeoutError:
            trouble, kind = f"no answer in {patience_s:.1f} s", "timeout"
        if got is not None and got.status != 200:
            trouble, kind = f"{parts.path} answered {got.status}", "status"
        if len(self._ways) > 1:
            self._report(address, got, kind)
        return (None if trouble else got), trouble

    def _patience_s(self) -> float:
        """Where there is another pathway, half of the buffer is enough to wait for one."""
        if len(self._ways) < 2:
            return PATIENCE_S
        if self._playhead.startup_s is None:
            return FIRST_PATIENCE_S
        return min(PATIENCE_S, max(LEAST_PATIENCE_S, self.buffer_s / 2))

    def _report(self, address: str, got: Got | None, kind: str) -> None:
        at_ms, level_s = self._clock.now() // 1000, self.buffer_s
        if got is None:
            self._asides.note(Event(at_ms, address, 0, buffer_s=level_s, error=kind))
        else:
            event = Event(at_ms, address, got.status, got.first_byte_s, got.time_s, level_s, kind)
            self._asides.note(event)

    async def _once(self, address: str, path: str, *, keep: bool) -> Got:
        authority = urlsplit(address).netloc
        if authority != self._authority:
            self._hang_up()
        if self._line is None or self._line.closed:
            self._line = await connect(address, self._now_s)
            self._authority = authority
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
