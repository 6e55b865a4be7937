"""What answers under `/steer/`: from a session's state to its manifest and its next state."""

import re
from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec
from msgspec import structs

from bijou.delivery.answers import Answer, moment_answer, nothing, problem_answer, steering_preflight
from bijou.delivery.steering.answers import MANIFEST_VERSION, PathwayClone, SteeringManifest, UriReplacement
from bijou.delivery.steering.choosing import lot, order
from bijou.delivery.steering.lately import Lately, Said
from bijou.delivery.steering.pathways import Pathways
from bijou.delivery.steering.reports import read_reports
from bijou.delivery.steering.state import (
    MOST_AVOIDED,
    REPORT_BYTES,
    REPORT_PATH,
    STEER_PREFIX,
    Standing,
    States,
)
from bijou.delivery.steering.voices import VOICES, Voices
from bijou.delivery.tokens import TOKEN_PARAMETER, Grant, Route, TokenKeys
from bijou.delivery.wire import Request
from bijou.ports import BijouError, Clock, Instant, InvalidRequest
from bijou.runtime import codec

_PATHWAY: Final = re.compile(
    rb"(?:^|&)_(?:HLS|DASH)_pathway=(?:%22([a-z0-9-]{0,32})%22|([^&]{0,128}))(?:&|$)"
)
_THROUGHPUT: Final = re.compile(
    rb"(?:^|&)_(?:HLS|DASH)_throughput=(?:[0-9]{0,12}(?:,|%2[Cc])){0,8}([0-9]{1,12})(?:&|$)"
)
_USUAL: Final = re.compile(
    rb"_(?:HLS|DASH)_pathway=(?:%22)?([a-z0-9-]{1,32})(?:%22)?(?:&_(?:HLS|DASH)_throughput=([0-9]{1,12}))?"
)
_ASKS: Final = f"GET {STEER_PREFIX}".encode()
_STATE: Final = re.compile(rb"(?:^|&)state=([A-Za-z0-9._~-]+)(?:&|$)")


class Tempo(msgspec.Struct, frozen=True):
    """How often sessions ask, and for how long they pass over what failed them.

    Args:
        ttl_s: Whole seconds between two questions.
        incident_ttl_s: The same while a pathway is not as it should be.
        avoid_s: A region that a session left by itself is not offered first to it for so long, or
            up to twice that.
    """

    ttl_s: int = 10
    incident_ttl_s: int = 2
    avoid_s: int = 60


class SteeringStatistics(msgspec.Struct, frozen=True):
    """What steering has done since its process started.

    Args:
        answers: Manifests given.
        left: Times that a session had left by itself what it was told to use.
        reports: Events of players that were read.
        garbled: Reports that were none.
        unproven: Events of sessions that had proved nothing, and were not believed.
        unheard: Events of sessions whose address had others that are heard.
    """

    answers: int = 0
    left: int = 0
    reports: int = 0
    garbled: int = 0
    unproven: int = 0
    unheard: int = 0


class Steerer:
    """Answers players who ask which pathway to use.

    Args:
        keys: Sign states and the tokens of clones.
        tokens: Whether edges ask for tokens.
        locality: How many times as much a session's own region weighs.
        own_url: Where this process answers, where that is not on the edges themselves.
        voices: Sessions of one address that are heard at a time; 0: all.
        proxies: Who is believed about whom they call for, beside those on this machine.
    """

    def __init__(
        self,
        pathways: Pathways,
        keys: TokenKeys,
        clock: Clock,
        *,
        tokens: bool = True,
        tempo: Tempo | None = None,
        locality: float = 1000.0,
        own_url: str = "",
        voices: int = VOICES,
        proxies: Sequence[str] = (),
    ) -> None:
        self.pathways = pathways
        self.posts = {REPORT_PATH: REPORT_BYTES}
        self.answers = 0
        self.left = 0
        self.reports = 0
        self.garbled = 0
        self.unproven = 0
        self.unheard = 0
        self._voices = Voices(clock.monotonic_ns, most=voices, trusted=proxies)
        self._states = States(keys, clock)
        self._keys = keys
        self._clock = clock
        self._tokens = tokens
        self._tempo = tempo or Tempo()
        self._locality = locality
        self._own_url = own_url.rstrip("/")
        self._clonable = _clonable(pathways)
        self._lately = Lately()

    def answer(self, request: Request) -> Answer | None:
        """Answer what is asked under `/steer/` or told to `/cmcd`; None for everything else."""
        path = request.path
        steers = path.startswith(STEER_PREFIX)
        if not steers and path != REPORT_PATH:
            return None
        now = self._clock.now()
        if request.method == "OPTIONS":
            return steering_preflight(now)
        if not steers:
            return self._told(request, now)
        state, current = path[len(STEER_PREFIX) :], asked_from(request.query)
        try:
            said = self._said_lately(state, current, now) or self._say(state, current)
        except BijouError as error:
            return problem_answer(error.problem(), request.method, now)
        self._voices.hears(said.session, request.peer, request.fields)
        found = _THROUGHPUT.search(request.query)
        return self._given(said, found[1] if found else None, request.method, now)

    def ready(self, asked: bytes) -> Answer | None:
        """Answer a session that asks again in the usual words; None: the request is to be read.

        Args:
            asked: Method and target, as sent.
        """
        target, _, query = asked.partition(b"?")
        found = _USUAL.fullmatch(query) if target.startswith(_ASKS) else None
        if found is None:
            return None
        current, rate = found.groups()
        now = self._clock.now()
        said = self._said_lately(target[len(_ASKS) :].decode("latin-1"), current.decode(), now)
        return None if said is None else self._given(said, rate, "GET", now)

    def _said_lately(self, state: str, current: str, now: Instant) -> Said | None:
        said = self._lately.find(state, current, self.pathways.turn + self._keys.turn, now)
        if said is not None:
            self._keys.note(said.session)
        return said

    def _say(self, state: str, current: str) -> Said:
        """Decide what a session is told; remember it where it will not change by itself."""
        standing = self._states.read(state)
        content = codec.encode(self.manifest(standing, current, state))
        said = Said(standing.session, current, Instant(standing.expires_at_s * 1_000_000), content)
        if not standing.avoid and current in {"", standing.told}:
            self._lately.keep(state, said)
        return said

    def _given(self, said: Said, rate: bytes | None, method: str, now: Instant) -> Answer:
        known = said.current in self.pathways.all and self._voices.is_heard(said.session)
        if rate and known and int(rate):
            self.pathways.measured(said.session, said.current, int(rate))
        self.answers += 1
        return moment_answer(said.content, method, now)

    def _told(self, request: Request, now: Instant) -> Answer:
        """Take what a player saw."""
        if request.method != "POST":
            problem = InvalidRequest("delivery.reports_are_posted", f"{REPORT_PATH} takes POST, nothing else")
            return problem_answer(problem.problem(), request.method, now)
        try:
            session = self._reporter(request.query)
            events = read_reports(request.body)
        except BijouError as error:
            self.garbled += 1
            return problem_answer(structs.replace(error.problem(), status=400), request.method, now)
        for event in events:
            who = session or self._believed(event.session)
            if not who:
                self.unproven += 1
            elif self._voices.hears(who, request.peer, request.fields):
                self.pathways.seen(who, event)
            else:
                self.unheard += 1
        self.reports += len(events)
        return nothing(now)

    def _reporter(self, query: bytes) -> str:
        """Return the session whose state the query shows, or empty where it shows none."""
        found = _STATE.search(query)
        return self._states.read(found[1].decode()).session if found else ""

    def _believed(self, session: str) -> str:
        """Return a session that a player only names, if it was here with a proof before."""
        return session if self._keys.knows(session) else ""

    def expire(self, _now_ns: int) -> None:
        """Look for other keys, as part of looking at the time."""
        self._states.refresh()

    def statistics(self) -> SteeringStatistics:
        """Return what was done since the start."""
        return SteeringStatistics(
            self.answers, self.left, self.reports, self.garbled, self.unproven, self.unheard
        )

    def manifest(self, standing: Standing, current: str, state: str) -> SteeringManifest:
        """Return what a session is told.

        Args:
            current: Pathway that the player says it uses, or empty.
            state: The standing as it was written, which serves again where nothing changed.
        """
        current = current if current in self.pathways.all else ""
        now_s = self._clock.now() // 1_000_000
        avoid = self._avoided(standing, current, now_s)
        priority = order(
            standing.session,
            self.pathways.candidates,
            home=standing.home,
            current=current,
            avoid={region for region, _ in avoid},
            locality=self._locality,
        )
        if priority[0] != standing.told or avoid != standing.avoid:
            state = self._states.write(structs.replace(standing, told=priority[0], avoid=avoid))
        tempo = self._tempo
        return SteeringManifest(
            tempo.incident_ttl_s if self.pathways.incident or avoid else tempo.ttl_s,
            f"{self._asked_at(priority)}{STEER_PREFIX}{state}",
            priority,
            self._clones(standing, current or standing.home, priority),
            self.pathways.brown_out,
            version=MANIFEST_VERSION,
        )

    def _avoided(self, standing: Standing, current: str, now_s: int) -> tuple[tuple[str, int], ...]:
        """Return the regions that failed this session: what it was told to use and does not.

        One that is known to be unwell failed everybody; its return is the ramp's
        business. The others are passed over for a while that differs from
        session to session, so that a crowd that left together does not return so.
        """
        told, well = standing.told, self.pathways.is_well
        # None lasts so long but by a clock that was set meanwhile, or another edge's.
        last_s = now_s + 3 * self._tempo.avoid_s
        avoid = tuple(entry for entry in standing.avoid if now_s < entry[1] <= last_s and well(entry[0]))
        if not current or current == told or told not in self.pathways.all:
            return avoid
        self.left += 1
        if not well(told):
            return avoid
        until_s = now_s + round(self._tempo.avoid_s * (1 + lot(standing.session, told)))
        others = [entry for entry in avoid if entry[0] != told]
        return (*others[1 - MOST_AVOIDED :], (told, until_s))

    def _asked_at(self, priority: Sequence[str]) -> str:
        """Return where the next question goes: to the region that serves the media.

        What is told of a region then comes from one that the viewer surely
        reaches: a cut between two regions moves nobody.
        """
        return self._own_url or self.pathways.all[priority[0]].base_url

    def _clones(self, standing: Standing, base: str, priority: Collection[str]) -> list[PathwayClone]:
        """Return how to make each other pathway of the base."""
        hosts = self._clonable.get(base, {})
        return [
            PathwayClone(base, region, UriReplacement(hosts[region], self._params(standing, region)))
            for region in priority
            if region in hosts
        ]

    def _params(self, standing: Standing, region: str) -> dict[str, str]:
        if not self._tokens:
            return {}
        grant = Grant(standing.scope, standing.expires_at_s, standing.session, region, Route.STEERED)
        return {TOKEN_PARAMETER: self._keys.sign(grant)}


def asked_from(query: bytes) -> str:
    """Return the pathway that a player says it uses, or empty; of several, the one it came to last.

    Example:
        >>> asked_from(b"_HLS_pathway=%22east%22&_HLS_throughput=5000000")
        'east'
    """
    found = _PATHWAY.search(query)
    if found is None:
        return ""
    usual, other = found.groups()
    if usual is not None:
        return usual.decode()
    return unquote_to_bytes(other).decode("latin-1").strip('"').rpartition(",")[2]


def _clonable(pathways: Pathways) -> dict[str, dict[str, str]]:
    """Return for each pathway the names of others' hosts that make it theirs: ports cannot differ."""
    places = {region: urlsplit(pathway.base_url) for region, pathway in pathways.all.items()}
    return {
        region: {
            other: there.hostname or ""
            for other, there in places.items()
            if other != region
            and (there.scheme, there.port, there.path) == (here.scheme, here.port, here.path)
        }
        for region, here in places.items()
    }
