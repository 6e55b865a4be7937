"""Whose word counts: few sessions of one address at a time, so that one liar is no crowd."""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from bijou.runtime.peers import household

VOICES: Final = 2
"""One less than the sessions that must have met something before a pathway is left for it."""
QUIET_S: Final = 30.0
"""A session that has said nothing for so long leaves its voice to another one of its address."""

_MOST: Final = 65_536

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Voices:
    """Of one address, only so many sessions are heard at a time, those that spoke first.

    Behind one address may be a household, a campus, or a provider's whole town:
    of those, two speak for all, which makes an incident slower to prove and
    nobody's answer different. On this machine's own addresses everybody is
    heard, for there is no stranger.

    Memory: 65,536 addresses and as many sessions that are not heard.
    Threads: one event loop.

    Args:
        most: Sessions of one address; 0: all.
        now_ns: Tells monotonic time.
        trusted: Proxies that are believed about whom they call for, beside this machine's own.
    """

    def __init__(self, now_ns: Callable[[], int], *, most: int = VOICES, trusted: Sequence[str] = ()) -> None:
        self._now_ns = now_ns
        self._most = most
        self._trusted = [ipaddress.ip_network(each, strict=False) for each in trusted]
        self._homes: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._silenced: OrderedDict[str, None] = OrderedDict()

    def hears(self, session: str, peer: str, fields: Mapping[bytes, bytes]) -> bool:
        """Tell whether a session that speaks up from an address is one of the few.

        Args:
            peer: Whoever is connected here; empty where nobody knows.
            fields: Of its request.
        """
        home = household(self._caller(peer, fields)) if peer and self._most else ""
        if not home or _is_own(home):
            return True
        now_ns = self._now_ns()
        heard = self._homes.setdefault(home, {})
        self._homes.move_to_end(home)
        if len(self._homes) > _MOST:
            self._homes.popitem(last=False)
        if session not in heard and len(heard) >= self._most:
            quietest = min(heard, key=heard.__getitem__)
            if now_ns - heard[quietest] < QUIET_S * 1e9:
                self._silence(session)
                return False
            del heard[quietest]
            self._silence(quietest)  # it may be answered from memory still, without being asked who it is
        heard[session] = now_ns
        self._silenced.pop(session, None)
        return True

    def is_heard(self, session: str) -> bool:
        """Tell whether a session is not one that was one too many when it last spoke up."""
        return session not in self._silenced

    def _silence(self, session: str) -> None:
        self._silenced[session] = None
        self._silenced.move_to_end(session)
        if len(self._silenced) > _MOST:
            self._silenced.popitem(last=False)

    def _caller(self, peer: str, fields: Mapping[bytes, bytes]) -> str:
        """Return for whom a proxy calls, where it is believed; else who is connected."""
        chain = fields.get(b"x-forwarded-for", b"").decode("latin-1").split(",")
        while chain and self._believes(peer):
            said = chain.pop().strip()
            if not said:
                break
            peer = said
        return peer

    def _believes(self, peer: str) -> bool:
        if _is_own(peer):
            return True
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


@lru_cache(maxsize=4096)
def _is_own(address: str) -> bool:
    try:
        return ipaddress.ip_network(address).network_address.is_loopback
    except ValueError:
        return False
