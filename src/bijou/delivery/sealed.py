"""Calls among services, proven by the keys of tokens: who made it, for what, and that it is fresh."""

import hashlib
from typing import ClassVar, Final

from bijou.delivery.tokens import TokenKeys
from bijou.delivery.wire import Request
from bijou.ports import Clock, Forbidden

SEAL_FIELD: Final = "Bijou-Seal"
SEAL_S: Final = 60
"""Seconds that a call may be under way, and that two machines' clocks may differ."""

_PERSON: Final = b"bijou.service.1"
_FIELD: Final = SEAL_FIELD.lower().encode()


class SealRefused(Forbidden):
    """The call shows no proof that a service of this installation made it."""

    title: ClassVar[str] = "Not one of us"


class Seals:
    """Proves calls, and checks what is said to be one.

    No secret travels: what does holds for this method, address and body, and
    for a minute.

    Example:
        >>> from bijou.delivery.tokens import TokenKey
        >>> from bijou.ports import Instant, VirtualClock
        >>> clock = VirtualClock(Instant(0))
        >>> seals = Seals(TokenKeys(lambda: [TokenKey("k1", bytes(32))], clock), clock)
        >>> seals.seal("GET", "/fill").split(".")[:2]
        ['k1', '3c']
        >>> seals.check(Request("GET", "/fill", {b"bijou-seal": seals.seal("GET", "/fill").encode()}))
    """

    def __init__(self, keys: TokenKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def expire(self, _now_ns: int) -> None:
        """Look for other keys, as part of looking at the time."""
        self._keys.refresh()

    def seal(self, method: str, path: str, body: bytes = b"") -> str:
        """Return what a call shows in `Bijou-Seal`."""
        until_s = self._clock.now() // 1_000_000 + SEAL_S
        return self._keys.seal(f"{until_s:x}.{_digest(method, path, body)}", _PERSON)

    def check(self, request: Request) -> None:
        """Let a call pass that one of us made just now.

        Raises:
            SealRefused: `delivery.seal_missing`, `delivery.seal_forged`, `delivery.seal_old`.
        """
        shown = request.fields.get(_FIELD)
        if shown is None:
            raise SealRefused(
                "delivery.seal_missing", f"{request.path} answers services of this installation only"
            )
        content = self._keys.unseal(shown.decode("latin-1"), _PERSON)
        until, _, digest = (content or "").partition(".")
        if content is None or digest != _digest(request.method, request.path, request.body):
            raise SealRefused("delivery.seal_forged", "the seal is none of ours, or of another call")
        left_s = int(until, 16) - self._clock.now() // 1_000_000
        if not 0 < left_s <= 2 * SEAL_S:
            rule = f"calls hold for {SEAL_S} s; do the two machines' clocks agree?"
            raise SealRefused("delivery.seal_old", f"the seal is good for {left_s} s more; {rule}")


def _digest(method: str, path: str, body: bytes) -> str:
    content = f"{method} {path}\n".encode() + body
    return hashlib.blake2b(content, digest_size=16).hexdigest()
