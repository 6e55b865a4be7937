"""Which way one viewer takes to its media; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

PENALTY_S = 10.0
FAILED, STEERED = "failed", "steered"


@dataclass(frozen=True, slots=True)
class Clone:
    """A pathway that is like another one, at another host.

    Args:
        host: Takes the place of the other's; its port stays, as browsers' players have it.
        params: Put into the query of every address.
    """

    id: str
    like: str
    host: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Move:
    """One change of pathway.

    Attributes:
        why: `failed`: the one left gave an error; `steered`: the other was to be preferred.
    """

    at_s: float
    left: str
    taken: str
    why: str


@dataclass(frozen=True, slots=True)
class _Way:
    scheme: str
    authority: str
    params: Mapping[str, str] = field(default_factory=dict)


class Pathways:
    """The pathways of one session, the one in use, and those that failed of late.

    Args:
        bases: `http://host:port` of each pathway, in order of preference, at least one.
        penalty_s: Seconds for which one that failed is left alone, while there is another.

    Example:
        >>> ways = Pathways({"east": "http://a:1", "west": "http://b:2"})
        >>> ways.failed(now_s=5.0), ways.current, ways.through("http://a:1/x?t=1")
        (True, 'west', 'http://b:2/x?t=1')
        >>> ways.settle(now_s=14.9), ways.settle(now_s=15.0), ways.current
        (False, True, 'east')
    """

    def __init__(self, bases: Mapping[str, str], *, penalty_s: float = PENALTY_S) -> None:
        self._ways = {name: _way(base) for name, base in bases.items()}
        self._order = list(self._ways)
        self._penalty_s = penalty_s
        self._barred_until_s: dict[str, float] = {}
        self.current = self._order[0]
        self.moves: list[Move] = []

    def __len__(self) -> int:
        return len(self._ways)

    def through(self, address: str, pathway: str = "") -> str:
        """Return an address as it is by a pathway, by default the one in use; foreign ones as they are."""
        parts = urlsplit(address)
        if parts.netloc not in {way.authority for way in self._ways.values()}:
            return address
        way = self._ways[pathway or self.current]
        query = parts.query
        if way.params:
            query = urlencode({**dict(parse_qsl(query, keep_blank_values=True)), **way.params})
        return urlunsplit((way.scheme, way.authority, parts.path, query, ""))

    def everywhere(self, address: str) -> list[str]:
        """Return an address and then the same by each other pathway."""
        ways = [address, *(self.through(address, name) for name in self._order)]
        return list(dict.fromkeys(ways))

    def steered(self, priority: Iterable[str], clones: Iterable[Clone] = ()) -> None:
        """Take a steering answer; nothing moves before `settle`. Names that are not known are passed over."""
        for clone in clones:
            like = self._ways.get(clone.like)
            if like is not None and clone.id:
                port = like.authority.rpartition(":")[2] if ":" in like.authority else ""
                authority = f"{clone.host}:{port}" if port and clone.host else clone.host or like.authority
                self._ways[clone.id] = _Way(like.scheme, authority, dict(clone.params))
        known = [name for name in priority if name in self._ways]
        self._order = list(dict.fromkeys([*known, *self._order])) if known else self._order

    def settle(self, now_s: float) -> bool:
        """Move to the best pathway that is not barred; tell whether that was a move."""
        return self._move(self._best(now_s), now_s, STEERED)

    def failed(self, now_s: float) -> bool:
        """Leave the pathway in use for a while; tell whether there is one that did not fail of late."""
        self._barred_until_s[self.current] = now_s + self._penalty_s
        self._move(self._best(now_s), now_s, FAILED)
        return self._barred_until_s.get(self.current, 0.0) <= now_s

    def _best(self, now_s: float) -> str:
        free = [name for name in self._order if self._barred_until_s.get(name, 0.0) <= now_s]
        return free[0] if free else min(self._order, key=lambda name: self._barred_until_s[name])

    def _move(self, to: str, now_s: float, why: str) -> bool:
        if to == self.current:
            return False
        self.moves.append(Move(now_s, self.current, to, why))
        self.current = to
        return True


def _way(base: str) -> _Way:
    parts = urlsplit(base)
    return _Way(parts.scheme, parts.netloc)


def base_of(address: str) -> str:
    """Return `http://host:port` of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
